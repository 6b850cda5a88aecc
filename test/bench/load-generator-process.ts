/**
 * The benchmark's client, a process of its own: N TLS connections at a time, each sending its next request when the
 * last was answered. Raw sockets, so that it costs little beside what it measures.
 * Driven over IPC: one {@link RunOrder} in, one {@link RunReport} out.
 */
import { type AccountKeyPair, makeAccountKey } from '../support/sign-jws.ts'
import { type ClientConnection, openConnection, type Way } from './client-connection.ts'
import { newNonce, setUp, signLoad } from './load.ts'

/**
 * `requests`: signed requests on connections that are kept. `sessions`: a new connection, tunnel and full TLS
 * handshake for each GET newNonce.
 */
export type LoadKind = 'requests' | 'sessions'

export interface RunOrder extends Way {
  readonly target: string
  readonly load: LoadKind
  readonly authority: string
  readonly connections: number
  readonly warmUpMs: number
  readonly ms: number
  /** How many requests to sign for this run; where they run out they are sent again. */
  readonly signed: number
}

export interface RunReport {
  /** With `sessions` as many sessions. */
  readonly requests: number
  readonly seconds: number
  readonly non2xx: number
  readonly statuses: Readonly<Record<string, number>>
  readonly p50: number
  readonly p99: number
  readonly broken: number
  readonly sentAgain: number
}

/** `measuring` marks the end of the warm-up, `measured` the end of the run. */
export type LoadMessage =
  | { readonly kind: 'measuring' }
  | { readonly kind: 'measured'; readonly report: RunReport }
  | { readonly kind: 'failed'; readonly message: string }

const MOST_BROKEN = 1000
const keys = new Map<string, AccountKeyPair>()

async function run(order: RunOrder): Promise<RunReport> {
  const known = keys.get(order.target)
  const key = known ?? makeAccountKey()
  const signer = { key, authority: order.authority }
  if (!known) {
    const first = await openConnection(order)
    for (const request of setUp(signer)) {
      const status = await first.ask(request)
      if (status > 299) throw new Error(`${order.target} answered ${status} before the load began`)
    }
    first.close()
    keys.set(order.target, key)
  }
  const load = order.load === 'sessions' ? [newNonce(signer)] : signLoad(signer, order.signed)
  const tally = {
    requests: 0,
    non2xx: 0,
    broken: 0,
    statuses: {} as Record<string, number>,
    latencies: [] as number[],
  }
  let next = 0
  let measuring = false
  let over = false

  const count = (began: number, status: number) => {
    if (status === 0) tally.broken++
    if (!measuring || over) return
    tally.requests++
    tally.latencies.push(performance.now() - began)
    tally.statuses[status] = (tally.statuses[status] ?? 0) + 1
    if (status < 200 || status > 299) tally.non2xx++
  }
  const session = async () => {
    while (!over && tally.broken <= MOST_BROKEN) {
      const began = performance.now()
      let connection: ClientConnection | undefined
      try {
        connection = await openConnection(order)
        count(began, await connection.ask(load[0]!))
      } catch {
        count(began, 0)
      } finally {
        connection?.close()
      }
    }
  }
  const kept = async (connection: ClientConnection) => {
    while (!over && tally.broken <= MOST_BROKEN) {
      const request = load[next++ % load.length]!
      const began = performance.now()
      const status = await connection.ask(request).catch(() => 0)
      count(began, status)
      if (status === 0 && !over) connection = await openConnection(order)
    }
    connection.close()
  }
  const lanes = Array.from({ length: order.connections })
  const connections =
    order.load === 'requests' ? await Promise.all(lanes.map(() => openConnection(order))) : []
  const loops = order.load === 'requests' ? connections.map(kept) : lanes.map(session)
  await pause(order.warmUpMs)
  measuring = true
  report({ kind: 'measuring' })
  const began = performance.now()
  await pause(order.ms)
  over = true
  const seconds = (performance.now() - began) / 1000
  await Promise.all(loops)
  const sorted = Float64Array.from(tally.latencies).sort()
  const quantile = (q: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN
  const { requests, non2xx, broken, statuses } = tally
  const sentAgain = order.load === 'requests' ? Math.max(0, next - load.length) : 0
  return { requests, seconds, non2xx, statuses, broken, sentAgain, p50: quantile(0.5), p99: quantile(0.99) }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

function report(message: LoadMessage): void {
  process.send?.(message)
}

process.on('message', (order: RunOrder) => {
  run(order).then(
    (done) => report({ kind: 'measured', report: done }),
    (error: Error) => report({ kind: 'failed', message: error.message }),
  )
})
process.on('disconnect', () => process.exit(0))
