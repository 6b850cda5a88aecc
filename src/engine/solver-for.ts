import type { Identifier } from '../acme/identifier.ts'
import type { ChallengeType, Solver } from './solver.ts'

/**
 * Which solver answers for a name, by which of the challenges that the CA offers. `wanted`: name of the solver that must
 * do it, or null. Throws EngineError (`input`) where none can: which name, what is offered, and what to configure.
 */
export type SolverFor = (
  identifier: Identifier,
  wildcard: boolean,
  offered: readonly ChallengeType[],
  wanted: string | null,
) => { readonly solver: Solver; readonly type: ChallengeType }

/** A solver by its name, to take an answer away again; null where the configuration has it no more. */
export type SolverNamed = (name: string) => Solver | null
