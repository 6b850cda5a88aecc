import type { Identifier } from '../../acme/identifier.ts'
import type { EngineConfig } from '../../config/engine.ts'
import { NameSet } from '../../policy/names/name-set.ts'
import { isFault, normalise } from '../../policy/names/normalise.ts'
import { parsePattern } from '../../policy/names/pattern.ts'
import { EngineError } from '../engine-error.ts'
import type { ChallengeType, Solver } from '../solver.ts'
import type { SolverFor } from '../solver-for.ts'

/** `solvers` in the order of the configuration; `challenges` as it has them. Throws EngineError for a bad pattern. */
export function chooseSolver(solvers: readonly Solver[], challenges: EngineConfig['challenges']): SolverFor {
  const named = new Map(solvers.map((solver) => [solver.name, solver]))
  const rules = challenges.map(({ names, solver }) => ({ solver, set: NameSet.of(names.map(patternIn)) }))
  const solverNamed = (name: string): Solver => {
    const found = named.get(name)
    if (found === undefined)
      throw input(`there is no solver ${name}: engine.solvers has ${listed([...named.keys()])}`)
    return found
  }
  return (identifier, wildcard, offered, wanted) => {
    const name = `${wildcard ? '*.' : ''}${identifier.value}`
    const fits = ruleFor(identifier, name)
    const of = wanted !== null ? [wanted] : rules.filter(({ set }) => fits(set)).map(({ solver }) => solver)
    const candidates = of.length > 0 ? of.map(solverNamed) : solvers
    for (const solver of candidates) {
      const type = solver.types.find(
        (one) => offered.includes(one) && whyNot(one, identifier, wildcard) === null,
      )
      if (type !== undefined) return { solver, type }
    }
    throw input(
      `no solver can answer for ${name}: ${
        candidates.length === 0
          ? 'engine.solvers is empty'
          : candidates
              .map((solver) => `${solver.name} ${cannot(solver, identifier, wildcard, offered)}`)
              .join('; ')
      }. ${remedy(identifier, wildcard, offered)}`,
      name,
    )
  }
}

function patternIn(text: string) {
  const pattern = parsePattern(text)
  if ('fault' in pattern) throw input(`engine.challenges: ${pattern.fault}`)
  return pattern
}

/** Addresses fit no pattern. */
function ruleFor(identifier: Identifier, name: string): (set: NameSet) => boolean {
  const normal = normalise(identifier.type === 'dns' ? { type: 'dns', value: name } : identifier)
  return isFault(normal) ? () => false : (set) => set.covers(normal)
}

const OF_DNS: ReadonlySet<ChallengeType> = new Set(['dns-01', 'dns-account-01', 'dns-persist-01'])

/** Why this kind of challenge can't be for this identifier, whoever answers it; null where it can. */
function whyNot(type: ChallengeType, identifier: Identifier, wildcard: boolean): string | null {
  if (identifier.type === 'ip') return OF_DNS.has(type) ? 'is not for addresses (RFC 8738 §7)' : null
  // RFC 8555 §8.3, RFC 8737 §3: they prove one host only.
  return wildcard && !OF_DNS.has(type) ? 'is not for wildcards' : null
}

function cannot(
  { types }: Solver,
  identifier: Identifier,
  wildcard: boolean,
  offered: readonly ChallengeType[],
): string {
  const reasons = types.map((type) => {
    const why = whyNot(type, identifier, wildcard)
    return `${type}, which ${why ?? (offered.includes(type) ? 'fits' : 'the CA does not offer here')}`
  })
  return `answers ${reasons.join(', and ')}`
}

function remedy(identifier: Identifier, wildcard: boolean, offered: readonly ChallengeType[]): string {
  const possible = offered.filter((type) => whyNot(type, identifier, wildcard) === null)
  if (possible.length === 0)
    return `The CA offers ${listed(offered)} for it, and acmetap can't answer with that: ask another CA`
  return `Add a solver for ${possible.join(' or ')} to engine.solvers, or name one in engine.challenges`
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ')
}

function input(message: string, name: string | null = null): EngineError {
  return new EngineError('input', message, { name })
}
