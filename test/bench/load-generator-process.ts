/**
 * The benchmark's client, a process of its own: N TLS connections at a time, each sending its next request when the
 * last was answered. Raw sockets, so that it costs little beside what it measures.
 * Driven over IPC: one {@link RunOrder} in, one {@link RunReport} out.
 */
import { type AccountKeyPair, makeAccountKey } from '../support/sign-jws.ts'
import { type ClientConnection, openConnection, type Way } from './client-connection.ts'
import { IssuingClient } from './issuing-client.ts'
import { newNonce, setUp, signLoad } from './load.ts'

/**
 * `requests`: signed requests on connections that are kept. `sessions`: a new connection, tunnel and full TLS
 * handshake for each GET newNonce. `issuances`: whole ones, on connections that are kept, each connection an account.
 * `runs`: as `issuances`, and directory, nonce, account and order are asked for each time, as a client does that is started
 * for one certificate.
 */
export type LoadKind = 'requests' | 'sessions' | 'issuances' | 'runs'

export interface RunOrder extends Way {
  readonly target: string
  readonly load: LoadKind
  readonly authority: string
  readonly connections: number
  readonly warmUpMs: number
  readonly ms: number
  /** How many requests to sign for this run; where they run out they are sent again. */
  readonly signed: number
  /** Path of the directory that issuances begin with. */
  readonly directory: string
}

export interface RunReport {
  /** With other loads as many sessions, or issuances. */
  readonly requests: number
  /** Requests that were sent for them. */
  readonly asked: number
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
const MOST_FAULTS = 100
const keys = new Map<string, AccountKeyPair>()

async function run(order: RunOrder): Promise<RunReport> {
  return order.load === 'issuances' || order.load === 'runs' ? runIssuances(order) : runRequests(order)
}

async function runRequests(order: RunOrder): Promise<RunReport> {
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
  const told = { requests, asked: requests, seconds, non2xx, statuses, broken, sentAgain }
  return { ...told, p50: quantile(0.5), p99: quantile(0.99) }
}

/** What is under way when the time is over is waited for, and counted with the time it took. */
async function runIssuances(order: RunOrder): Promise<RunReport> {
  const { authority, directory, connections } = order
  const clients = await Promise.all(
    Array.from({ length: connections }, async (_, lane) => {
      const name = `${order.target} ${lane}`
      const key = keys.get(name) ?? makeAccountKey()
      keys.set(name, key)
      const connection = await openConnection(order)
      const client = new IssuingClient(connection, { authority, directory }, key)
      await client.begin()
      return { client, connection }
    }),
  )
  const isRun = order.load === 'runs'
  const latencies: number[] = []
  const statuses: Record<string, number> = {}
  let measuring = false
  let over = false
  const loops = clients.map(async ({ client, connection }) => {
    while (!over) {
      const began = performance.now()
      try {
        if (isRun) await client.begin()
        await client.issue(isRun)
        if (measuring) latencies.push(performance.now() - began)
      } catch (error) {
        // What differs from one to the next is left out: ids and URLs.
        const why = (error as Error).message.replaceAll(/[\w-]{20,}/g, '…').slice(0, 300)
        statuses[why] = (statuses[why] ?? 0) + 1
        if (Object.keys(statuses).length > MOST_FAULTS) break
      }
    }
    connection.close()
  })
  await pause(order.warmUpMs)
  measuring = true
  const askedOf = () => clients.reduce((sum, { client }) => sum + client.asked, 0)
  const before = askedOf()
  report({ kind: 'measuring' })
  const began = performance.now()
  await pause(order.ms)
  over = true
  await Promise.all(loops)
  const seconds = (performance.now() - began) / 1000
  const asked = askedOf() - before
  const non2xx = Object.values(statuses).reduce((sum, count) => sum + count, 0)
  const sorted = Float64Array.from(latencies).sort()
  const quantile = (q: number) => sorted[Math.floor(sorted.length * q)] ?? Number.NaN
  const told = { requests: sorted.length, asked, seconds, non2xx, statuses, broken: 0, sentAgain: 0 }
  return { ...told, p50: quantile(0.5), p99: quantile(0.99) }
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
