import type { ProblemDocument } from '../acme/problem.ts'
import type { Classified, Completed, Decided, Inspected, Instant, Outcome, Received } from './exchange.ts'
import { type Learned, NOTHING_LEARNED } from './resource.ts'
import { AT_ONCE, type Turn } from './turn.ts'

/** Its turn has come under the CA's rates, or it has been denied one. */
export interface Admitted extends Decided {
  readonly turn: Turn
}

/** Its intent is durable; it may be sent. Only `recordRequest` makes one. */
export interface Recorded extends Admitted {
  readonly intent: 'durable'
}

/** It has an outcome. `intent: 'none'` marks a refusal, whose two facts are written together. */
export interface Answered extends Admitted {
  readonly intent: 'durable' | 'none'
  readonly outcome: Outcome
  readonly answeredAt: Instant
}

export interface Taught extends Answered {
  readonly learned: Learned
}

type Stage<In, Out> = (exchange: In) => Promise<Out>
/** The stage that leaves the process; `exit` is the way out that belongs to this one exchange. */
type SendingStage<Exit> = (exchange: Recorded, exit: Exit) => Promise<Answered>
type LearningStage = (exchange: Answered) => Taught

/** Runs one exchange to its end. Resolves once its outcome is durable (or spilled): then answer the client. */
export type Chain<Exit> = (received: Received, exit: Exit) => Promise<Completed>

export interface Refusal {
  problem(exchange: Decided): ProblemDocument
  now(): Instant
}

/**
 * Composes the stages of one mode, in the only order their types allow. A denial, by `decide` or by `pace`, goes
 * straight to `recordOutcome`. A stage that throws before `send` ends the exchange: the caller answers with the problem.
 */
export function chain<Exit>(
  refusal: Refusal,
  classify: Stage<Received, Classified>,
  inspect: Stage<Classified, Inspected>,
  decide: Stage<Inspected, Decided>,
  pace: Stage<Decided, Admitted>,
  recordRequest: Stage<Admitted, Recorded>,
  send: SendingStage<Exit>,
  learn: LearningStage,
  recordOutcome: Stage<Taught, Completed>,
): Chain<Exit> {
  return async (received, exit) => {
    const decided = await decide(await inspect(await classify(received)))
    const refuse = (denied: Decided): Promise<Completed> => {
      const outcome: Outcome = { kind: 'refused', problem: refusal.problem(denied) }
      const refused: Taught = {
        ...denied,
        turn: AT_ONCE,
        intent: 'none',
        outcome,
        answeredAt: refusal.now(),
        learned: NOTHING_LEARNED,
      }
      return recordOutcome(refused)
    }
    if (decided.decision.effect === 'deny') return refuse(decided)
    const admitted = await pace(decided)
    if (admitted.decision.effect === 'deny') return refuse(admitted)
    return recordOutcome(learn(await send(await recordRequest(admitted), exit)))
  }
}
