/**
 * Runs in a network namespace in which every address there is belongs to this machine: `node open-proxy-process.ts
 * FOLDER COMBINATIONS PORTS ROUNDS SEED MAIN`. Asks acmetap for every wrong way out it can think of, with every
 * connect(2) of acmetap traced and listeners where it might arrive, and prints an {@link OpenProxyReport} as JSON.
 */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSecureContext } from 'node:tls'
import { destinations } from '../packaging/traced-destinations.ts'
import { freePort, startProcess } from '../support/child-process.ts'
import { captureClientHello, withServerName } from '../support/client-hello.ts'
import { startDnsServer } from '../support/dns-server.ts'
import { type InterceptingAcmetap, startIntercepting } from '../support/intercepting-acmetap.ts'
import { INTERNAL_SPELLINGS } from '../support/internal-address-spellings.ts'
import { makeRoot, makeServerCertificate } from '../support/test-ca/certificates.ts'
import { startTestCa } from '../support/test-ca/test-ca.ts'
import { askConnect, openTcp, secure } from '../support/tunnel-client.ts'
import { random } from './soak.ts'

/** What one acmetap was asked and what came of it. */
export interface OpenProxyRun {
  /** Requests by form. */
  readonly asked: Readonly<Record<'connect' | 'absolute' | 'sni', number>>
  /** Statuses, or how the connection ended, with how often. */
  readonly answers: Readonly<Record<string, number>>
  /** `form target` of everything that was opened. */
  readonly opened: readonly string[]
  /** `address:port` of every connect(2) and sendto(2) with an address, by all threads of acmetap. */
  readonly destinations: readonly string[]
  /** `address:port` of the listeners that were called, with how often. */
  readonly arrived: Readonly<Record<string, number>>
  readonly ownPorts: readonly number[]
}

export interface OpenProxyReport {
  readonly ca: string
  readonly dns: string
  readonly runs: Readonly<Record<'refuse' | 'list' | 'tunnel', OpenProxyRun>>
  readonly rebinding: { readonly rounds: number; readonly opened: number; readonly refused: number }
  /** An honest request to the CA in each run. */
  readonly honest: readonly number[]
  /** A connection to the inside that was planted under the same tracer. */
  readonly planted: Pick<OpenProxyRun, 'arrived'> & { readonly traced: readonly string[] }
}

const OWN_PUBLIC = '9.9.9.9'
const LISTED = '93.184.216.34'
const PUBLIC = '8.8.4.4'
/** Where a connection to the inside, or to an unlisted outside, would be seen to arrive. */
const INSIDE = ['127.0.0.1', '10.0.0.1', '169.254.169.254', '192.168.1.1', '::1', 'fd00:ec2::254']

const [folder = '', combinations = '0', ports = '0', rounds = '0', seed = '1', main = ''] =
  process.argv.slice(2)
const ip = (...args: string[]) => execFileSync('ip', args)
ip('link', 'set', 'lo', 'up')
ip('address', 'add', `${OWN_PUBLIC}/32`, 'dev', 'lo')
ip('route', 'add', 'local', '0.0.0.0/0', 'dev', 'lo')
ip('-6', 'route', 'add', 'local', '::/0', 'dev', 'lo')
// Unlike IPv4, a local route is not enough to listen on.
ip('address', 'add', 'fd00:ec2::254/128', 'dev', 'lo', 'nodad')

const root = makeRoot('Open Proxy Root')
const certificate = makeServerCertificate({ names: ['ca.test'], issuer: root })
const ca = await startTestCa({ nonces: 'ignore', root, certificate })
const caAuthority = `ca.test:${ca.port}`
const closing: (() => Promise<unknown>)[] = [() => ca.close()]

let arrived: Record<string, number> = {}
for (const address of [...INSIDE, LISTED, PUBLIC]) {
  for (const port of [80, 443]) await catchAt(address, port)
}

let questions = 0
const dns = await startDnsServer((name) => {
  if (name === 'ca.test') return { addresses: ['127.0.0.1'] }
  if (name === 'listed.test' || name === 'plain.test') return { addresses: [LISTED] }
  if (name === 'own.test') return { addresses: [OWN_PUBLIC] }
  if (name === 'own-loopback.test') return { addresses: ['127.0.0.1', '::1'] }
  if (name === 'private.test') return { addresses: ['10.0.0.1'] }
  if (name === 'inside.test' || name === 'inside.below.test')
    return { addresses: ['10.0.0.1', 'fd00:ec2::254'] }
  if (name === 'mixed.test') return { addresses: [PUBLIC, '10.0.0.1'] }
  if (name === 'mixed6.test') return { addresses: [PUBLIC, '::1'] }
  if (name === 'alias.test') return { alias: 'inside.test', addresses: ['192.168.1.1'] }
  const spelt = /^(\d+)-(\d+)-(\d+)-(\d+)\.by-name\.test$/.exec(name)
  if (spelt) return { addresses: [spelt.slice(1).join('.')] }
  if (name === 'rebind.test') {
    questions += 1
    const inside = INSIDE[(questions >> 1) % 4]!
    return { addresses: [[PUBLIC], [inside], [PUBLIC, inside], [PUBLIC, '::1']][(questions >> 3) % 4]! }
  }
  if (name.endsWith('.test')) return { addresses: [PUBLIC] }
  return { code: 3 }
})
closing.push(() => dns.close())

