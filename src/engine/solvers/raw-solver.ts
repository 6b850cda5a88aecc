import type { Attempt, Solver, SolverContext } from '../solver.ts'
import { throwIfAborted } from './solver-error.ts'
import { tokenOf } from './token.ts'

/** What lego calls RAW: whoever is called makes the record himself. */
export interface RawCall {
  readonly domain: string
  readonly token: string
  readonly keyAuthorization: string
}

/** `ready`: waits until the record of dns-01 can be seen. */
export function createRawSolver(
  name: string,
  call: (action: 'present' | 'cleanup', raw: RawCall, context: SolverContext) => Promise<void>,
  ready: Solver['ready'],
): Solver {
  const rawOf = (attempt: Attempt): RawCall => ({
    domain: attempt.identifier.value,
    token: tokenOf(attempt, name),
    keyAuthorization: attempt.keyAuthorization,
  })
  return {
    name,
    types: ['dns-01'],
    async present(attempt, context) {
      throwIfAborted(context.signal, name, attempt.identifier.value)
      await call('present', rawOf(attempt), context)
      context.progress('the record was handed over')
    },
    cleanUp: async (attempt, context) => call('cleanup', rawOf(attempt), context),
    ...(ready === undefined ? {} : { ready }),
  }
}
