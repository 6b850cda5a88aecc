/**
 * Connections that want to be in the way: each is opened again when it is cut, no faster than `rate`. A process of its
 * own, so that its work is not the legitimate client's delay. Driven over IPC: a {@link HostileOrder} in, a
 * {@link HostileState} out every 250 ms; `stop` ends the opening, not the connections.
 */
import type { Socket } from 'node:net'
import { createSecureContext } from 'node:tls'
import { askConnect, openTcp, secure } from '../support/tunnel-client.ts'
import { HOSTILE_KINDS, type HostileKind, type HostileOrder, type HostileState } from './hostile-kinds.ts'

interface Established {
  readonly socket: Socket
  /** Sent again and again, every so many ms (a second where it is left out). */
  readonly drip: string | null
  readonly every?: number
}

/** Below the minute after which an idle connection is closed. */
const ASK_AGAIN_MS = 40_000

const zero = () => Object.fromEntries(HOSTILE_KINDS.map((kind) => [kind, 0])) as Record<HostileKind, number>
const open = zero()
const longest = zero()
const shortest = zero()
const cut = zero()
const waiting: HostileKind[] = []
let turnedAway = 0
let opened = 0
let stopped = false

async function establish(kind: HostileKind, order: HostileOrder): Promise<Established> {
  const from = `127.0.1.${1 + (Math.floor(opened++ / order.perAddress) % 250)}`
  const { proxyPort: port, authority } = order
  if (kind === 'silent') return { socket: await openTcp(port, from), drip: null }
  if (kind === 'notReading') {
    const socket = await openTcp(port, from)
    socket.pause()
    socket.write(`GET /root.pem HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`.repeat(8000))
    // What is not read hides the end of the connection; a write that fails shows it.
    return { socket, drip: '\r\n' }
  }
  if (kind === 'halfConnect') {
    const socket = await openTcp(port, from)
    socket.write(`CONNECT ${authority} HTTP/1.1\r\nX-Slow: `)
    return { socket, drip: 'a' }
  }
  const { socket, status } = await askConnect({
    port,
    target: kind === 'idleTunnel' ? order.blind : authority,
    from,
  })
  if (status !== 200) {
    socket.destroy()
    throw new Error(`CONNECT: ${status}`)
  }
  if (kind === 'idleTunnel') return { socket, drip: null }
  if (kind === 'halfHandshake') {
    socket.write(Buffer.from('16030102000100', 'hex'))
    return { socket, drip: null }
  }
  const secured = await secure(socket, { secureContext: context(order.trust), servername: 'localhost' })
  if (kind === 'keptIdle') {
    const request = `GET ${order.path} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`
    secured.write(request)
    await new Promise((resolve) => secured.once('data', resolve))
    return { socket: secured, drip: request, every: ASK_AGAIN_MS }
  }
  if (kind === 'drippingHeader') {
    secured.write(`POST /new-order HTTP/1.1\r\nHost: ${authority}\r\nX-Slow: `)
  } else if (kind === 'drippingBody') {
    secured.write(`POST /new-order HTTP/1.1\r\nHost: ${authority}\r\nContent-Length: 5000\r\n\r\n`)
  }
  return { socket: secured, drip: kind.startsWith('dripping') ? 'a' : null }
}

let known: ReturnType<typeof createSecureContext> | null = null
function context(trust: string) {
  known ??= createSecureContext({ ca: trust })
  return known
}

async function keep(kind: HostileKind, order: HostileOrder): Promise<void> {
  try {
    const { socket, drip, every = 1000 } = await establish(kind, order)
    let began = performance.now()
    open[kind]++
    if (kind !== 'notReading') socket.resume()
    const dripping =
      drip === null
        ? undefined
        : setInterval(() => {
            if (kind === 'keptIdle' && stopped) return
            // A kept connection is idle since its last request.
            if (kind === 'keptIdle') began = performance.now()
            socket.write(drip)
          }, every)
    await new Promise((resolve) => socket.once('close', resolve))
    clearInterval(dripping)
    const lasted = performance.now() - began
    open[kind]--
    cut[kind]++
    longest[kind] = Math.max(longest[kind], lasted)
    shortest[kind] = cut[kind] === 1 ? lasted : Math.min(shortest[kind], lasted)
  } catch {
    turnedAway++
  }
  if (!stopped) waiting.push(kind)
}

function begin(order: HostileOrder): void {
  // One of each kind in turn, as long as there are any.
  const left = { ...order.counts }
  for (let more = true; more; ) {
    more = false
    for (const kind of HOSTILE_KINDS) {
      if (left[kind] === 0) continue
      left[kind]--
      waiting.push(kind)
      more = true
    }
  }
  setInterval(() => {
    if (stopped) return
    for (const kind of waiting.splice(0, Math.ceil(order.rate / 20))) void keep(kind, order)
  }, 50)
  setInterval(() => process.send?.({ open, longest, shortest, cut, turnedAway } satisfies HostileState), 250)
}

process.on('message', (said: HostileOrder | 'stop') => {
  if (said === 'stop') stopped = true
  else begin(said)
})
process.on('disconnect', () => process.exit(0))
