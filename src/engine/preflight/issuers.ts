import type { PresetName } from '../../config/presets.ts'
import { PRESETS } from '../../config/presets.ts'
import type { Issuer } from './examination.ts'

/** What the CAs of the presets call themselves in CAA records, by their own documents. */
const ISSUER_DOMAINS = {
  letsencrypt: ['letsencrypt.org'],
  'letsencrypt-staging': ['letsencrypt.org'],
  zerossl: ['sectigo.com', 'trust-provider.com', 'usertrust.com', 'comodoca.com', 'comodo.com'],
  google: ['pki.goog'],
  sectigo: ['sectigo.com', 'trust-provider.com', 'usertrust.com', 'comodoca.com', 'comodo.com'],
  digicert: [
    'digicert.com',
    'www.digicert.com',
    'symantec.com',
    'thawte.com',
    'geotrust.com',
    'rapidssl.com',
  ],
  'ssl.com': ['ssl.com'],
} as const satisfies Partial<Record<PresetName, readonly string[]>>

export const PUBLIC_CAS = Object.keys(ISSUER_DOMAINS)
const PUBLIC_DOMAINS = new Set<string>(Object.values(ISSUER_DOMAINS).flat())

/** The CA of a preset; null for presets of CAs that everybody runs himself. */
export function issuerOfPreset(name: string): Issuer | null {
  if (!Object.hasOwn(ISSUER_DOMAINS, name)) return null
  const known = name as keyof typeof ISSUER_DOMAINS
  return { title: PRESETS[known].title, domains: ISSUER_DOMAINS[known], isPublic: true }
}

/** A CA by its issuer domain: one's own, unless it is known as a public one's. */
export function issuerOfDomain(domain: string): Issuer {
  return { title: domain, domains: [domain], isPublic: PUBLIC_DOMAINS.has(domain) }
}
