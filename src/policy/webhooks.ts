import { createHmac, hash, randomUUID } from 'node:crypto'
import type { WebhookAnswer } from '../exchange/decision.ts'
import { LruMap } from '../exchange/lru-map.ts'
import type { WebhookSetting } from './document.ts'
import type { PolicyFacts } from './facts.ts'
import { readWebhookAnswer } from './webhook-answer.ts'
import { Circuit } from './webhook-circuit.ts'
import { webhookQuestion } from './webhook-question.ts'
import { Slots } from './webhook-slots.ts'

/** Asks operators' own services whether something may be. */
export interface Webhooks {
  /**
   * The answer of a webhook to one request; `exchange` is the id of its record, null where there is none. Never rejects:
   * without an answer `allow` is null and `reason` says why, in one line without secrets.
   */
  ask(
    name: string,
    setting: WebhookSetting,
    facts: PolicyFacts,
    exchange: string | null,
  ): Promise<WebhookAnswer>
}

/** The way out. Rejects with an error whose message is one line without secrets, or with the signal's reason. */
export type SendQuestion = (request: {
  readonly url: string
  readonly fields: Readonly<Record<string, string>>
  readonly body: string
  readonly trust: string | null
  readonly limit: number
  readonly signal: AbortSignal
}) => Promise<{ readonly status: number; readonly body: Buffer }>

export interface WebhookParts {
  readonly send: SendQuestion
  /** The text of a file that a setting names: secrets without the line break at their end. Throws what is wrong with it. */
  readonly readFile: (file: string, kind: 'secret' | 'trust') => string
  /** ms since 1970, and ms of a clock that is never set. */
  readonly now?: () => number
  readonly monotonic?: () => number
  /** Told of each question that no kept answer answers. */
  readonly report?: (event: WebhookEvent) => void
}

export interface WebhookEvent {
  readonly webhook: string
  readonly answer: WebhookAnswer
  /** Whether it was tried, so that the answer says how it fares: not where it was left alone, or others took all the time. */
  readonly tried: boolean
  readonly seconds: number
}

const ANSWER_LIMIT = 64 * 1024
const MOST_CACHED = 10_000
const AT_ONCE = 64

interface Kept {
  readonly answer: WebhookAnswer
  /** Of the monotonic clock. */
  readonly until: number
}

/** A setting with its files read. Made once for each loaded policy, so that no reload mixes secrets. */
interface Endpoint {
  readonly secret: string | null
  readonly trust: string | null
  readonly circuit: Circuit
  readonly kept: LruMap<string, Kept>
  readonly running: Map<string, Promise<WebhookAnswer>>
}

/**
 * Webhooks over HTTP: POST of a JSON question, signed as alerts are. Equal questions share one call, an answer is taken
 * for as long as the setting says, and one that fails again and again is left alone for some seconds. Nothing is asked
 * twice: whoever waits has a client that waits.
 */
export function createWebhooks(parts: WebhookParts): Webhooks {
  const { readFile, monotonic = () => performance.now() } = parts
  const endpoints = new WeakMap<WebhookSetting, Endpoint>()
  const slots = new Slots(AT_ONCE)

  const endpointOf = (setting: WebhookSetting): Endpoint => {
    const known = endpoints.get(setting)
    if (known !== undefined) return known
    const made: Endpoint = {
      secret: setting.secretFile === null ? null : readFile(setting.secretFile, 'secret'),
      trust: setting.trust === null ? null : readFile(setting.trust, 'trust'),
      circuit: new Circuit(monotonic),
      kept: new LruMap(MOST_CACHED),
      running: new Map(),
    }
    endpoints.set(setting, made)
    return made
  }

  return {
    async ask(name, setting, facts, exchange) {
      let endpoint: Endpoint
      try {
        endpoint = endpointOf(setting)
      } catch (error) {
        return told(name, unanswered(`webhook ${name}: ${oneLine(error)}`), true)
      }
      const question = webhookQuestion(name, facts)
      const key = hash('sha256', JSON.stringify(question), 'base64url')
      const kept = endpoint.kept.get(key)
      if (kept !== undefined && monotonic() < kept.until) return kept.answer
      const running = endpoint.running.get(key)
      if (running !== undefined) return running
      const refusal = endpoint.circuit.refusal()
      if (refusal !== null) return told(name, unanswered(`webhook ${name}: ${refusal}`), false)
      const body = { id: randomUUID(), exchange, ...question }
      const asking = call(name, setting, endpoint, body).then((answer) => {
        if (answer.allow !== null && setting.cache > 0)
          endpoint.kept.set(key, { answer, until: monotonic() + setting.cache })
        return answer
      })
      endpoint.running.set(key, asking)
      try {
        return await asking
      } finally {
        endpoint.running.delete(key)
      }
    },
  }

  function told(webhook: string, answer: WebhookAnswer, tried: boolean, seconds = 0): WebhookAnswer {
    parts.report?.({ webhook, answer, tried, seconds })
    return answer
  }

  async function call(
    name: string,
    { url, timeout }: WebhookSetting,
    { secret, trust, circuit }: Endpoint,
    question: object,
  ): Promise<WebhookAnswer> {
    const { send, now = Date.now } = parts
    const began = monotonic()
    const signal = AbortSignal.timeout(timeout)
    let wasSent = false
    const answer = await slots
      .within(signal, async () => {
        wasSent = true
        const body = JSON.stringify(question)
        const fields = { 'content-type': 'application/json; charset=utf-8', ...signed(secret, now(), body) }
        const { status, body: bytes } = await send({ url, fields, body, trust, limit: ANSWER_LIMIT, signal })
        if (status >= 300 && status <= 399)
          throw new Error(`answered ${status}: a redirect, which is not followed`)
        if (status !== 200) throw new Error(`answered ${status}, not 200`)
        return readWebhookAnswer(bytes)
      })
      .catch((error: unknown) =>
        unanswered(`webhook ${name}: ${signal.aborted ? `no answer within ${timeout} ms` : oneLine(error)}`),
      )
    // Questions that waited for others until it was too late are no failure of this service.
    if (wasSent) circuit.ended(answer.allow !== null)
    else circuit.notAsked()
    return told(name, answer, wasSent, (monotonic() - began) / 1000)
  }
}

/**
 * `Acmetap-Signature: t=SECONDS,v1=HEX` as alerts have it: HMAC-SHA256 under the secret over `SECONDS.BODY`. A receiver
 * makes it anew over the bytes it got, compares in constant time, and refuses a time more than five minutes off.
 */
function signed(secret: string | null, now: number, body: string): Readonly<Record<string, string>> {
  if (secret === null) return {}
  const seconds = Math.floor(now / 1000)
  const mac = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')
  return { 'acmetap-signature': `t=${seconds},v1=${mac}` }
}

function unanswered(reason: string): WebhookAnswer {
  return { allow: null, reason, data: null }
}

function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.replace(/\s+/g, ' ').slice(0, 300)
}
