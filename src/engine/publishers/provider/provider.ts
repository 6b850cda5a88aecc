/** Calls of a DNS provider's API: bounded, repeated where that does no harm, and with errors that say what to do. */
import type { z } from 'zod'
import { retryAfterSeconds } from '../../../acme/retry-after.ts'
import { FailureError } from '../../../ca/failure.ts'
import type { ServiceAnswer, ServiceClient, ServiceRequest } from '../../../ca/service-client.ts'
import type { Clock } from '../../../exchange/clock.ts'
import { pause } from '../../abortable.ts'
import type { EngineError } from '../../engine-error.ts'
import { oneLine } from '../../one-line.ts'
import { solverError, throwIfAborted } from '../../solvers/solver-error.ts'
import { explainAnswer, parseJson } from './explain-answer.ts'

export interface ProviderParts {
  readonly services: ServiceClient
  readonly clock: Clock
  /** Milliseconds. Rejects with EngineError (`aborted`). */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** What is done, for which record's name. */
export interface Task {
  readonly about: string
  readonly signal: AbortSignal
}

export interface OutgoingCall {
  readonly method: NonNullable<ServiceRequest['method']>
  readonly url: string
  /** Empty where there is none. */
  readonly body: string
}

export interface ProviderSettings {
  /** Name of the solver, and of the provider for people. */
  readonly solver: string
  readonly title: string
  /** URL without a slash at its end. */
  readonly endpoint: string
  readonly trust: string | null
  /** Fields that say who asks; asked before each attempt. */
  readonly authorize?: (call: OutgoingCall, task: Task) => Promise<Fields> | Fields
  /** Called when the credentials were refused: true where there are fresh ones to be had. */
  readonly renew?: () => boolean
  /** What is never to be shown. */
  readonly secrets: () => readonly string[]
  /** What to do when it does not know us, and when we have no right: whole sentences without a full stop. */
  readonly whenUnknown: string
  readonly whenForbidden: string
  /** Answers beside 401 that mean it does not know us. */
  readonly unknown?: (answer: ProviderAnswer) => boolean
  /** Answers beside 429 and 5xx after which the same call may succeed, because it was not acted on. */
  readonly busy?: (answer: ProviderAnswer) => boolean
  readonly explain?: (text: string) => string
}

export type Fields = Readonly<Record<string, string>>

export interface ProviderCall {
  readonly method?: OutgoingCall['method']
  /** Below the endpoint, query included; or a whole URL. */
  readonly path: string
  readonly fields?: Fields
  /** Sent as JSON. */
  readonly json?: unknown
  /** Sent as it is; its type is among the fields. */
  readonly text?: string
  /** Whether twice is as good as once; all but POST, unless it is said. */
  readonly repeatable?: boolean
}

export interface ProviderAnswer {
  readonly status: number
  readonly field: ServiceAnswer['field']
  readonly text: string
}

export interface Provider {
  readonly title: string
  /** Answers of any status. Rejects with EngineError where there is none. */
  call(call: ProviderCall, task: Task): Promise<ProviderAnswer>
  /** As {@link call}, and an answer of another status than `statuses` is an error. `doing`: `the change of zone example.net`. */
  expect(call: ProviderCall, statuses: readonly number[], doing: string, task: Task): Promise<ProviderAnswer>
  read<Shape extends z.ZodType>(
    answer: ProviderAnswer,
    shape: Shape,
    doing: string,
    task: Task,
  ): z.output<Shape>
  /** For an answer of a status that nobody wanted. */
  refusal(answer: ProviderAnswer, doing: string, task: Task): EngineError
  /** `what` ends with what to do. */
  fault(what: string, task: Task): EngineError
  wait(ms: number, task: Task): Promise<void>
}

/** Bytes. Lists are asked for name by name or in pages. */
const ANSWER_LIMIT = 4 * 1024 * 1024
/** Milliseconds. */
const CALL_TIMEOUT = 30_000
const REPEATS = 3
const PATIENCE = 60_000
const FIRST_PAUSE = 1_000

type Attempt = { readonly answer: ProviderAnswer } | { readonly failure: FailureError }

export function createProvider(settings: ProviderSettings, parts: ProviderParts): Provider {
  const { solver, title, endpoint, trust } = settings
  const { services, clock, wait = pause } = parts

  const attempt = async (call: ProviderCall, task: Task): Promise<Attempt> => {
    const { method = 'GET', path, json, text = json === undefined ? '' : JSON.stringify(json) } = call
    const url = path.startsWith('/') ? `${endpoint}${path}` : path
    const own = await settings.authorize?.({ method, url, body: text }, task)
    try {
      const answer = await services.send({
        method,
        url,
        fields: {
          ...(json === undefined ? {} : { 'content-type': 'application/json' }),
          ...call.fields,
          ...own,
        },
        ...(text === '' ? {} : { body: text }),
        trust,
        limit: ANSWER_LIMIT,
        signal: AbortSignal.any([task.signal, AbortSignal.timeout(CALL_TIMEOUT)]),
      })
      return {
        answer: { status: answer.status, field: answer.field, text: answer.body.toString('utf8') },
      }
    } catch (error) {
      throwIfAborted(task.signal, solver, task.about)
      if (error instanceof FailureError) return { failure: error }
      if ((error as Error).name === 'TimeoutError')
        return {
          failure: new FailureError('responseTimeout', `gave no answer within ${CALL_TIMEOUT / 1000} s`),
        }
      throw error
    }
  }

  /** Milliseconds after which it may be tried again; null where it should not. */
  const pauseAfter = (done: Attempt, repeatable: boolean, repeats: number): number | null => {
    const usual = FIRST_PAUSE * 2 ** repeats
    if ('failure' in done) return repeatable && done.failure.failure === 'reset' ? usual : null
    const { answer } = done
    const passing = answer.status >= 500 && repeatable
    if (answer.status !== 429 && !passing && settings.busy?.(answer) !== true) return null
    return Math.max(usual, (secondsToWait(answer) ?? 0) * 1000)
  }

  const secondsToWait = (answer: ProviderAnswer): number | null =>
    retryAfterSeconds(answer.field('retry-after') ?? '', clock.now().wall / 1000)

  const call = async (call: ProviderCall, task: Task): Promise<ProviderAnswer> => {
    const { repeatable = (call.method ?? 'GET') !== 'POST' } = call
    const began = performance.now()
    let waited = 0
    let renewed = false
    for (let repeats = 0; ; ) {
      throwIfAborted(task.signal, solver, task.about)
      const done = await attempt(call, task)
      if ('answer' in done && done.answer.status === 401 && !renewed && settings.renew?.() === true) {
        renewed = true
        continue
      }
      const ms = pauseAfter(done, repeatable, repeats)
      const soon = ms !== null && Math.max(waited, performance.now() - began) + ms <= PATIENCE
      if (ms === null || !soon || repeats === REPEATS) {
        if ('answer' in done) return done.answer
        throw provider.fault(
          `${new URL(endpoint).host}: ${oneLine(done.failure.message)}. Check its endpoint and trust, and the way out`,
          task,
        )
      }
      await wait(ms, task.signal)
      waited += ms
      repeats += 1
    }
  }

  const masked = (text: string): string =>
    settings
      .secrets()
      .reduce((left, secret) => (secret === '' ? left : left.replaceAll(secret, '[secret]')), text)

  const remedy = (answer: ProviderAnswer): string => {
    const { status } = answer
    if (status === 401 || settings.unknown?.(answer) === true) return settings.whenUnknown
    if (status === 403) return settings.whenForbidden
    if (status === 429) {
      const seconds = secondsToWait(answer)
      return seconds === null
        ? 'Too many calls were made; let fewer programs share these credentials'
        : `Too many calls were made; it takes the next in ${seconds} s`
    }
    if (status >= 500) return 'That is trouble of its own; see its status page'
    return 'Correct what it complains of'
  }

  const provider: Provider = {
    title,
    call,
    async expect(request, statuses, doing, task) {
      const answer = await call(request, task)
      if (!statuses.includes(answer.status)) throw provider.refusal(answer, doing, task)
      return answer
    },
    read(answer, shape, doing, task) {
      const read = shape.safeParse(parseJson(answer.text))
      if (read.success) return read.data
      throw provider.fault(
        `answers ${answer.status} to ${doing} with something else than its API has. Check its endpoint; is a proxy between?`,
        task,
      )
    },
    refusal(answer, doing, task) {
      const said = masked((settings.explain ?? explainAnswer)(answer.text))
      return provider.fault(
        `answers ${answer.status} to ${doing}${said === '' ? '' : `: ${said}`}. ${remedy(answer)}`,
        task,
      )
    },
    fault: (what, { about }) => solverError(solver, about, `${title} ${what}`),
    wait: (ms, { signal }) => wait(ms, signal),
  }
  return provider
}
