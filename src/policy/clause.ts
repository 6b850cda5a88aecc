import type { ConditionDocument } from './document.ts'
import { type Pattern, parsePattern } from './names/pattern.ts'
import type { PatternSets } from './pattern-sets.ts'
import type { RequestValue } from './request-values.ts'

/**
 * What a rule surely asks, as far as it can be looked up: where one of these is not so, what the clause stands for is
 * false. A rule is asked only where one of its clauses may be true.
 */
export interface Clause {
  /** A DNS name that touches none of them is not meant; null: any may be. */
  readonly patterns: readonly Pattern[] | null
  /** Networks of the addresses (RFC 8738) that may be meant; null: any may be. */
  readonly addresses: readonly string[] | null
  /** The request has one of them. */
  readonly values: { readonly [name in RequestValue]?: readonly string[] }
  /** Networks, one of which the client's address is in; null: it may be any. */
  readonly clientAddresses: readonly string[] | null
}

const ANYTHING: Clause = { patterns: null, addresses: null, values: {}, clientAddresses: null }

/** Of one rule. Of more the whole says only what all of them say together. */
const MOST_CLAUSES = 16

/** One for each way in which the condition can be true. What stands below `not` says nothing here. */
export function clausesOf(document: ConditionDocument, sets: PatternSets): readonly Clause[] {
  const { all = [], any } = document
  const parts = all.map((inner) => clausesOf(inner, sets))
  if (any !== undefined) parts.push(bounded(any.flatMap((inner) => clausesOf(inner, sets))))
  return parts.reduce<readonly Clause[]>(
    (clauses, part) => bounded(clauses.flatMap((one) => part.map((other) => both(one, other)))),
    [plainClause(document, sets)],
  )
}

function plainClause(document: ConditionDocument, sets: PatternSets): Clause {
  const { names, registered_domain, public_suffix, ip, identifier_type, client = {} } = document
  const clauses: Clause[] = []
  const about = (patterns: Clause['patterns'], addresses: Clause['addresses']) =>
    clauses.push({ ...ANYTHING, patterns, addresses })
  if (names !== undefined) about(sets.patterns(names), [])
  for (const domains of [registered_domain, public_suffix]) {
    if (domains !== undefined) about(within(sets.entries(domains)), [])
  }
  if (ip !== undefined) about([], sets.entries(ip))
  if (identifier_type !== undefined) {
    about(identifier_type.includes('dns') ? null : [], identifier_type.includes('ip') ? null : [])
  }
  const clientAddresses = client.address === undefined ? null : sets.entries(client.address)
  return clauses.reduce(both, { ...ANYTHING, values: valuesOf(document), clientAddresses })
}

function valuesOf({ operation, mode, ca, client = {} }: ConditionDocument): Clause['values'] {
  const { label, proxy_user, external_account, account, software } = client
  return {
    ...(operation && { operation }),
    ...(mode && { mode }),
    ...(ca && { ca }),
    ...(label && { label }),
    ...(proxy_user && { proxyUser: proxy_user }),
    ...(external_account && { externalAccount: external_account }),
    ...(account && { account }),
    ...(software && { software: software.map((name) => name.toLowerCase()) }),
  }
}

/** Of two lists that both hold the shorter one: it leaves less. */
function both(a: Clause, b: Clause): Clause {
  const values: Record<string, readonly string[]> = { ...a.values }
  for (const [name, list] of Object.entries(b.values)) values[name] = shorter(values[name] ?? null, list)!
  return {
    patterns: shorter(a.patterns, b.patterns),
    addresses: shorter(a.addresses, b.addresses),
    values,
    clientAddresses: shorter(a.clientAddresses, b.clientAddresses),
  }
}

function shorter<T>(a: readonly T[] | null, b: readonly T[] | null): readonly T[] | null {
  if (a === null || b === null) return a ?? b
  return b.length < a.length ? b : a
}

function bounded(clauses: readonly Clause[]): readonly Clause[] {
  return clauses.length <= MOST_CLAUSES ? clauses : [clauses.reduce(either)]
}

function either(a: Clause, b: Clause): Clause {
  const values: Record<string, readonly string[]> = {}
  for (const [name, list] of Object.entries(a.values)) {
    const other = b.values[name as RequestValue]
    if (other !== undefined) values[name] = [...list, ...other]
  }
  return {
    patterns: joined(a.patterns, b.patterns),
    addresses: joined(a.addresses, b.addresses),
    values,
    clientAddresses: joined(a.clientAddresses, b.clientAddresses),
  }
}

function joined<T>(a: readonly T[] | null, b: readonly T[] | null): readonly T[] | null {
  if (a === null || b === null || a === b) return a && b
  return a.length + b.length > MOST_JOINED ? null : [...a, ...b]
}
const MOST_JOINED = 10_000

/** Names of a domain are the domain and what is below it. */
function within(domains: readonly string[]): readonly Pattern[] | null {
  if (domains.length > MOST_DOMAINS) return null
  const patterns = domains.map((domain) => parsePattern(`.${domain}`))
  return patterns.every((pattern) => !('fault' in pattern)) ? (patterns as Pattern[]) : null
}

/** Of more the condition itself is as quick. */
const MOST_DOMAINS = 1000
