import { messageOf } from '../exchange/message-of.ts'
import { EngineError } from './engine-error.ts'
import type { EngineParts } from './engine-parts.ts'
import { fewAtOnce } from './few-at-once.ts'
import type { PresentedChallenge } from './job.ts'
import { nameText } from './job-run.ts'

const AT_ONCE = 10
/** ms that one may take. */
const LONGEST = 120_000

/**
 * Takes answers to challenges away and forgets them; gives those that are still there, each with the reason. Never rejects for
 * what a solver does: a note stays until its answer is gone. Stops when `signal` says so, if not sooner.
 */
export async function cleanUp(
  parts: Pick<EngineParts, 'store' | 'solverNamed' | 'failPoint'>,
  presented: readonly PresentedChallenge[],
  tell: (text: string) => void,
  signal: AbortSignal | null = null,
): Promise<readonly { readonly challenge: PresentedChallenge; readonly why: string }[]> {
  const left = await fewAtOnce(AT_ONCE, presented, async (challenge) => {
    try {
      await takeAway(parts, challenge, tell, signal)
      await parts.store.removePresented(challenge)
      await parts.failPoint('challenge.withdrawn', 'after')
      return null
    } catch (error) {
      return { challenge, why: messageOf(error) }
    }
  })
  return left.filter((each) => each !== null)
}

async function takeAway(
  { solverNamed, failPoint }: Pick<EngineParts, 'solverNamed' | 'failPoint'>,
  { attempt, solver: name }: PresentedChallenge,
  tell: (text: string) => void,
  signal: AbortSignal | null,
): Promise<void> {
  const solver = solverNamed(name)
  const about = nameText(attempt.identifier, attempt.wildcard)
  if (solver === null)
    throw new EngineError(
      'solver',
      `the ${attempt.type} answer for ${about} is still there, but there is no solver ${name} any more: configure it again, or take the answer away by hand`,
    )
  const limit = AbortSignal.timeout(LONGEST)
  await failPoint('challenge.withdrawn', 'before')
  await solver.cleanUp(attempt, {
    signal: signal === null ? limit : AbortSignal.any([limit, signal]),
    progress: (text) => tell(`${about}: ${text}`),
  })
}
