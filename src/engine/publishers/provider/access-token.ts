import { z } from 'zod'
import type { Clock } from '../../../exchange/clock.ts'
import { createTurns } from '../../solvers/in-turn.ts'
import type { Provider, ProviderCall, Task } from './provider.ts'

/** RFC 6749 §5.1. */
const GRANT = z.object({
  access_token: z.string().regex(/^[\x21-\x7e]+$/),
  expires_in: z.union([z.number(), z.string().regex(/^\d+$/).transform(Number)]),
})

export interface AccessToken {
  of(task: Task): Promise<string>
  /** False where there was none. */
  forget(): boolean
  /** Every token that was given; none is to be shown. */
  shown(): readonly string[]
}

/** Seconds before its end that a token is no longer taken. */
const MARGIN = 120

/** A token that is asked for when it is needed, and kept until it ends. */
export function createAccessToken(
  server: Provider,
  grant: (task: Task) => Promise<ProviderCall>,
  clock: Clock,
): AccessToken {
  const turns = createTurns()
  let kept: { readonly token: string; readonly until: number } | null = null
  let given: readonly string[] = []
  const seconds = () => clock.now().monotonic / 1_000_000
  return {
    of: (task) =>
      turns(async () => {
        if (kept !== null && seconds() < kept.until) return kept.token
        const doing = 'the request of an access token'
        const answer = await server.expect(await grant(task), [200], doing, task)
        const { access_token: token, expires_in: lasts } = server.read(answer, GRANT, doing, task)
        given = [...given.slice(-3), token]
        kept = { token, until: seconds() + lasts - MARGIN }
        return token
      }),
    forget() {
      const had = kept !== null
      kept = null
      return had
    },
    shown: () => given,
  }
}
