/**
 * Runs in a network namespace of its own in which every address there is leads to one listener: node
 * reach-process.ts, with addresses as JSON on standard input. Dials each of them as a host that is not vouched for,
 * then a name that alternates between outside and inside, and prints which addresses the listener was called by.
 */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { json } from 'node:stream/consumers'
import ipaddr from 'ipaddr.js'
import { createDial, type Dial } from '../../src/ca/dial.ts'
import { OwnAddresses } from '../../src/ca/own-addresses.ts'
import { createResolve } from '../../src/ca/resolve.ts'
import { startDnsServer } from '../support/dns-server.ts'

export interface Reach {
  /** What the listener was called by, in one spelling. */
  readonly arrived: readonly string[]
  readonly rebinding: {
    readonly connected: number
    readonly refused: number
    readonly arrived: readonly string[]
  }
  /** The control: dialled as a host that is vouched for. */
  readonly vouched: readonly string[]
}

const ROUNDS = 1000
const INSIDE = ['127.0.0.1', '10.0.0.1', '169.254.169.254', '192.168.1.1']

const addresses = (await json(process.stdin)) as string[]
for (const args of [
  ['link', 'set', 'lo', 'up'],
  ['route', 'add', 'local', '0.0.0.0/0', 'dev', 'lo'],
  ['-6', 'route', 'add', 'local', '::/0', 'dev', 'lo'],
]) {
  execFileSync('ip', args)
}
let arrived: string[] = []
const server = createServer((socket) => {
  arrived.push(ipaddr.process(socket.localAddress ?? '').toString())
  socket.on('error', () => undefined)
  socket.end()
})
server.listen(0, '::')
await once(server, 'listening')
const { port } = server.address() as AddressInfo

let asked = 0
const names = await startDnsServer(() => {
  asked += 1
  // A and AAAA of one round get the same; a round that mixes them has both.
  const round = asked >> 1
  const inside = INSIDE[round % INSIDE.length]!
  return { addresses: [['8.8.4.4'], [inside], ['8.8.4.4', inside], ['8.8.4.4', '::1']][(round >> 2) % 4]! }
})
const dial = createDial({ resolve: createResolve([names.address]), own: new OwnAddresses(), proxy: null })
const take = () => {
  const taken = [...new Set(arrived)]
  arrived = []
  return taken
}

for (const host of addresses) await attempt(dial, host, false)
const first = take()
let connected = 0
for (let round = 0; round < ROUNDS; round += 1) connected += await attempt(dial, 'rebind.test', false)
const second = take()
for (const host of INSIDE) await attempt(dial, host, true)
const reach: Reach = {
  arrived: first,
  rebinding: { connected, refused: ROUNDS - connected, arrived: second },
  vouched: take(),
}
process.stdout.write(JSON.stringify(reach))
server.close()
await names.close()

/** 1 where a connection was made. */
async function attempt(by: Dial, host: string, vouched: boolean): Promise<number> {
  let socket: Socket
  try {
    socket = await by({ host, port, vouched, timeout: 5000 })
  } catch {
    return 0
  }
  socket.resume()
  await once(socket, 'close')
  return 1
}
