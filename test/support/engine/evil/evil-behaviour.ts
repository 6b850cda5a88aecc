import type { Operation } from '../../../../src/acme/operation.ts'
import type { EngineFault } from '../../../../src/engine/engine-error.ts'
import type { JobRequest } from '../../../../src/engine/job-request.ts'
import { type Answer, withField } from '../../test-ca/answer.ts'
import type { Behaviour } from '../../test-ca/behaviour.ts'
import type { TestCa } from '../../test-ca/test-ca.ts'

/** What the engine is about when the CA turns wicked. Those after `replaces` begin with an honest certificate. */
export type Errand =
  | 'obtain'
  /** Another chain than the default is preferred. */
  | 'alternate'
  /** The answer to newOrder was lost, so that the orders list is looked at. */
  | 'unanswered'
  | 'replaces'
  | 'renewalInfo'
  | 'keyChange'
  | 'revokeCert'
  | 'contact'

export interface EvilHost {
  readonly ca: TestCa
  /** `https://localhost:<port>`. */
  readonly origin: string
  /** Port on 127.0.0.1 on which whatever comes is a failure. */
  readonly trap: number
}

export interface EvilBehaviour {
  readonly family: string
  readonly name: string
  readonly errand: Errand
  /** Tells the CA. */
  readonly wicked: (host: EvilHost) => void
  /** What the first attempt comes to. */
  readonly ends: 'fails' | 'done' | 'either'
  /** What the error says, or where it ends well what people are told. */
  readonly says?: RegExp
  /** Where no job swallows it. */
  readonly fault?: EngineFault
  /** Orders that may exist at the CA when all is over; 1 where it is left out. */
  readonly orders?: number
  /** Attempts under it; 1 where it is left out. */
  readonly attempts?: number
  /** The account is gone afterwards: somebody makes another one. */
  readonly loses?: 'account'
  /** Under it; afterwards the usual. */
  readonly request?: Partial<JobRequest>
  /** What was asked for can never be had: the job is not gone on with. */
  readonly isFinal?: boolean
}

/** Steps of an order, in their order, as the CA calls them. */
export const ORDER_STEPS = [
  'directory',
  'newNonce',
  'newAccount',
  'newOrder',
  'authorization',
  'challenge',
  'order',
  'finalize',
  'certificate',
] as const satisfies readonly Operation[]

/** What is asked beside an order, and on what errand it is met. */
export const OTHER_STEPS = {
  renewalInfo: 'renewalInfo',
  keyChange: 'keyChange',
  revokeCert: 'revokeCert',
  account: 'contact',
  orders: 'unanswered',
} as const satisfies Partial<Record<Operation, Errand>>

export type EvilStep = (typeof ORDER_STEPS)[number] | keyof typeof OTHER_STEPS

export const EVERY_STEP: readonly EvilStep[] = [
  ...ORDER_STEPS,
  ...(Object.keys(OTHER_STEPS) as (keyof typeof OTHER_STEPS)[]),
]

export function errandOf(step: EvilStep): Errand {
  return step in OTHER_STEPS ? OTHER_STEPS[step as keyof typeof OTHER_STEPS] : 'obtain'
}

/** At every request of that operation. */
export function always(step: Operation, behaviour: Behaviour): EvilBehaviour['wicked'] {
  return ({ ca }) => void ca.script({ operation: step }, behaviour)
}

/** Every successful answer of that operation, changed; `nth` counts them from 1. */
export function changed(
  step: Operation,
  change: (answer: Answer, host: EvilHost, nth: number) => Answer,
): EvilBehaviour['wicked'] {
  return (host) => {
    let nth = 0
    host.ca.script(
      { operation: step },
      {
        kind: 'rewrite',
        change: (answer) => (answer.status < 300 ? change(answer, host, ++nth) : answer),
      },
    )
  }
}

// biome-ignore lint/suspicious/noExplicitAny: whatever a CA may say
export type Json = any

/** The answer whose JSON body was changed in place, or replaced by what is returned. */
export function edited(answer: Answer, edit: (body: Json) => Json): Answer {
  const value: Json = JSON.parse(answer.body.toString())
  const result = edit(value)
  return withBody(answer, JSON.stringify(result === undefined ? value : result))
}

export function withBody(answer: Answer, body: string | Buffer): Answer {
  return { ...answer, body: Buffer.from(body) }
}

export { withField }

/** One member of the body at that step, always. */
export function member(step: Operation, name: string, value: Json | ((host: EvilHost) => Json)) {
  return changed(step, (answer, host) =>
    edited(answer, (body) => {
      body[name] = typeof value === 'function' ? value(host) : value
    }),
  )
}
