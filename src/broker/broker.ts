import { member } from '../acme/members.ts'
import { AcmeProblem, type ProblemDocument } from '../acme/problem.ts'
import type {
  Classified,
  FieldList,
  Inspected,
  ObservedRequest,
  Outcome,
  Received,
} from '../exchange/exchange.ts'
import type { Recorded } from '../exchange/pipeline.ts'
import type { BrokerStore } from './broker-store.ts'
import type { BrokerAnswer, BrokeredRequest, Target } from './brokered-request.ts'
import { classifyRequest } from './classify-request.ts'
import type { Endpoint } from './endpoint.ts'
import type { BrokerOperation, BrokerOperationsTable } from './operations/operations.ts'
import { OrdersOfAuthorizations } from './orders-of-authorizations.ts'
import { ProblemAnswer } from './problem-answer.ts'
import type { ReplayNonces } from './replay-nonces.ts'
import { REQUEST_RULES } from './request-rules.ts'
import { endpointAt, targetOf, urlOf } from './url-map.ts'
import { type Verified, type VerifyParts, verifyRequest } from './verify-request.ts'

export interface BrokerParts {
  /** As the configuration in force has them. */
  readonly endpoints: () => readonly Endpoint[]
  readonly store: BrokerStore
  readonly nonces: ReplayNonces
  readonly operations: BrokerOperationsTable
  /** Told of faults of our own: the client gets a 500. */
  readonly onBug: (error: unknown) => void
}

/** Seconds after which a client may try again what failed for a reason of ours, as Boulder says. */
const AGAIN = 60

/** acmetap as an ACME server, as the HTTP edge and the stages of mode `broker` see it. */
export class Broker {
  readonly #parts: BrokerParts
  readonly #verifying: VerifyParts
  readonly #closing = new AbortController()
  /** What was found out about a request on its way; the stages copy exchanges, never requests. */
  readonly #targets = new WeakMap<ObservedRequest, Target | null>()
  readonly #verified = new WeakMap<ObservedRequest, Verified>()

  constructor(parts: BrokerParts) {
    this.#parts = parts
    const { store, nonces } = parts
    this.#verifying = { store, nonces, ordersOf: new OrdersOfAuthorizations(store) }
  }