const NAMES = [
  ...['ca.test', 'CA.test', 'ca.test.', 'listed.test', 'plain.test', 'public.test', 'a.below.test'],
  ...['own.test', 'own-loopback.test', 'inside.test', 'mixed.test', 'mixed6.test', 'alias.test'],
  ...['private.test', 'inside.below.test', 'acmetap.invalid', 'nowhere.example'],
]
const hello = await captureClientHello('ca.test')
const proxyPort = await freePort()
const honest: number[] = []
let lane = 0
let rebinding = { rounds: 0, opened: 0, refused: 0 }
const runs = {
  refuse: await run('refuse', 'refuse', 0, 0),
  list: await run(
    'list',
    // The operator may not mean to list us by another name; what is no listener of ours may be internal.
    [
      ...['listed.test', 'plain.test:80', 'private.test', '*.below.test'],
      ...['own.test', `own.test:${proxyPort}`, `own-loopback.test:${proxyPort}`, `0.0.0.0:${proxyPort}`],
    ],
    Number(combinations),
    Number(ports),
  ),
  tunnel: await run('tunnel', 'tunnel', Math.min(500, Number(combinations)), 0),
}
const report: OpenProxyReport = {
  ca: `127.0.0.1:${ca.port}`,
  dns: dns.address,
  runs,
  rebinding,
  honest,
  planted: await planted(),
}
for (const close of closing.reverse()) await close()
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0))

async function run(
  name: string,
  otherHosts: 'refuse' | 'tunnel' | readonly string[],
  combinations: number,
  ports: number,
): Promise<OpenProxyRun> {
  const own = join(folder, name)
  const trace = join(own, 'trace')
  await mkdir(own)
  arrived = {}
  const acmetap = await startIntercepting({
    folder: own,
    directory: `https://${caAuthority}/directory`,
    trust: root.pem,
    otherHosts,
    // All addresses of the machine, and 443 of its public one.
    proxy: { address: '0.0.0.0', port: proxyPort },
    sni: { address: OWN_PUBLIC, port: 443 },
    sections: { egress: { resolvers: [dns.address] } },
    // -D: the tracer steps aside, so that signals reach acmetap itself.
    command: [
      ...['strace', '-D', '-ff', '-qq', '--seccomp-bpf', '-e', 'trace=connect,sendto,sendmsg,sendmmsg'],
      ...['-o', trace, process.execPath, main, 'serve'],
    ],
  })
  const asked = { connect: 0, absolute: 0, sni: 0 }
  const answers: Record<string, number> = {}
  const opened = new Set<string>()
  const ask = async (form: keyof typeof asked, target: string, how: () => Promise<string>) => {
    asked[form]++
    const answer = await how()
    answers[`${form} ${answer}`] = (answers[`${form} ${answer}`] ?? 0) + 1
    if (answer === '200' || answer === 'handshake') opened.add(`${form} ${target}`)
    return answer
  }
  const port = proxyPort
  const connect = (target: string) => ask('connect', target, () => connectTo(port, target))
  const absolute = (target: string) => ask('absolute', target, () => getAbsolute(port, target))
  const bySni = (host: string) => ask('sni', host, () => helloTo(host))
  try {
    honest.push(await askHonestly(acmetap))
    const jobs = function* (): Iterable<() => Promise<unknown>> {
      const hosts = [...INTERNAL_SPELLINGS.map(({ written }) => written), ...NAMES, ...byName()]
      for (const host of hosts) {
        yield () => connect(`${host}:443`)
        yield () => absolute(`http://${host}/`)
        yield () => bySni(host)
      }
      for (const host of [
        ...NAMES,
        PUBLIC,
        OWN_PUBLIC,
        '127.0.0.1',
        '127.0.0.2',
        '0.0.0.0',
        '[::1]',
        '[::]',
      ]) {
        for (const own of [port, acmetap.ports.acme, acmetap.ports.admin, 443, 80, ca.port, 22, 25]) {
          yield () => connect(`${host}:${own}`)
          yield () => absolute(`http://${host}:${own}/root.pem`)
        }
      }
      yield () => connect(caAuthority)
      for (let other = 1; other <= ports; other++) yield () => connect(`ca.test:${other}`)
      const next = random(Number(seed))
      for (let i = 0; i < combinations; i++) {
        const target = `${anyHost(next)}:${Math.floor(next() * 65_536)}`
        yield () => connect(target)
      }
    }
    await inLanes(jobs(), 48)
    if (otherHosts === 'tunnel') {
      const answered: string[] = []
      const again = Array.from({ length: Number(rounds) }, () => async () => {
        answered.push(await connect('rebind.test:443'))
      })
      await inLanes(again, 8)
      const through = answered.filter((answer) => answer === '200').length
      rebinding = { rounds: answered.length, opened: through, refused: answered.length - through }
    }
  } finally {
    await acmetap.stop()
  }
  // The tracer writes on for a moment after what it traced has ended.
  await sleep(500)
  return {
    asked,
    answers,
    opened: [...opened].toSorted(),
    destinations: destinations(trace).toSorted(),
    arrived,
    ownPorts: [port, acmetap.ports.acme, acmetap.ports.admin],
  }
}

