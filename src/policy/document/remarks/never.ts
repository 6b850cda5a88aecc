import { type Asking, askedWhere } from '../../asked-where.ts'
import { DECIDED_OPERATIONS } from '../../decided-operations.ts'
import { patternsTouch } from '../../names/pattern.ts'
import { type Atoms, operationsIn, type SetAtom } from './atoms.ts'
import type { Budget } from './budget.ts'

/** Why a rule can match nothing, whatever stands before it; null where that is not shown. */
export function whyNever(atoms: Atoms, now: number): string | null {
  return over(atoms, now) ?? contradiction(atoms) ?? askedNowhere(atoms)
}

/**
 * Why nothing that can be told matches it. Names that nobody can tell are not known, and a number is asked elsewhere at
 * some requests: a rule may take either for a match.
 */
export function whyNothingTold(atoms: Atoms, budget: Budget): string | null {
  return contradictionOfNames(atoms) ?? apart(atoms, budget)
}

function over({ rule }: Atoms, now: number): string | null {
  const until = rule.when.time?.until
  if (until === undefined || until > now) return null
  return `its time ended at ${new Date(until).toISOString()}: take the rule out`
}

function contradiction({ others }: Atoms): string | null {
  const sets = others.filter((one): one is SetAtom => one.kind === 'set')
  for (const key of ['operation', 'mode', 'ca']) {
    const [first, ...rest] = sets.filter((one) => one.key === key)
    if (first === undefined) continue
    const left = [...first.values].filter((value) => rest.every(({ values }) => values.has(value)))
    if (left.length === 0) return `no request is of every ${key} it asks for: write one of them, or any`
  }
  return null
}

function contradictionOfNames({ rule, names, others }: Atoms): string | null {
  if (names.some(({ length }) => length === 0)) return 'the lists it names hold nothing'
  const sets = others.filter((one): one is SetAtom => one.kind === 'set')
  const types = sets.filter(({ key }) => key === 'identifier_type')
  if (['dns', 'ip'].every((type) => types.some(({ values }) => !values.has(type)))) {
    return 'a name is a DNS name or an address, never both'
  }
  const asksDns = names.length > 0 || others.some(({ key }) => NAME_KEYS.includes(key))
  const asksIp = sets.some(({ key }) => key === 'ip')
  if ((asksDns || types.some(({ values }) => !values.has('ip'))) && asksIp) {
    return 'a name is a DNS name or an address, never both: write the two below any'
  }
  if (asksDns && types.some(({ values }) => !values.has('dns'))) {
    return 'an address matches no pattern of DNS names: take identifier_type out'
  }
  for (const key of ['count', 'validity']) {
    const ranges = others.filter((one) => one.kind === 'range' && one.key === key)
    const from = Math.max(0, ...ranges.map((one) => (one.kind === 'range' ? one.from : 0)))
    const to = Math.min(...ranges.map((one) => (one.kind === 'range' ? one.to : 0)), Number.POSITIVE_INFINITY)
    if (from > to) return `no number meets what it asks of ${key}`
  }
  const wildcards = others.filter(({ key }) => key === 'wildcard')
  const both = new Set(wildcards.map((one) => (one.kind === 'written' ? one.text : ''))).size > 1
  return both && rule.effect === 'allow' ? 'no name is a wildcard and is none' : null
}

/** What is false of an address; that it is no wildcard is true. */
const NAME_KEYS = ['registered_domain', 'public_suffix']

/** In a rule that allows a name lies in every set; a deny may touch two that have nothing in common. */
function apart({ rule, names }: Atoms, budget: Budget): string | null {
  if (rule.effect !== 'allow') return null
  for (const [at, one] of names.entries()) {
    for (const other of names.slice(at + 1)) {
      if (!budget.spend(one.length * other.length)) continue
      const touch = one.some((a) => other.some((b) => patternsTouch(a, b)))
      if (!touch) {
        return `no name matches ${one[0]!.text} and ${other[0]!.text}: write the patterns in one list, or below any`
      }
    }
  }
  return null
}

/** Conditions are asked at some operations only: see policy/asked-where.ts. */
function askedNowhere(atoms: Atoms): string | null {
  const operations = operationsIn(atoms) ?? DECIDED_OPERATIONS
  const families = atoms.others.flatMap(({ family }) => family ?? [])
  if (atoms.names.length > 0) families.push('name')
  // A rule that allows is taken where it is asked elsewhere.
  const dead: readonly Asking[] = atoms.rule.effect === 'allow' ? ['no'] : ['no', 'later']
  const isDead = operations.every((operation) =>
    families.some((family) => dead.includes(askedWhere(family, operation))),
  )
  if (!isDead || operations.length === 0) return null
  const key = atoms.others.find(({ family }) => family !== null && LATE.includes(family))?.key ?? 'names'
  return `${key} is not asked at ${operations.slice(0, 4).join(', ')}: ${
    families.includes('csr')
      ? 'a CSR comes with finalize'
      : families.includes('budget')
        ? 'orders are counted at newOrder'
        : 'write an operation that has it'
  }`
}

const LATE = ['csr', 'budget', 'order', 'count', 'webhook']
