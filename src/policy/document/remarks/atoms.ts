import type { Operation } from '../../../acme/operation.ts'
import type { Family } from '../../asked-where.ts'
import type { Comparison, ConditionDocument, RuleDocument } from '../../document.ts'
import { type Pattern, parsePattern } from '../../names/pattern.ts'
import { listName } from '../references.ts'

/**
 * A rule's condition taken apart: it holds where every atom holds. `any` and `not` are atoms of their own, which are
 * only ever compared as they are written.
 */
export interface Atoms {
  readonly rule: RuleDocument
  readonly names: readonly (readonly Pattern[])[]
  readonly others: readonly Atom[]
}

export type Atom = SetAtom | RangeAtom | WrittenAtom

/** Met where what is asked is one of these. */
export interface SetAtom extends OfFamily {
  readonly kind: 'set'
  readonly values: ReadonlySet<string>
}

/** Met where a whole number lies between the two, which belong to it. */
export interface RangeAtom extends OfFamily {
  readonly kind: 'range'
  readonly from: number
  readonly to: number
}

export interface WrittenAtom extends OfFamily {
  readonly kind: 'written'
  readonly text: string
}

interface OfFamily {
  /** `client.label`, `operation` … */
  readonly key: string
  /** Null for `any` and `not`, whose parts may be of several. */
  readonly family: Family | null
}

/** `lists`: the patterns of each list that conditions on names use. */
export function atomsOf(rule: RuleDocument, lists: ReadonlyMap<string, readonly Pattern[]>): Atoms {
  const names: (readonly Pattern[])[] = []
  const others: Atom[] = []
  const take = ({ all = [], names: written, ...condition }: ConditionDocument) => {
    if (written !== undefined)
      names.push(written.flatMap((entry) => lists.get(listName(entry) ?? '') ?? patternsOf([entry])))
    others.push(...otherAtoms(condition))
    for (const part of all) take(part)
  }
  take(rule.when)
  return { rule, names, others }
}

function otherAtoms(condition: ConditionDocument): Atom[] {
  const { client, key, csr, ...members } = condition
  const found: Atom[] = Object.entries(members).flatMap(([name, value]) => atom(name, value))
  if (client !== undefined) {
    // The version is of the software that is named beside it.
    const { version, software: products, ...rest } = client
    found.push(...Object.entries(rest).flatMap(([name, value]) => atom(`client.${name}`, value)))
    if (version !== undefined) found.push(...atom('client.version', { version, products }))
    else if (products !== undefined) found.push(...atom('client.software', products))
  }
  for (const [of, parts] of Object.entries({ key, csr })) {
    found.push(...Object.entries(parts ?? {}).flatMap(([name, value]) => atom(`${of}.${name}`, value)))
  }
  return found
}

const FAMILIES: Readonly<Record<string, Family | null>> = {
  wildcard: 'name',
  registered_domain: 'name',
  public_suffix: 'name',
  ip: 'name',
  identifier_type: 'name',
  count: 'count',
  profile: 'order',
  validity: 'order',
  replaces: 'order',
  duplicates: 'budget',
  orders: 'budget',
  webhook: 'webhook',
  cel: null,
  any: null,
  not: null,
}

function atom(key: string, value: unknown): Atom[] {
  if (value === undefined) return []
  const [group] = key.split('.')
  const family =
    group === 'key' || group === 'csr' ? 'csr' : Object.hasOwn(FAMILIES, key) ? FAMILIES[key]! : 'request'
  const range = (key === 'count' || key === 'validity') && rangeOf(value as Comparison)
  if (range) return [{ kind: 'range', key, family, ...range }]
  if (Array.isArray(value) && value.every((entry) => typeof entry === 'string')) {
    return [{ kind: 'set', key, family, values: new Set(value) }]
  }
  return [{ kind: 'written', key, family, text: JSON.stringify(value) }]
}

function rangeOf({ is, value, to }: Comparison): { readonly from: number; readonly to: number } {
  const number = value[0] ?? 0
  if (is === '..') return { from: number, to: to?.[0] ?? number }
  if (is === '=') return { from: number, to: number }
  if (is === '>' || is === '>=') {
    return { from: is === '>' ? number + 1 : number, to: Number.POSITIVE_INFINITY }
  }
  return { from: 0, to: is === '<' ? number - 1 : number }
}

export function patternsOf(written: readonly string[]): Pattern[] {
  return written
    .map((text) => parsePattern(text))
    .filter((pattern): pattern is Pattern => !('fault' in pattern))
}

/** The operations that a rule speaks of; null for all. */
export function operationsIn({ others }: Atoms): readonly Operation[] | null {
  const sets = others.filter((one): one is SetAtom => one.kind === 'set' && one.key === 'operation')
  const [first, ...rest] = sets
  if (first === undefined) return null
  return [...first.values].filter((value) => rest.every(({ values }) => values.has(value))) as Operation[]
}
