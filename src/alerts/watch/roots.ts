import { X509Certificate } from 'node:crypto'
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls'

/** What served certificates are verified against. */
export interface Roots {
  readonly context: SecureContext
  /** SHA-256 of each, hex. */
  readonly fingerprints: ReadonlySet<string>
}

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/** The usual roots, and those in these PEM texts: of configured CAs, and acmetap's own. Takes some 20 ms. */
export function rootsWith(pems: readonly string[]): Roots {
  const all = [...getCACertificates('default'), ...pems.flatMap((pem) => pem.match(BLOCK) ?? [])]
  const fingerprints = new Set<string>()
  const readable = all.filter((pem) => {
    try {
      fingerprints.add(fingerprintOf(new X509Certificate(pem).fingerprint256))
      return true
    } catch {
      return false
    }
  })
  return { context: createSecureContext({ ca: readable, minVersion: 'TLSv1.2' }), fingerprints }
}

/** As Node writes it, to lower-case hex without colons. */
export function fingerprintOf(text: string): string {
  return text.replaceAll(':', '').toLowerCase()
}
