import type { Identifier } from '../../acme/identifier.ts'
import { asObject } from '../../acme/json.ts'
import { AcmeProblem } from '../../acme/problem.ts'
import type { ProblemName } from '../../acme/problem-types.ts'
import type { NameProblem } from '../../exchange/decision.ts'
import { quoted } from '../../policy/names/label.ts'
import { isFault, normalise } from '../../policy/names/normalise.ts'
import type { PolicyName } from '../../policy/names/policy-name.ts'

/** As public CAs have it. */
const MOST_IDENTIFIERS = 100
/** Longer is no name; it is not repeated to the client whole. */
const LONGEST_SHOWN = 300

/**
 * RFC 8555 §7.4, RFC 8738: each once, in lower case, an address as RFC 5952 has it. What Boulder has words for is said in
 * them. Throws AcmeProblem.
 */
export function identifiersAsked(candidates: unknown): readonly PolicyName[] {
  if (!Array.isArray(candidates) || candidates.length === 0)
    throw new AcmeProblem('malformed', 'NewOrder request did not specify any identifiers')
  const names = new Map<string, PolicyName>()
  const faults: NameProblem[] = []
  for (const candidate of candidates) {
    const identifier = readIdentifier(candidate)
    const name = normalise(identifier)
    if (isFault(name)) faults.push(cannotIssue('malformed', identifier, afterName(name.fault, identifier)))
    else {
      const kept = identifierOf(name)
      names.set(`${kept.type}:${kept.value}`, { ...name, identifier: kept })
    }
  }
  if (faults.length > 0) throw refused(faults)
  if (names.size > MOST_IDENTIFIERS)
    throw new AcmeProblem('malformed', `Order cannot contain more than ${MOST_IDENTIFIERS} identifiers`)
  return [...names.values()]
}

function readIdentifier(candidate: unknown): Identifier {
  const { type, value } = asObject(candidate) ?? {}
  if (typeof type !== 'string' || typeof value !== 'string')
    throw new AcmeProblem(
      'malformed',
      'an identifier must have a type and a value, both texts (RFC 8555 §9.7.7)',
    )
  if (type !== 'dns' && type !== 'ip')
    throw new AcmeProblem(
      'unsupportedIdentifier',
      `NewOrder request included unsupported identifier: type ${quoted(type)}, value ${quoted(value)}`,
    )
  if (value === '') throw new AcmeProblem('malformed', 'NewOrder request included empty identifier')
  return { type, value }
}

/** Those of an order or a certificate that can be judged. */
export function namesOf(identifiers: readonly Identifier[]): readonly PolicyName[] {
  return identifiers.flatMap((identifier) => {
    const name = normalise(identifier)
    return isFault(name) ? [] : [name]
  })
}

/** As orders have it: `*.` is part of a wildcard's value. */
export function identifierOf({ type, value, covers }: PolicyName): Identifier {
  return { type, value: covers === 'wildcard' ? `*.${value}` : value }
}

/** In Boulder's frame, which clients and people know. */
export function cannotIssue(problem: ProblemName, { type, value }: Identifier, why: string): NameProblem {
  const identifier = { type, value: value.slice(0, LONGEST_SHOWN) }
  return { problem, detail: `Cannot issue for ${quoted(value)}: ${why}`, identifier }
}

/** RFC 8555 §6.7.1: subproblems where there are several; most clients print the detail alone. */
export function refused(faults: readonly NameProblem[]): AcmeProblem {
  const [first, ...more] = faults
  if (first === undefined) throw new Error('a refusal without a reason')
  if (more.length === 0) return new AcmeProblem(first.problem, first.detail)
  const detail = `${first.detail} (and ${more.length} more problems. Refer to sub-problems for more information.)`
  return new AcmeProblem(first.problem, detail, { subproblems: faults })
}

/** A fault begins with the name, which stands before it already. */
function afterName(fault: string, { value }: Identifier): string {
  const name = quoted(value)
  return fault.startsWith(`${name} `) ? `it ${fault.slice(name.length + 1)}` : fault
}
