import type { Identifier } from '../acme/identifier.ts'
import type { AcmeSession } from './acme-session.ts'
import type { EngineAccounts } from './engine-accounts.ts'
import { EngineError } from './engine-error.ts'
import { fewAtOnce } from './few-at-once.ts'
import { nameText } from './job-run.ts'
import { CHALLENGE_TYPES, type ChallengeType } from './solver.ts'
import type { SolverFor } from './solver-for.ts'

export interface CanOrderParts {
  readonly accounts: EngineAccounts
  readonly session: (ca: string) => AcmeSession
  readonly solverFor: SolverFor
  /** What in CAA records forbids this CA to issue, in one line; null where nothing does for certain. Left out: nobody looks. */
  readonly caaForbids?: (
    ca: string,
    about: {
      readonly identifier: Identifier
      readonly wildcard: boolean
      readonly type: ChallengeType
      readonly accountUrl: string | null
    },
  ) => Promise<string | null>
}

const AT_ONCE = 10

/**
 * What speaks against an order at this CA, by what is known here: nothing is sent to the CA. One line; null: nothing. Rejects
 * for faults of our own only.
 */
export async function whyNotOrder(
  parts: CanOrderParts,
  {
    ca,
    tenant,
    identifiers,
    profile,
  }: {
    readonly ca: string
    readonly tenant: string | null
    readonly identifiers: readonly Identifier[]
    readonly profile: string | null
  },
): Promise<string | null> {
  try {
    const directory = parts.session(ca).knownDirectory
    if (profile !== null && directory?.meta.profiles.every(({ name }) => name !== profile) === true)
      return `the CA ${JSON.stringify(ca)} has no profile ${JSON.stringify(profile)}`
    const wanted = identifiers.map((identifier) => answered(parts.solverFor, identifier))
    const known = await parts.accounts.of(tenant).known(ca)
    const { caaForbids } = parts
    if (caaForbids === undefined) return null
    const accountUrl = known?.url ?? null
    const said = await fewAtOnce(AT_ONCE, wanted, (each) => caaForbids(ca, { ...each, accountUrl }))
    const at = said.findIndex((text) => text !== null)
    if (at < 0) return null
    const { identifier, wildcard } = wanted[at]!
    return `${nameText(identifier, wildcard)}: ${said[at]}`
  } catch (error) {
    if (error instanceof EngineError) return error.message
    throw error
  }
}

/** By which challenge a solver would answer. Which ones the CA offers is not known before it is asked. */
function answered(solverFor: SolverFor, { type, value }: Identifier) {
  const wildcard = type === 'dns' && value.startsWith('*.')
  const identifier = { type, value: wildcard ? value.slice(2) : value }
  const found = solverFor(identifier, wildcard, CHALLENGE_TYPES, null)
  return { identifier, wildcard, type: found.type }
}
