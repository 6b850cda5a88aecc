/**
 * What happens to a request, in order. Each mode is one row of {@link createChains}; the compiler refuses a row
 * that leaves a stage out. To learn what acmetap does, read this file first.
 */

import { AcmeProblem } from '../acme/problem.ts'
import type { Recorder } from '../audit/recorder.ts'
import { classify, type DirectoryTargets } from '../exchange/classify.ts'
import type { Clock } from '../exchange/clock.ts'
import type { Decision } from '../exchange/decision.ts'
import type { Classified, Decided, Destination, Inspected, Outcome, Received } from '../exchange/exchange.ts'
import { inspect } from '../exchange/inspect.ts'
import { learnFrom } from '../exchange/learn.ts'
import {
  type Admitted,
  type Answered,
  type Chain,
  chain,
  type Recorded,
  type Refusal,
  type Taught,
} from '../exchange/pipeline.ts'
import { NOTHING_LEARNED } from '../exchange/resource.ts'
import type { ResourceMap } from '../exchange/resource-map.ts'
import { AT_ONCE, type Turn } from '../exchange/turn.ts'
import { type DecidingFacts, decide } from '../policy/decide.ts'
import { type Exit, failedOutcome, sendRequest } from './send.ts'

/** Opens a tunnel and sees it through to its end; never rejects for the network's sake. */
export type TunnelExit = (exchange: Recorded) => Promise<Outcome>

/** Waits for a request's turn under the CA's rates; a denial where that would take too long. */
export type Pace = (exchange: Decided) => Promise<Turn | Decision>

/** acmetap as an ACME server. */
export interface Brokering {
  /** Says by the target alone what is asked for. */
  classify(exchange: Received): Promise<Classified>
  /** RFC 8555 §6.2 to §6.5; what no server acts on comes back with its `refusal`. */
  verifyJws(exchange: Classified): Promise<Inspected>
  /** Acts on it. Rejects for faults of our own only. */
  answer(exchange: Recorded): Promise<Outcome>
}

export interface Collaborators {
  readonly resources: ResourceMap
  readonly recorder: Recorder
  readonly clock: Clock
  readonly directories: () => DirectoryTargets
  /** While a CA's directory is being read for the first time, or null: nothing of that CA can be recognised before. */
  readonly firstReading: (destination: Destination) => Promise<void> | null
  readonly facts: DecidingFacts
  readonly pace: Pace
  /** Left out: acmetap is no ACME server. */
  readonly broker?: Brokering
  /** Told of an error of our own while learning: the CA's answer is delivered all the same. */
  readonly onBug: (error: unknown) => void
}

export interface Chains {
  readonly relay: Chain<Exit>
  readonly intercept: Chain<Exit>
  readonly tunnel: Chain<TunnelExit>
  /** Null without a broker. */
  readonly broker: Chain<null> | null
  readonly engine: Chain<Exit>
}

export function createChains(parts: Collaborators): Chains {
  const { resources, recorder, clock } = parts
  const refusal: Refusal = { problem: refusalOf, now: () => clock.now() }
  const step = {
    classify: (e: Received) => classifyReady(e, parts),
    inspectJws: (e: Classified) => inspect(e, resources),
    decide: (e: Inspected) => decide(e, parts.facts),
    pace: (e: Decided) => pace(e, parts.pace),
    atOnce: async (e: Decided): Promise<Admitted> => ({ ...e, turn: AT_ONCE }),
    recordRequest: (e: Admitted) => recorder.recordRequest(e),
    forward: (e: Recorded, exit: Exit) => seeThrough(e, () => sendRequest(e, exit)),
    dispatch: (e: Recorded, exit: Exit) => seeThrough(e, () => sendRequest(e, exit)),
    openTunnel: (e: Recorded, exit: TunnelExit) => seeThrough(e, () => exit(e)),
    learn: (e: Answered) => learn(e, parts),
    learnNothing: (e: Answered): Taught => ({ ...e, learned: NOTHING_LEARNED }),
    recordOutcome: (e: Taught) => recorder.recordOutcome(e),
  }
  /** What was recorded has an outcome, whatever fault of our own comes between. */
  async function seeThrough(e: Recorded, send: () => Promise<Outcome>): Promise<Answered> {
    const outcome = await send().catch((error: unknown) => {
      parts.onBug(error)
      return failedOutcome(e, { cause: 'aborted', message: 'acmetap failed for a reason of its own' }, 0)
    })
    return { ...e, outcome, answeredAt: clock.now() }
  }
  const server = parts.broker
  const broker = server && {
    classify: (e: Received) => server.classify(e),
    verifyJws: (e: Classified) => server.verifyJws(e),
    answer: (e: Recorded) => seeThrough(e, () => server.answer(e)),
  }
  // biome-ignore format: one row a mode, one column a stage
  return {
    relay:     chain(refusal, step.classify, step.inspectJws, step.decide, step.pace,   step.recordRequest, step.forward,    step.learn, step.recordOutcome),
    intercept: chain(refusal, step.classify, step.inspectJws, step.decide, step.pace,   step.recordRequest, step.forward,    step.learn, step.recordOutcome),
    broker: !broker ? null : chain(refusal, broker.classify,  broker.verifyJws, step.decide, step.atOnce, step.recordRequest, broker.answer,   step.learnNothing, step.recordOutcome),
    tunnel:    chain(refusal, step.classify, step.inspectJws, step.decide, step.atOnce, step.recordRequest, step.openTunnel, step.learn, step.recordOutcome),
    engine:    chain(refusal, step.classify, step.inspectJws, step.decide, step.pace,   step.recordRequest, step.dispatch,   step.learn, step.recordOutcome),
  }
}

/** A request that comes before its CA's directory was read waits for that, where it is not known from an earlier run. */
async function classifyReady(exchange: Received, parts: Collaborators): Promise<Classified> {
  const { resources, directories, firstReading } = parts
  const classified = await classify(exchange, resources, directories())
  if (classified.operation !== 'unrecognised' || !exchange.destination) return classified
  const reading = firstReading(exchange.destination)
  if (reading === null) return classified
  await reading
  return classify(exchange, resources, directories())
}

async function pace(exchange: Decided, turn: Pace): Promise<Admitted> {
  const given = await turn(exchange)
  if (!('effect' in given)) return { ...exchange, turn: given }
  // What the policy had said stays said.
  const { policy } = exchange.decision
  return { ...exchange, decision: policy ? { ...given, policy } : given, turn: AT_ONCE }
}

function learn(exchange: Answered, { resources, onBug }: Collaborators): Taught {
  if (exchange.outcome.kind !== 'response') return { ...exchange, learned: NOTHING_LEARNED }
  try {
    return { ...exchange, learned: resources.learn(learnFrom(exchange, exchange.outcome.response)) }
  } catch (error) {
    onBug(error)
    return { ...exchange, learned: NOTHING_LEARNED }
  }
}

function refusalOf(exchange: Decided) {
  const { decision } = exchange
  if (decision.effect !== 'deny') throw new Error('an allowed exchange has no refusal')
  return new AcmeProblem(decision.problem, `${decision.detail} (acmetap record ${exchange.id})`, {
    ...(decision.status === undefined ? {} : { status: decision.status }),
    ...(decision.retryAfter === undefined ? {} : { retryAfter: decision.retryAfter }),
    instance: `urn:uuid:${exchange.id}`,
    ...(decision.subproblems === undefined ? {} : { subproblems: decision.subproblems }),
    ...(decision.algorithms === undefined ? {} : { algorithms: decision.algorithms }),
  }).document()
}