  async classify(exchange: Received): Promise<Classified> {
    return classifyRequest(exchange, this.#targetOf(exchange))
  }

  async verifyJws(exchange: Classified): Promise<Inspected> {
    const { exchange: inspected, verified } = await verifyRequest(
      exchange,
      this.#targetOf(exchange),
      this.#verifying,
    )
    if (verified) this.#verified.set(exchange.request, verified)
    return inspected
  }

  /** Never rejects: a fault of our own is told to `onBug`, and to the client without what it says. */
  async answer(exchange: Recorded): Promise<Outcome> {
    try {
      const request = this.#requestOf(exchange)
      const answer = await this.#parts.operations[request.operation as BrokerOperation](request)
      if (request.operation === 'newOrder') this.#remember(answer, exchange)
      return written(answer)
    } catch (error) {
      return written(this.#problem(error, exchange))
    }
  }

  /**
   * What stands beside every answer, refusals and faults too: a nonce with every answer to a POST (RFC 8555 §6.5) and of
   * newNonce, but none with a directory that is got, which breaks old clients; `Link: index` with everything but the
   * directory (§7.1); `Allow` with what has another method (RFC 9110 §15.5.6).
   */
  fieldsFor(exchange: Received): FieldList {
    const { method } = exchange.request
    const target = this.#targetOf(exchange)
    const fields: (readonly [string, string])[] = []
    if (method === 'POST' || (target?.operation === 'newNonce' && (method === 'GET' || method === 'HEAD'))) {
      fields.push(['replay-nonce', this.#parts.nonces.issue()])
    }
    const endpoint = target?.endpoint ?? this.#endpointOf(exchange)
    if (endpoint && target?.operation !== 'directory') {
      fields.push(['link', `<${urlOf(endpoint, 'directory', [], target?.label)}>;rel="index"`])
    }
    const methods = target ? REQUEST_RULES[target.operation as BrokerOperation].methods : [method]
    if (!methods.includes(method)) fields.push(['allow', methods.join(', ')])
    return fields
  }

  /** What is being answered is told to give up: acmetap stops. A client that hangs up cancels nothing. */
  close(): void {
    this.#closing.abort()
  }

  #targetOf({ request }: Received): Target | null {
    const known = this.#targets.get(request)
    if (known !== undefined) return known
    const found = targetOf(this.#parts.endpoints(), request.authority, request.target)
    const target = found === 'elsewhere' ? null : found
    this.#targets.set(request, target)
    return target
  }

  #endpointOf({ request }: Received): Endpoint | null {
    const endpoint = endpointAt(this.#parts.endpoints(), request.authority, request.target)
    return endpoint === 'elsewhere' ? null : endpoint
  }

  #requestOf(exchange: Recorded): BrokeredRequest {
    const { id, request, connection, receivedAt, inspection } = exchange
    const target = this.#targetOf(exchange)
    const verified = this.#verified.get(request)
    if (!target || !verified || exchange.refusal)
      throw new Error('a request is answered that was not verified')
    const { account, key, order, authorization, certificate } = verified
    return {
      ...target,
      id,
      method: request.method,
      at: receivedAt.wall,
      clientAddress: connection.clientAddress,
      payload: inspection?.jws.payload,
      isPostAsGet: inspection?.jws.payloadBytes.length === 0,
      account,
      key,
      order,
      authorization,
      certificate,
      signal: this.#closing.signal,
    }
  }

  /** So that what follows at its authorizations is recorded as part of this issuance. */
  #remember({ body }: BrokerAnswer, { id }: Recorded): void {
    const json = body && 'json' in body ? body.json : null
    const urls = member(json, 'authorizations')
    const finalize = member(json, 'finalize')
    if (!Array.isArray(urls) || typeof finalize !== 'string') return
    const last = (url: string) => url.slice(url.lastIndexOf('/') + 1)
    const order = last(finalize.slice(0, finalize.lastIndexOf('/')))
    this.#verifying.ordersOf.remember(urls.filter((url) => typeof url === 'string').map(last), {
      order,
      issuance: id,
    })
  }

  #problem(error: unknown, { id }: Recorded): BrokerAnswer {
    if (error instanceof ProblemAnswer) return problemAnswer(error.document, error.fields)
    if (error instanceof AcmeProblem) {
      const document = { ...error.document(), detail: `${error.message} (acmetap record ${id})` }
      return problemAnswer({ instance: `urn:uuid:${id}`, ...document }, retryAfter(error.retryAfter))
    }
    this.#parts.onBug(error)
    const detail = `acmetap failed for a reason of its own (acmetap record ${id})`
    const problem = new AcmeProblem('serverInternal', detail, { instance: `urn:uuid:${id}` })
    return problemAnswer(problem.document(), retryAfter(AGAIN))
  }
}

function retryAfter(seconds: number | undefined): FieldList {
  return seconds === undefined ? [] : [['retry-after', String(seconds)]]
}

function problemAnswer(document: ProblemDocument, fields: FieldList): BrokerAnswer {
  const text = JSON.stringify(document)
  return { status: document.status, fields, body: { text, type: 'application/problem+json' } }
}

/** An answer as bytes. Nothing that a signed request is answered with is for a cache. */
function written({ status, fields, body }: BrokerAnswer): Outcome {
  const type = body === null ? null : 'json' in body ? 'application/json' : body.type
  const text = body === null ? '' : 'json' in body ? JSON.stringify(body.json) : body.text
  const bytes = Buffer.from(text)
  const has = (name: string) => fields.some(([field]) => field === name)
  const all: FieldList = [
    ...(type === null ? [] : ([['content-type', type]] as const)),
    ...(has('cache-control') ? [] : ([['cache-control', 'no-store']] as const)),
    ...(body === null && !has('content-length') ? ([['content-length', '0']] as const) : []),
    ...fields,
  ]
  return {
    kind: 'response',
    response: { status, fields: all, body: bytes, decoded: bytes },
    durationCa: 0,
    source: 'acmetap',
  }
}
