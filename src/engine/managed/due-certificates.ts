import { isIP } from 'node:net'
import { readCertificateChain } from '../../acme/certificate.ts'
import type { Identifier } from '../../acme/identifier.ts'
import type { ManagedCertificateConfig } from '../../config/engine.ts'
import { keyTypeNamed } from '../certificate-key.ts'
import type { CertificateKeyType, JobReason, KeptCertificate } from '../job.ts'
import { sameNames } from '../wanted-names.ts'
import { lifetimeOf, type RenewalMoment, type RenewalWindow, renewalMoment } from './renewal-moment.ts'

export interface DueCertificate {
  readonly settings: ManagedCertificateConfig
  readonly kept: KeptCertificate | null
  readonly reason: Extract<JobReason, 'first' | 'changed' | 'renewal'>
  /** One line for people. */
  readonly why: string
}

/** What of a managed certificate says that it is due. */
export interface Standing {
  readonly settings: ManagedCertificateConfig
  /** The newest one; null while there is none. */
  readonly kept: KeptCertificate | null
  readonly window: RenewalWindow | null
  /** The CA has not been asked for its window yet: it may say another time than the lifetime does. */
  readonly isUnasked: boolean
}

/** Those that are due at `now` (µs since 1970), the most urgent first: with the least of its life left, then the new ones. */
export function dueCertificates(standings: readonly Standing[], now: number): DueCertificate[] {
  return standings
    .flatMap((standing) => dueOf(standing, now) ?? [])
    .map((due) => ({ due, left: leftOf(due.kept, now) }))
    .sort((one, other) => one.left - other.left)
    .map(({ due }) => due)
}

/** Part of its life that is left. One that does not exist is served by nobody yet: those in use come first. */
function leftOf(kept: KeptCertificate | null, now: number): number {
  if (kept?.revokedAt !== undefined) return 0
  return kept === null ? 0.5 : (kept.notAfter - now) / Math.max(1, lifetimeOf(kept))
}

function dueOf({ settings, kept, window, isUnasked }: Standing, now: number): DueCertificate | null {
  if (kept === null) return { settings, kept, reason: 'first', why: 'none was obtained yet' }
  const change = changeOf(settings, kept)
  if (change !== null) return { settings, kept, reason: 'changed', why: change }
  if (kept.revokedAt !== undefined)
    return { settings, kept, reason: 'renewal', why: `it was revoked ${textOf(kept.revokedAt)}` }
  const moment = renewalMoment(kept, window)
  if (now < moment.at || (isUnasked && now < kept.notAfter)) return null
  return { settings, kept, reason: 'renewal', why: whyNow(moment, kept, window, now) }
}

/** What the configuration wants otherwise than what is kept; null where it is the same. */
export function changeOf(
  settings: ManagedCertificateConfig,
  kept: Pick<KeptCertificate, 'ca' | 'profile' | 'identifiers' | 'chain'>,
): string | null {
  if (settings.ca !== kept.ca) return `the configuration has CA ${settings.ca}, and it is of ${kept.ca}`
  if (!sameNames(identifiersOf(settings), kept.identifiers)) return 'the configuration has other names'
  const profile = settings.profile ?? null
  if (profile !== kept.profile)
    return `the configuration has ${profile === null ? 'no profile' : `profile ${profile}`} now`
  const keyType = keyTypeOf(kept.chain)
  if (keyType !== null && keyType !== settings.key_type)
    return `the configuration has ${settings.key_type}, and its key is ${keyType}`
  return null
}

export function identifiersOf({ names }: Pick<ManagedCertificateConfig, 'names'>): Identifier[] {
  return names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }))
}

/** Of the leaf; null where it is none that the configuration knows. */
export function keyTypeOf(chain: string): CertificateKeyType | null {
  const leaf = readCertificateChain(Buffer.from(chain))?.leaf
  if (leaf === undefined) return null
  return keyTypeNamed(leaf.keyType, leaf.keyBits)
}

function whyNow(
  { by }: RenewalMoment,
  { notAfter }: KeptCertificate,
  window: RenewalWindow | null,
  now: number,
): string {
  if (notAfter <= now) return `it ended ${textOf(notAfter)}`
  if (by === 'lifetime') return `it ends ${textOf(notAfter)}`
  const explained = window?.explanation ? `; it explains: ${window.explanation}` : ''
  return window !== null && window.end <= now
    ? `the CA wants it renewed at once${explained}`
    : `the CA suggests to renew it now${explained}`
}

function textOf(micros: number): string {
  return `${new Date(micros / 1000).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
