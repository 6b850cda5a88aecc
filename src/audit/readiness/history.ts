import type { InventoriedCertificate } from '../inventory/certificate.ts'
import type { Client } from '../inventory/client.ts'

export const DAY = 86_400_000

/** What a certificate tells of its client's habits. Times in ms since 1970. */
export interface IssuedCertificate {
  readonly fingerprint: string
  /** First name, for people. */
  readonly name: string
  /** Same identifiers and same kind of key: one certificate follows the other. */
  readonly lineage: string
  readonly names: number
  readonly notBefore: number
  readonly notAfter: number
  readonly profile: string | null
  readonly replaces: string | null
  readonly window: { readonly start: number; readonly end: number } | null
}

/** An order whose authorizations were looked at. */
export interface SeenOrder {
  readonly id: string
  readonly createdAt: number
  readonly names: number
  readonly profile: string | null
  readonly authorizations: readonly {
    readonly name: string
    readonly reused: boolean
    /** When its challenge was seen valid; null where that was not seen. */
    readonly validatedAt: number | null
  }[]
}

/** Everything about one client that the checks look at. */
export interface ClientHistory {
  readonly client: Client
  /** Oldest first. */
  readonly certificates: readonly IssuedCertificate[]
  /** Those before the first one of a lineage, of whatever source, by fingerprint. */
  readonly before: ReadonlyMap<string, IssuedCertificate>
  /** The newest few that came to an end. */
  readonly orders: readonly SeenOrder[]
  /** Of the newest certificate; null where it is not kept. */
  readonly extendedKeyUsage: readonly string[] | null
  /** Whether any client was seen to ask this CA for renewal information. */
  readonly caOffersRenewalInfo: boolean
}

export interface Renewal {
  readonly name: string
  readonly at: number
  /** Days: how old the certificate before was, and how long it lived. */
  readonly age: number
  readonly lifetime: number
  /** Whether it happened in the window that the CA had suggested; null where none was seen. */
  readonly inWindow: boolean | null
}

export function issuedCertificate(certificate: InventoriedCertificate): IssuedCertificate {
  const { fingerprint, identifiers, keyType, profile, replaces, renewalWindow } = certificate
  const names = identifiers.map(({ type, value }) => `${type}:${value}`).sort()
  return {
    fingerprint,
    name: identifiers[0]?.value ?? certificate.commonName ?? certificate.serial,
    lineage: [keyType ?? '', ...names].join('\n'),
    names: identifiers.length,
    notBefore: Date.parse(certificate.notBefore),
    notAfter: Date.parse(certificate.notAfter),
    profile,
    replaces,
    window: renewalWindow && { start: Date.parse(renewalWindow.start), end: Date.parse(renewalWindow.end) },
  }
}

export function lifetimeOf({
  notBefore,
  notAfter,
}: Pick<IssuedCertificate, 'notBefore' | 'notAfter'>): number {
  return (notAfter - notBefore) / DAY
}

/** Under a day the same certificate was issued again, not renewed. */
const LEAST_AGE = 1

/** Oldest first. What was issued again within a day is no renewal. */
export function renewalsOf({
  certificates,
  before,
}: Pick<ClientHistory, 'certificates' | 'before'>): readonly Renewal[] {
  const lineages = Map.groupBy(certificates, ({ lineage }) => lineage)
  const renewals: Renewal[] = []
  for (const line of lineages.values()) {
    const sorted = line.toSorted((a, b) => a.notBefore - b.notBefore)
    let last = sorted[0]!.replaces === null ? undefined : before.get(sorted[0]!.replaces)
    for (const one of sorted) {
      if (last !== undefined) {
        const age = (one.notBefore - last.notBefore) / DAY
        // The one that was in use goes on being the one before.
        if (age < LEAST_AGE) continue
        renewals.push({
          name: one.name,
          at: one.notBefore,
          age,
          lifetime: lifetimeOf(last),
          inWindow:
            last.window &&
            one.notBefore >= last.window.start - DAY &&
            one.notBefore <= last.window.end + 2 * DAY,
        })
      }
      last = one
    }
  }
  return renewals.sort((a, b) => a.at - b.at)
}
