/** A small Internet on loopback addresses: a resolver, the servers of the zones, and what the names lead to. */
import { once } from 'node:events'
import { createServer as createHttp, type RequestListener } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { Finding } from '../../../src/audit/diagnosis/finding.ts'
import type { DomainProbe } from '../../../src/engine/preflight/examination.ts'
import { examineDomain } from '../../../src/engine/preflight/examine-domain.ts'
import {
  answerFrom,
  type NameRecords,
  type Respond,
  startZoneServer,
  type ZoneServer,
  type Zones,
} from '../../support/dns-zone-server.ts'

export const NAME = 'www.example.test'
export const DIGEST = 'LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ'
export const SERVERS = { ns1: '127.0.0.2', ns2: '127.0.0.3' } as const

/** What the names are in a world where nothing is wrong. */
const SOUND: Zones = {
  'example.test': { SOA: true, NS: ['ns1.example.test', 'ns2.example.test'] },
  'ns1.example.test': { A: [SERVERS.ns1] },
  'ns2.example.test': { A: [SERVERS.ns2] },
  [NAME]: { A: ['127.0.0.1'] },
  test: { SOA: true },
}

/** Takes the connection as it is. */
export interface Raw {
  readonly raw: (socket: Socket) => void
}

export interface World {
  /** Put over the sound names; null takes one away. */
  readonly names?: Readonly<Record<string, NameRecords | null>>
  /** As ns2 alone has them. */
  readonly ns2Names?: Readonly<Record<string, NameRecords | null>>
  /** Asked first; undefined leaves it to the names. */
  readonly resolver?: (...asked: Parameters<Respond>) => ReturnType<Respond> | undefined
  readonly ns1?: (...asked: Parameters<Respond>) => ReturnType<Respond> | undefined
  readonly ns2?: (...asked: Parameters<Respond>) => ReturnType<Respond> | undefined
  readonly ns2Absent?: boolean
  readonly resolverTcp?: boolean
  /** What answers on the HTTP port, by address; 404 on 127.0.0.1 where it is not said. Null: nothing listens. */
  readonly http?: Readonly<Record<string, RequestListener | Raw | null>>
  readonly probe?: Partial<DomainProbe>
}

export interface Seen {
  readonly findings: readonly Finding[]
  readonly failed: boolean
  readonly text: string
  readonly resolver: ZoneServer
  readonly httpPort: number
}

export async function look(world: World): Promise<Seen> {
  const zones = over(SOUND, world.names)
  const ns2Zones = over(zones, world.ns2Names)
  const first =
    (mine: World['resolver'], rest: Respond): Respond =>
    (asked) => {
      const told = mine?.(asked)
      return told === undefined ? rest(asked) : told
    }
  const closers: (() => Promise<unknown>)[] = []
  try {
    const resolver = await startZoneServer(first(world.resolver, answerFrom(zones)), {
      tcp: world.resolverTcp ?? true,
    })
    closers.push(() => resolver.close())
    const dns = await authorities(world, zones, ns2Zones, first)
    for (const server of dns.servers) closers.push(() => server.close())
    const sites = await openSites(world)
    closers.push(...sites.servers.map((server) => () => closeSite(server)))
    const findings = await examineDomain({
      name: NAME,
      wildcard: false,
      challenge: null,
      issuer: null,
      account: null,
      resolvers: [{ address: resolver.address, port: resolver.port }],
      ports: { http: sites.port, https: sites.port, dns: dns.port },
      notPublic: () => null,
      patience: { dns: 3000, answer: 7000, all: 60_000 },
      ...world.probe,
    })
    return {
      findings: findings.all,
      failed: findings.failed,
      text: findings.all
        .map(({ check, state, says, remedy }) => `${state} ${check}: ${says}\n${remedy}`)
        .join('\n'),
      resolver,
      httpPort: sites.port,
    }
  } finally {
    await Promise.all(closers.map((close) => close()))
  }
}

function over(zones: Zones, changes: World['names'] = {}): Zones {
  const all: Record<string, NameRecords> = { ...zones }
  for (const [name, records] of Object.entries(changes)) {
    if (records === null) delete all[name]
    else all[name] = records
  }
  return all
}

async function authorities(
  world: World,
  zones: Zones,
  ns2Zones: Zones,
  first: (mine: World['resolver'], rest: Respond) => Respond,
): Promise<{ readonly servers: readonly ZoneServer[]; readonly port: number }> {
  const ns1 = await startZoneServer(first(world.ns1, answerFrom(zones, { authoritative: true })), {
    address: SERVERS.ns1,
  })
  if (world.ns2Absent) return { servers: [ns1], port: ns1.port }
  const ns2 = await startZoneServer(first(world.ns2, answerFrom(ns2Zones, { authoritative: true })), {
    address: SERVERS.ns2,
    port: ns1.port,
  })
  return { servers: [ns1, ns2], port: ns1.port }
}

const NOT_FOUND: RequestListener = (_request, response) =>
  void response.writeHead(404, { server: 'test', connection: 'close' }).end('not found')

async function openSites(
  world: World,
): Promise<{ readonly servers: readonly Server[]; readonly port: number }> {
  const sites: NonNullable<World['http']> = { '127.0.0.1': NOT_FOUND, ...world.http }
  const servers: Server[] = []
  let port = 0
  for (const [address, handler] of Object.entries(sites)) {
    // Where nothing shall listen, a port is still taken, so that the others can have it.
    const server =
      handler !== null && 'raw' in handler ? createServer(handler.raw) : createHttp(handler ?? NOT_FOUND)
    const open = new Set<Socket>()
    server.on('connection', (socket: Socket) => {
      open.add(socket)
      socket.once('close', () => open.delete(socket))
    })
    server.once('closing', () => {
      for (const socket of open) socket.destroy()
    })
    server.listen(port, address)
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
    if (handler === null) await closeSite(server)
    else servers.push(server)
  }
  return { servers, port }
}

async function closeSite(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.emit('closing')
  await closed
}
