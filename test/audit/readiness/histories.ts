import type { Client } from '../../../src/audit/inventory/client.ts'
import {
  type ClientHistory,
  DAY,
  type IssuedCertificate,
  type SeenOrder,
} from '../../../src/audit/readiness/history.ts'
import { aClient } from '../../support/inventoried.ts'

export const START = Date.parse('2026-01-01T00:00:00Z')

/** Certificates of one name, each issued `ages` days after the one before; each lives `lifetimes` days. */
export function issued(
  ages: readonly number[],
  lifetimes: number | readonly number[] = 90,
  parts: Partial<IssuedCertificate> = {},
): IssuedCertificate[] {
  let at = START
  return [0, ...ages].map((age, index) => {
    at += age * DAY
    const lifetime = typeof lifetimes === 'number' ? lifetimes : lifetimes[index]!
    return {
      fingerprint: `${parts.name ?? 'a.test'}-${index}`,
      name: 'a.test',
      lineage: `P-256\ndns:${parts.name ?? 'a.test'}`,
      names: 1,
      notBefore: at,
      notAfter: at + lifetime * DAY,
      profile: null,
      replaces: null,
      window: null,
      ...parts,
    }
  })
}

/** With the window that Boulder suggests: two thirds of the life, 2 % wide. */
export function withWindows(certificates: readonly IssuedCertificate[]): IssuedCertificate[] {
  return certificates.map((one) => {
    const life = one.notAfter - one.notBefore
    const middle = one.notBefore + (2 / 3) * life
    return { ...one, window: { start: middle - 0.01 * life, end: middle + 0.01 * life } }
  })
}

/** Of a program that is not known, unless something else is said. */
export function history(
  certificates: readonly IssuedCertificate[],
  parts: Omit<Partial<ClientHistory>, 'client'> & { readonly client?: Partial<Client> } = {},
): ClientHistory {
  return {
    certificates,
    before: new Map(),
    orders: [],
    extendedKeyUsage: null,
    caOffersRenewalInfo: true,
    ...parts,
    client: aClient({
      asksRenewalInfo: false,
      userAgent: 'home-made/1',
      program: 'home-made',
      ...parts.client,
    }),
  }
}

/** An order `day` days after the start; each name with the hours since it was validated, null for anew. */
export function ordered(day: number, names: Readonly<Record<string, number | null | 'unseen'>>): SeenOrder {
  const createdAt = START + day * DAY
  return {
    id: `order-${day}`,
    createdAt,
    names: Object.keys(names).length,
    profile: null,
    authorizations: Object.entries(names).map(([name, hours]) => ({
      name,
      reused: hours !== null,
      validatedAt: hours === 'unseen' ? null : createdAt - (hours ?? 0) * (DAY / 24),
    })),
  }
}
