import { isIP } from 'node:net'
import type { Failure } from '../inventory/failure.ts'
import type { DiagnosisClass } from './classes.ts'

/** One thing that several failures may have in common. */
export interface Shared {
  readonly kind: string
  readonly value: string
}

/** What leads close to the cause weighs more than a circumstance that covers as many names. */
const WEIGHT: Readonly<Record<string, number>> = {
  address: 8,
  resolver: 8,
  limit: 8,
  rule: 8,
  text: 8,
  'CAA record': 8,
  'redirect target': 6,
  server: 6,
  domain: 4,
  name: 4,
  client: 3,
  host: 3,
  account: 2,
  CA: 2,
  program: 1,
}

export function weightOf(shared: Shared | null): number {
  return shared === null ? 0 : (WEIGHT[shared.kind] ?? 1)
}

/** Where the CA itself, or the account there, may be what failures have in common. */
const OF_CA: ReadonlySet<DiagnosisClass> = new Set([
  'rate-limit',
  'ca-busy',
  'account-paused',
  'ca-internal',
  'ca-unreachable',
  'ca-certificate',
  'ca-answer',
  'external-account-required',
  'external-account-refused',
  'terms-not-agreed',
  'account-unknown',
  'account-inactive',
  'bad-nonce',
  'nonce-storm',
  'profile-refused',
  'unclassified',
])

/** Everything of a failure that another may have too. */
export function sharedBy({ diagnosis, names, client, account, ca }: Failure): Shared[] {
  const { details } = diagnosis
  const shared: Shared[] = []
  const add = (kind: string, value: string | null | undefined): void => {
    if (value) shared.push({ kind, value })
  }
  add('address', details.address)
  add('resolver', details.resolver)
  if (diagnosis.class === 'rate-limit' && details.limit !== undefined)
    add('limit', details.key === undefined ? details.limit : `${details.limit} ${details.key}`)
  if (diagnosis.class === 'policy-denied') add('rule', details.rule)
  if (diagnosis.class === 'caa') add('CAA record', details.name)
  if (diagnosis.class === 'bad-redirect') add('redirect target', details.target)
  add('server', details.server)
  if (diagnosis.class === 'unclassified') add('text', details.shape)
  if (names.length === 1) add('name', names[0])
  for (const domain of new Set(names.flatMap(domainsOf))) add('domain', domain)
  add('client', client?.label)
  add('host', client?.source)
  add('program', client?.program)
  if (OF_CA.has(diagnosis.class)) {
    add('account', account?.url)
    add('CA', ca)
  }
  return shared
}

const MAX_SUFFIXES = 8
/** Labels under which country registries register: `example.co.uk` and `example.net.au` share nothing by them. */
const SECOND_LEVEL = /^(?:ac|co|com|edu|go|gob|gov|ltd|me|ne|net|nom|or|org|sch)\.[a-z]{2}$/

/**
 * The name and every suffix of it with at least two labels, so that names meet at the longest one they have in common.
 * Not by the public suffix list: at worst two owners under one provider's domain are told together.
 */
export function domainsOf(name: string): string[] {
  if (isIP(name) !== 0) return []
  const labels = name.replace(/^\*\./, '').toLowerCase().split('.')
  const domains: string[] = []
  for (let i = Math.max(0, labels.length - MAX_SUFFIXES); i <= labels.length - 2; i += 1) {
    const domain = labels.slice(i).join('.')
    if (!SECOND_LEVEL.test(domain)) domains.push(domain)
  }
  return domains
}
