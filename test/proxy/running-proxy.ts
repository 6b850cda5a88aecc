/** Listeners `proxy` and `sni` with the real stages, the record in memory, and a dial that leads where a test says. */
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConnectionOptions, connect as connectTls, createSecureContext, type TLSSocket } from 'node:tls'
import { KEEP_ALL } from '../../src/audit/privacy.ts'
import type { IntentContent, OutcomeContent } from '../../src/audit/record.ts'
import { RECORDER_LIMITS, Recorder } from '../../src/audit/recorder.ts'
import { FRAME_LIMIT, Spill } from '../../src/audit/spill.ts'
import type { DialTarget } from '../../src/ca/dial.ts'
import { FailureError } from '../../src/ca/failure.ts'
import { systemClock } from '../../src/exchange/clock.ts'
import type { Completed } from '../../src/exchange/exchange.ts'
import { ResourceMap } from '../../src/exchange/resource-map.ts'
import { AT_ONCE } from '../../src/exchange/turn.ts'
import { mintLeaf } from '../../src/interception/leaf.ts'
import { loadOrCreateListenerRoot } from '../../src/interception/listener-root.ts'
import { secureContextOptions, withoutResumption } from '../../src/interception/secure-context.ts'
import type { ProxyListenerOptions, SniListenerOptions } from '../../src/proxy/intercept-options.ts'
import type { ConnectionEvent, RequestHandler } from '../../src/proxy/listener-options.ts'
import { createProxyListener, type ProxyListener } from '../../src/proxy/proxy-listener.ts'
import { createSniListener, type SniListener } from '../../src/proxy/sni-listener.ts'
import { createChains } from '../../src/proxy/stages.ts'
import { MemoryRecordStore } from '../support/memory-record-store.ts'
import { echo } from './running-listener.ts'

/** Hosts that are taken over, and their authorities. */
export const CAS: Readonly<Record<string, readonly string[]>> = {
  'ca.test': ['ca.test', 'ca.test:14000'],
  '127.0.0.9': ['127.0.0.9'],
  '2001:db8::9': ['[2001:db8::9]'],
}

export interface ProxyWorld {
  readonly listener: ProxyListener
  readonly port: number
  /** Of the proxy's own certificate, and of the minted ones. */
  readonly listenerRoot: string
  readonly root: string
  readonly rootFile: string
  readonly listenerRootFile: string
  readonly events: ConnectionEvent[]
  readonly dials: DialTarget[]
  readonly minted: string[]
  readonly completed: Completed[]
  readonly faults: unknown[]
  readonly store: MemoryRecordStore
  intents(): IntentContent[]
  outcomes(): OutcomeContent[]
  stop(): Promise<void>
}

export interface ProxySetting {
  readonly options?: Partial<ProxyListenerOptions>
  readonly handler?: RequestHandler
  /** Other hosts that are allowed, as `host:port`, and the loopback port each leads to; null hangs. */
  /** No certificate can be had. */
  readonly contextFails?: boolean
  readonly others?: Readonly<Record<string, number | Error | null>>
}

interface Minting {
  readonly root: string
  readonly minted: string[]
  contextFor(host: string): Promise<ReturnType<typeof createSecureContext>>
}

async function minting(folder: string): Promise<Minting> {
  const names = { dns: ['ca.test'], ips: ['127.0.0.9', '2001:db8::9'] }
  const root = await loadOrCreateListenerRoot(folder, names, () => new Date())
  const minted: string[] = []
  const contexts = new Map<string, Promise<ReturnType<typeof createSecureContext>>>()
  return {
    root: root.certificate,
    minted,
    contextFor: (host) => {
      const known = contexts.get(host)
      if (known !== undefined) return known
      minted.push(host)
      const isAddress = host !== 'ca.test'
      const subject = isAddress ? { dns: [], ips: [host] } : { dns: [host], ips: [] }
      const made = mintLeaf(root, subject, new Date()).then(({ certificate, key }) => {
        const options = secureContextOptions({ chain: certificate, key })
        return createSecureContext(isAddress ? withoutResumption(options) : options)
      })
      contexts.set(host, made)
      return made
    },
  }
}

