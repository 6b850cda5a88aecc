/**
 * A program of the operator's, called as lego's exec provider calls it: `program present|cleanup NAME. VALUE`, or in raw
 * mode `program present|cleanup -- DOMAIN TOKEN KEYAUTH`. Calls are made one after the other: such programs often
 * rewrite a file.
 */
import type { SolverConfig } from '../../config/engine-solvers.ts'
import type { Publisher, TxtRecord } from '../publisher.ts'
import type { Solver } from '../solver.ts'
import { callProgram } from './call-program.ts'
import { createTurns } from './in-turn.ts'
import { createRawSolver } from './raw-solver.ts'

export type ExecSettings = NonNullable<SolverConfig['exec']>

const ADVICE =
  'Run it by hand with the same arguments; it gets PATH, HOME, LANG and what its environment lists'

export function createExecPublisher(solver: string, settings: ExecSettings): Publisher {
  const call = calling(solver, settings)
  const change =
    (action: string) =>
    ({ name, value }: TxtRecord, signal: AbortSignal) =>
      call(name, [action, `${name}.`, value], signal)
  return { add: change('present'), remove: change('cleanup') }
}

export function createExecSolver(solver: string, settings: ExecSettings, ready: Solver['ready']): Solver {
  const call = calling(solver, settings)
  return createRawSolver(
    solver,
    (action, { domain, token, keyAuthorization }, { signal }) =>
      call(domain, [action, '--', domain, token, keyAuthorization], signal),
    ready,
  )
}

function calling(solver: string, { command, environment, timeout }: ExecSettings) {
  const inTurn = createTurns()
  return (name: string, args: readonly string[], signal: AbortSignal) =>
    inTurn(() =>
      callProgram({ solver, name, argv: [command, ...args], environment, timeout, signal, advice: ADVICE }),
    )
}
