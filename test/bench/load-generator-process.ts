/**
 * The benchmark's client, a process of its own: N keep-alive TLS connections, each sending its next pre-signed
 * request when the last was answered. Raw sockets, so that it costs little beside what it measures.
 * Driven over IPC: one {@link RunOrder} in, one {@link RunReport} out.
 */
import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { type AccountKeyPair, makeAccountKey } from '../support/sign-jws.ts'
import { setUp, signLoad } from './load.ts'
import { ResponseReader } from './response-reader.ts'

export interface RunOrder {
  readonly target: string
  readonly port: number
  readonly authority: string
  readonly trust: string
  readonly connections: number
  readonly warmUpMs: number
  readonly ms: number
  /** How many requests to sign for this run; where they run out they are sent again. */
  readonly signed: number
}

export interface RunReport {
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

const keys = new Map<string, AccountKeyPair>()

async function run(order: RunOrder): Promise<RunReport> {
  const known = keys.get(order.target)
  const key = known ?? makeAccountKey()
  const signer = { key, authority: order.authority }
  if (!known) {
    const first = await open(order)
    for (const request of setUp(signer)) {
      const status = await ask(first, request)
      if (status > 299) throw new Error(`${order.target} answered ${status} before the load began`)
    }
    first.socket.destroy()
    keys.set(order.target, key)
  }
  const load = signLoad(signer, order.signed)
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

  const connections = await Promise.all(Array.from({ length: order.connections }, () => open(order)))
  const loops = connections.map(async (connection) => {
    while (!over) {
      const request = load[next++ % load.length]!
      const began = performance.now()
      const status = await ask(connection, request).catch(() => 0)
      if (measuring && !over) {
        tally.requests++
        tally.latencies.push(performance.now() - began)
        tally.statuses[status] = (tally.statuses[status] ?? 0) + 1
        if (status < 200 || status > 299) tally.non2xx++
      }
      if (status === 0) {
        tally.broken++
        if (over || tally.broken > 1000) return
        connection = await open(order)
      }
    }
    connection.socket.destroy()
  })
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
  const sentAgain = Math.max(0, next - load.length)
  return { requests, seconds, non2xx, statuses, broken, sentAgain, p50: quantile(0.5), p99: quantile(0.99) }
}

interface LoadConnection {
  readonly socket: TLSSocket
  readonly reader: ResponseReader
}

async function open(order: RunOrder): Promise<LoadConnection> {
  const socket = connect({
    host: '127.0.0.1',
    port: order.port,
    servername: 'localhost',
    ca: order.trust,
    ALPNProtocols: ['http/1.1'],
  })
  socket.setNoDelay(true)
  await once(socket, 'secureConnect')
  const reader = new ResponseReader()
  socket.on('data', (data: Buffer) => reader.push(data))
  socket.on('error', () => socket.destroy())
  socket.on('close', () => reader.close())
  return { socket, reader }
}

/** The status of the answer. Rejects where the connection ends before it is whole. */
function ask({ socket, reader }: LoadConnection, request: Buffer): Promise<number> {
  const answered = reader.next()
  socket.write(request)
  return answered
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