export async function startProxy(setting: ProxySetting = {}): Promise<ProxyWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-proxy-'))
  const { root, minted, contextFor } = await minting(join(folder, 'minting'))
  const store = new MemoryRecordStore()
  const spill = await Spill.open(join(folder, 'spill'), 600 * FRAME_LIMIT)
  const clock = systemClock()
  const context = {
    tenant: 'default',
    instance: 'acmetap',
    configDigest: 'c',
    policyDigest: null,
    privacy: KEEP_ALL,
  }
  const recorder = new Recorder(store, spill, clock, context, RECORDER_LIMITS, () => undefined)
  const others = setting.others ?? {}
  const events: ConnectionEvent[] = []
  const dials: DialTarget[] = []
  const completed: Completed[] = []
  const faults: unknown[] = []
  const key = ({ host, port }: { host: string; port: number }) => `${host}:${port}`
  const chains = createChains({
    resources: new ResourceMap(store),
    recorder,
    clock,
    directories: () => new Map(),
    firstReading: () => null,
    facts: {
      relayRefusal: () => null,
      policy: async () => ({ effect: 'allow' }),
      otherHostRefusal: (target) =>
        key(target) in others ? null : `${target.host} is not listed; add it to intercept.other_hosts`,
    },
    pace: async () => AT_ONCE,
    onBug: (error) => faults.push(error),
  })
  const listener = await createProxyListener(
    {
      address: '127.0.0.1',
      port: 0,
      names: ['localhost', 'proxy.test'],
      certificate: { from: 'ownRoot', folder: join(folder, 'listener') },
      clientAddress: { from: 'connection', trusted: [] },
      clients: [],
      users: [],
      tunnels: 100,
      tunnelIdle: 60_000,
      ...setting.options,
    },
    {
      clock,
      takeOver: (host, port) => {
        const authority = host.includes(':') ? `[${host}]` : host
        return (
          CAS[host]?.find((known) => known === (port === 443 ? authority : `${authority}:${port}`)) ?? null
        )
      },
      contextFor: setting.contextFails ? () => Promise.reject(new Error('no authority')) : contextFor,
      handler: setting.handler ?? echo,
      tunnel: chains.tunnel,
      dial: async (target) => {
        expectDurable(store)
        dials.push(target)
        const leads = others[key(target)]
        if (leads instanceof Error) throw leads
        if (leads === undefined) throw new FailureError('nameNotResolved', 'no such name')
        if (leads === null)
          return new Promise((_resolve, reject) =>
            target.signal?.addEventListener('abort', () =>
              reject(new FailureError('aborted', 'the dial was given up')),
            ),
          )
        const socket = connect({ port: leads, host: '127.0.0.1', noDelay: true })
        await once(socket, 'connect')
        return socket
      },
      isVouched: ({ host }) => host.startsWith('vouched'),
      page: (path, client) =>
        path === '/root.pem'
          ? { status: 200, contentType: 'application/x-pem-file', body: `root for ${client.authority}\n` }
          : null,
      onCompleted: (exchange) => completed.push(exchange),
      onFault: (error) => faults.push(error),
    },
    { onConnectionEvent: (event) => events.push(event), onCertificateEvent: () => undefined },
  )
  const { port } = await listener.listen()
  const listenerRoot = listener.rootCertificate ?? ''
  const rootFile = join(folder, 'root.pem')
  const listenerRootFile = join(folder, 'listener-root.pem')
  await writeFile(rootFile, root)
  await writeFile(listenerRootFile, listenerRoot)
  const contents = (kind: string) =>
    store.facts.filter((fact) => fact.kind === kind).map(({ content }) => content)
  return {
    listener,
    port,
    listenerRoot,
    root,
    rootFile,
    listenerRootFile,
    events,
    dials,
    minted,
    completed,
    faults,
    store,
    intents: () => contents('intent') as IntentContent[],
    outcomes: () => contents('outcome') as OutcomeContent[],
    async stop() {
      await listener.close(0)
      await recorder.drain(5_000)
      await recorder.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Nothing is dialled whose intent is not in the store. */
function expectDurable(store: MemoryRecordStore): void {
  if (store.openIntents === 0) throw new Error('dialled before the intent was durable')
}

export interface SniWorld {
  readonly listener: SniListener
  readonly port: number
  readonly root: string
  readonly events: ConnectionEvent[]
  readonly minted: string[]
  stop(): Promise<void>
}

export async function startSni(
  options: Partial<SniListenerOptions> = {},
  addressWithoutName: string | null = null,
  handler: RequestHandler = echo,
): Promise<SniWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-sni-'))
  const { root, minted, contextFor } = await minting(folder)
  const events: ConnectionEvent[] = []
  const listener = createSniListener(
    {
      address: '127.0.0.1',
      port: 0,
      clientAddress: { from: 'connection', trusted: [] },
      clients: [],
      ...options,
    },
    {
      authoritiesOf: (host) => (Object.hasOwn(CAS, host) ? (CAS[host] ?? []) : []),
      addressWithoutName: () => addressWithoutName,
      contextFor,
      handler,
    },
    { onConnectionEvent: (event) => events.push(event), onCertificateEvent: () => undefined },
  )
  const { port } = await listener.listen()
  return {
    listener,
    port,
    root,
    events,
    minted,
    async stop() {
      await listener.close(0)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A plain TCP server on a free port that hands its connections to the test. */
export interface Origin {
  readonly port: number
  readonly sockets: Socket[]
  close(): Promise<void>
}

export async function startOrigin(onConnection: (socket: Socket) => void): Promise<Origin> {
  const sockets: Socket[] = []
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    onConnection(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

export async function rawTcp(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** The header of an answer; what follows it stays in the socket. */
export async function headerOf(socket: Socket): Promise<string> {
  let received = Buffer.alloc(0)
  for (;;) {
    const chunk = socket.read() as Buffer | null
    if (chunk !== null) {
      received = Buffer.concat([received, chunk])
      const end = received.indexOf('\r\n\r\n')
      if (end !== -1) {
        const rest = received.subarray(end + 4)
        if (rest.length > 0) socket.unshift(rest)
        return received.toString('latin1', 0, end + 2)
      }
      continue
    }
    if (socket.readableEnded || socket.destroyed) return received.toString('latin1')
    await Promise.race([once(socket, 'readable'), once(socket, 'close'), once(socket, 'end')])
  }
}

export const CONNECT = (target: string, fields = '') =>
  `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${fields}\r\n`

/** TLS inside a promised tunnel. */
export async function secured(socket: Socket, options: ConnectionOptions): Promise<TLSSocket> {
  const inner = connectTls({ ALPNProtocols: ['http/1.1'], ...options, socket })
  const failed = once(inner, 'error').then(([error]) => Promise.reject(error as Error))
  failed.catch(() => {})
  await Promise.race([once(inner, 'secureConnect'), failed])
  return inner
}

/** A connection to a CA through the proxy, ready for requests. */
export async function intercepted(world: ProxyWorld, target = 'ca.test:443'): Promise<TLSSocket> {
  const socket = await rawTcp(world.port)
  socket.write(CONNECT(target))
  const header = await headerOf(socket)
  if (!header.startsWith('HTTP/1.1 200 ')) throw new Error(header)
  return secured(socket, { ca: world.root, servername: 'ca.test' })
}
