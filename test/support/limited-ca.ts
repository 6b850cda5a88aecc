/**
 * A small honest CA over TLS that turns requests away as Let's Encrypt's load balancer does: by source address and
 * endpoint, with token buckets of its own making. Validation succeeds at once. Keeps counts and no log.
 */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Jwk } from '../../src/acme/jwk.ts'
import type { Operation } from '../../src/acme/operation.ts'
import { PACED, type Paced, type Pacing, type Rate } from '../../src/config/presets.ts'
import { type Answer, json, problem, withField } from './test-ca/answer.ts'
import { CaLog } from './test-ca/ca-log.ts'
import { CaState } from './test-ca/ca-state.ts'
import { makeRoot, makeServerCertificate } from './test-ca/certificates.ts'
import { answerRequest, operationOf } from './test-ca/operations.ts'
import { Nonces, peekHeader } from './test-ca/signed-request.ts'

export interface LimitedCaOptions {
  /** By endpoint, for each source address. An endpoint that is left out has no limit. */
  readonly pacing: Pacing
  /** Answered 429: from one address in three hours. */
  readonly newAccountsPerAddress?: number
  /** Answered 429: of one account in three hours. */
  readonly newOrdersPerAccount?: number
  /** Accounts that exist from the start: `/account/1` and so on, in this order. */
  readonly accounts?: readonly { readonly jwk: Jwk; readonly thumbprint: string }[]
  /** The share of certificates, by their id, that renewalInfo says are due. */
  readonly due?: number
}

/** How many answers, by endpoint and then by status. */
export type Counts = Readonly<Record<Paced, Readonly<Record<string, number>>>>

export interface LimitedCa {
  readonly port: number
  readonly directory: string
  readonly trust: string
  counts(): Counts
  close(): Promise<void>
}

/** Let's Encrypt says so of its directory. */
const DIRECTORY_CACHING = 'public, max-age=0, no-cache'
const THREE_HOURS = 10_800
const DAY = 86_400_000

class TokenBucket {
  readonly #rate: Rate
  #tokens: number
  #at: number

  constructor(rate: Rate, now: number) {
    this.#rate = rate
    this.#tokens = rate.burst
    this.#at = now
  }

  /** 0 where there was a token, else the seconds until there is one. */
  take(now: number): number {
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + ((now - this.#at) / 1000) * this.#rate.rate)
    this.#at = now
    if (this.#tokens < 1) return (1 - this.#tokens) / this.#rate.rate
    this.#tokens -= 1
    return 0
  }
}

class Limits {
  readonly #buckets = new Map<string, TokenBucket>()

  /** Seconds to wait, or 0. */
  exceeded(key: string, rate: Rate | undefined): number {
    if (!rate) return 0
    const now = performance.now()
    let bucket = this.#buckets.get(key)
    if (!bucket) {
      bucket = new TokenBucket(rate, now)
      this.#buckets.set(key, bucket)
    }
    return bucket.take(now)
  }
}

export async function startLimitedCa(options: LimitedCaOptions): Promise<LimitedCa> {
  const root = makeRoot('Limited CA TLS Root')
  const certificate = makeServerCertificate({ names: ['localhost', '127.0.0.1'], issuer: root })
  const state = new CaState(new CaLog())
  const nonces = new Nonces('strict')
  const limits = new Limits()
  const counts = Object.fromEntries(PACED.map((endpoint) => [endpoint, {}])) as Record<
    Paced,
    Record<string, number>
  >
  for (const [i, { jwk, thumbprint }] of (options.accounts ?? []).entries()) {
    const path = `/account/${i + 1}`
    const account = { path, jwk, thumbprint, status: 'valid' as const, contact: [], orders: [] }
    state.accounts.set(path, account)
    state.accountsByKey.set(thumbprint, account)
  }

  const answerOf = (request: IncomingMessage, operation: Operation, body: Buffer): Answer => {
    const address = request.socket.remoteAddress ?? ''
    const endpoint = counted(operation)
    const wait = limits.exceeded(`${address} ${endpoint}`, options.pacing[endpoint])
    if (wait > 0) return tooMany(503, 'Service busy; retry later.', wait)
    if (operation === 'newAccount' && options.newAccountsPerAddress !== undefined) {
      const burst = options.newAccountsPerAddress
      const later = limits.exceeded(`${address} accounts`, { rate: burst / THREE_HOURS, burst })
      const detail = `too many new registrations (${burst}) from this IP address in the last 3h0m0s`
      if (later > 0) return tooMany(429, detail, later)
    }
    if (operation === 'newOrder' && options.newOrdersPerAccount !== undefined) {
      const burst = options.newOrdersPerAccount
      const account = String(peekHeader(body)?.kid)
      const later = limits.exceeded(`${account} orders`, { rate: burst / THREE_HOURS, burst })
      const detail = `too many new orders (${burst}) from this account in the last 3h0m0s`
      if (later > 0) return tooMany(429, detail, later)
    }
    const target = request.url ?? ''
    if (operation === 'renewalInfo') return renewalInfo(target, options.due ?? 0)
    const answer = answerRequest(state, nonces, {
      method: request.method ?? '',
      target,
      host: request.headers.host ?? '',
      contentType: request.headers['content-type'],
      body,
      logged: 0,
    })
    return operation === 'directory' ? withField(answer, 'Cache-Control', DIRECTORY_CACHING) : answer
  }

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const operation = operationOf(request.url ?? '')
    const answer = answerOf(request, operation, Buffer.concat(parts))
    const byStatus = counts[counted(operation)]
    byStatus[answer.status] = (byStatus[answer.status] ?? 0) + 1
    const length = answer.status === 204 ? [] : ['Content-Length', String(answer.body.length)]
    response.writeHead(answer.status, [...answer.fields.flat(), ...length]).end(answer.body)
  }
  const server = createServer(
    { key: certificate.keyPem, cert: certificate.pem, keepAliveTimeout: 120_000 },
    (request, response) => void serve(request, response).catch(() => response.destroy()),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    directory: `https://localhost:${port}/directory`,
    trust: root.pem,
    counts: () => counts,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** What Let's Encrypt lists by itself; the rest is `/acme/*`. */
function counted(operation: Operation): Paced {
  return PACED.find((endpoint) => endpoint === operation) ?? 'objects'
}

function tooMany(status: number, detail: string, wait: number): Answer {
  const fields = [['Retry-After', String(Math.max(1, Math.ceil(wait)))]] as const
  return problem('rateLimited', detail, { status, fields })
}

/** RFC 9773 §4.2. Whether it is due is in the serial number: a number from 0 to 65535 against the share. */
function renewalInfo(target: string, due: number): Answer {
  const serial = Buffer.from(target.split('.').at(-1) ?? '', 'base64url')
  const isDue = serial.length >= 2 && serial.readUInt16BE(0) < due * 65_536
  const start = Date.now() + (isDue ? -DAY : 30 * DAY)
  const [from, until] = [start, start + 2 * DAY].map((time) => new Date(time).toISOString())
  return json(200, { suggestedWindow: { start: from, end: until } }, [['Retry-After', '21600']])
}