async function inLanes(jobs: Iterable<() => Promise<unknown>>, lanes: number): Promise<void> {
  const queue = jobs[Symbol.iterator]()
  const work = async () => {
    for (let next = queue.next(); !next.done; next = queue.next()) await next.value()
  }
  await Promise.all(Array.from({ length: lanes }, work))
}

/** From many addresses, for no one address may hold all connections. */
function from(): string {
  return `127.0.9.${1 + (lane++ % 200)}`
}

async function connectTo(port: number, target: string): Promise<string> {
  const { socket, status } = await askConnect({
    port,
    target: Buffer.from(target).toString('latin1'),
    from: from(),
  })
  socket.destroy()
  return status === null ? 'closed' : String(status)
}

async function getAbsolute(port: number, target: string): Promise<string> {
  const url = Buffer.from(target).toString('latin1')
  const host = /^http:\/\/([^/]*)/.exec(url)?.[1] ?? ''
  const request = `GET ${url} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
  const { socket, status, text } = await askConnect({ port, target, from: from() }, request)
  socket.destroy()
  // What a listener of ours answers is marked; the proxy's own pages are not the way out.
  if (status === 200 && !text.includes('x-arrived')) return 'own page'
  return status === null ? 'closed' : String(status)
}

async function helloTo(host: string): Promise<string> {
  const socket = await openTcp(443, from(), OWN_PUBLIC)
  socket.write(withServerName(hello, Buffer.from(host)))
  const first = await new Promise<number | null>((resolve) => {
    socket.once('data', (data: Buffer) => resolve(data[0] ?? null))
    socket.once('close', () => resolve(null))
  })
  socket.destroy()
  return first === 0x16 ? 'handshake' : first === 0x15 ? 'alert' : 'closed'
}

/** Status of the directory through a tunnel, with TLS verified. */
async function askHonestly(acmetap: InterceptingAcmetap): Promise<number> {
  const { socket, status } = await askConnect({ port: acmetap.proxyPort, target: caAuthority, from: from() })
  if (status !== 200) return status ?? 0
  const secureContext = createSecureContext({ ca: acmetap.interceptionRoot })
  const secured = await secure(socket, { secureContext, servername: 'ca.test' })
  const answered = once(secured, 'data')
  secured.write(`GET /directory HTTP/1.1\r\nHost: ${caAuthority}\r\n\r\n`)
  const [data] = (await answered) as [Buffer]
  secured.destroy()
  return Number(data.toString('latin1', 9, 12))
}

/** Internal addresses behind public-looking names. */
function byName(): string[] {
  const addresses = ['127.0.0.1', '10.0.0.1', '169.254.169.254', '192.168.1.1', '100.64.0.1', OWN_PUBLIC]
  return addresses.map((address) => `${address.replaceAll('.', '-')}.by-name.test`)
}

function anyHost(next: () => number): string {
  const byte = () => Math.floor(next() * 256)
  const kind = next()
  if (kind < 0.3) return `${byte()}.${byte()}.${byte()}.${byte()}`
  if (kind < 0.5)
    return `[${Array.from({ length: 8 }, () => Math.floor(next() * 65_536).toString(16)).join(':')}]`
  if (kind < 0.6) return `${byte().toString(36)}.listed.test`
  if (kind < 0.7) return 'ca.test'
  return `${Math.floor(next() * 1e9).toString(36)}.test`
}

async function catchAt(address: string, port: number): Promise<void> {
  const key = `${address}:${port}`
  const server: Server = createServer((socket: Socket) => {
    arrived[key] = (arrived[key] ?? 0) + 1
    socket.on('error', () => socket.destroy())
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nx-arrived: yes\r\nContent-Length: 0\r\n\r\n'))
  }).listen(port, address)
  await once(server, 'listening')
  server.unref()
}

/** The tracer and the listeners must be able to see what the runs must not show. */
async function planted(): Promise<OpenProxyReport['planted']> {
  arrived = {}
  const trace = join(folder, 'planted')
  const evil =
    "const { connect } = require('node:net'); for (const host of ['10.0.0.1', '::1']) connect(443, host, function () { this.end() })"
  const args = [
    '-ff',
    '-qq',
    '--seccomp-bpf',
    '-e',
    'trace=connect',
    '-o',
    trace,
    process.execPath,
    '-e',
    evil,
  ]
  const started = startProcess('strace', args)
  await started.ended
  return { traced: destinations(trace).toSorted(), arrived }
}
