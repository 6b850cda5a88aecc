import type { Socket } from 'node:net'
import { type buildConnector, Pool } from 'undici'
import { retryAfterSeconds } from '../../acme/retry-after.ts'
import { guarded, refuseLiteral } from '../../ca/address-guard.ts'
import { createDial, type WayOut } from '../../ca/dial.ts'
import { upstreamFailure } from '../../ca/failure.ts'
import { secureFor } from '../../ca/secure.ts'
import { visible } from '../render/visible.ts'
import type { Millis } from '../rule.ts'
import type { Answer, Channel, HttpService, Outgoing, Receipt } from './channel.ts'
import { scrubber } from './scrub.ts'

const ANSWER_LIMIT = 64 * 1024
/** ms. */
const TIMEOUT = 10_000

interface HttpSenderOptions {
  readonly name: string
  readonly service: HttpService
  readonly way: WayOut
  /** PEM of the only roots to trust, or null for the public ones. */
  readonly trust: string | null
  /** ms for one request; 10 s where it is left out. */
  readonly timeout?: number
}

/**
 * A channel over HTTP: own connections, TLS verified, no redirects followed, 10 s for a request, at most 64 KiB of the
 * answer read. Addresses are judged as for a CA, and link-local ones are refused.
 */
export function httpSender({ name, service, way, trust, timeout = TIMEOUT }: HttpSenderOptions): Channel {
  const scrub = scrubber(service.secrets)
  const pools = new Map<string, Pool>()
  const dial = createDial({ ...way, resolve: guarded(way.resolve) })

  const poolFor = (origin: string): Pool => {
    const known = pools.get(origin)
    if (known !== undefined) return known
    const { hostname, protocol, port } = new URL(origin)
    const host = hostname.replace(/^\[|\]$/g, '')
    const secure = protocol === 'https:' ? secureFor(host, trust) : null
    const connect = async (): Promise<Socket> => {
      refuseLiteral(host)
      const signal = AbortSignal.timeout(timeout)
      const number = Number(port) || (secure === null ? 80 : 443)
      const socket = await dial({ host, port: number, vouched: true, timeout, signal })
      return secure === null ? socket : secure(socket, signal)
    }
    const pool = new Pool(origin, {
      connections: 2,
      pipelining: 1,
      keepAliveTimeout: 4_000,
      connect: (_options: buildConnector.Options, callback: buildConnector.Callback) => {
        connect().then(
          (socket) => callback(null, socket),
          (error: Error) => callback(error, null),
        )
      },
    })
    pools.set(origin, pool)
    return pool
  }

  const post = async (outgoing: Outgoing, signal: AbortSignal): Promise<Replied> => {
    const url = new URL(outgoing.url)
    const { statusCode, headers, body } = await poolFor(url.origin).request({
      path: `${url.pathname}${url.search}`,
      method: 'POST',
      headers: { 'user-agent': 'acmetap', accept: 'application/json, text/plain, */*', ...outgoing.fields },
      body: outgoing.body,
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeout)]),
    })
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of body) {
      chunks.push(chunk as Buffer)
      size += (chunk as Buffer).length
      if (size >= ANSWER_LIMIT) break
    }
    const text = Buffer.concat(chunks).subarray(0, ANSWER_LIMIT).toString('utf8')
    const wait = headers['retry-after']
    return { status: statusCode, body: text, wait: typeof wait === 'string' ? wait : null }
  }

  const sendAll = async (
    requests: readonly Outgoing[],
    at: Millis,
    signal: AbortSignal,
  ): Promise<Receipt> => {
    let said = ''
    for (const outgoing of requests) {
      const { origin } = new URL(outgoing.url)
      try {
        const answer = await post(outgoing, signal)
        // Before anything is cut: half a secret is one too.
        const receipt = judge(service, outgoing, { ...answer, body: scrub(answer.body) }, at)
        if (receipt.kind !== 'taken') return { ...receipt, error: scrub(`${origin} ${receipt.error}`) }
        said = receipt.said
      } catch (error) {
        return { kind: 'later', error: scrub(`${origin}: ${whatFailed(error, timeout)}`), after: null }
      }
    }
    return { kind: 'taken', said: scrub(said) }
  }

  return {
    name,
    send: (rendered, at, signal) => sendAll(service.requests(rendered, at), at, signal),
    remind:
      service.reminders === undefined
        ? null
        : (rendered, at, signal) => sendAll(service.reminders!(rendered, at), at, signal),
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()))
    },
  }
}

interface Replied extends Answer {
  readonly wait: string | null
}

function judge(service: HttpService, outgoing: Outgoing, answer: Replied, at: Millis): Receipt {
  const { status, body } = answer
  const said = `${status}${body.trim() === '' ? '' : ` ${visible(body.trim(), 200)}`}`
  const error = `answered ${said}`
  if (status >= 200 && status < 300) {
    const fault = service.faultIn?.(answer) ?? null
    return fault === null
      ? { kind: 'taken', said }
      : { kind: 'later', error: `${error}: ${fault}`, after: null }
  }
  if (status >= 300 && status < 400) return rejected(outgoing, `${error}: a redirect, which is not followed`)
  if (status === 408 || status === 425 || status === 429 || status >= 500) {
    const seconds =
      service.waitIn?.(answer) ?? (answer.wait === null ? null : retryAfterSeconds(answer.wait, at))
    return { kind: 'later', error, after: seconds === null ? null : seconds * 1000 }
  }
  const isAboutUs =
    [401, 402, 403, 404, 405, 407, 410].includes(status) || service.isAboutUs?.(answer) === true
  return isAboutUs ? rejected(outgoing, error) : { kind: 'refused', error }
}

function rejected({ alone }: Outgoing, error: string): Receipt {
  return { kind: alone === true ? 'refused' : 'rejected', error }
}

function whatFailed(error: unknown, timeout: number): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${timeout} ms`
  if (error instanceof Error && error.name === 'AbortError') return 'given up: acmetap ends'
  return visible(upstreamFailure(error).message, 300)
}
