import { askServer, DnsFailure, type DnsPlace } from './ask.ts'
import { type AskedType, type DnsReply, plainName, recordsAt, sameName } from './reply.ts'
import type { Resolver } from './resolver.ts'

/** One address of one server of a zone. */
export interface AuthoritativeServer {
  readonly name: string
  readonly place: DnsPlace
}

export interface Zone {
  readonly name: string
  readonly servers: readonly AuthoritativeServer[]
  /** Servers the zone names that have no address. */
  readonly unknown: readonly string[]
}

/** A zone has 13 at most, in practice; a hostile one may name any number. */
const MOST_SERVERS = 16

/**
 * The zone that holds a name, with the addresses of its servers; null where no zone below the root is found. Asks the
 * resolver alone. Rejects with DnsFailure.
 */
export async function zoneOf(name: string, resolver: Resolver, port: number): Promise<Zone | null> {
  const zone = await apexOf(name, resolver)
  if (zone === null) return null
  const named = recordsAt(await resolver.ask(zone, 'NS'), zone, 'NS').records.map(({ data }) =>
    plainName(data),
  )
  return serversOf(zone, named, resolver, port)
}

/** A zone by the names of its servers, each address one server. Asks the resolver for their addresses. */
export async function serversOf(
  name: string,
  named: readonly string[],
  resolver: Resolver,
  port: number,
): Promise<Zone> {
  const servers: AuthoritativeServer[] = []
  const unknown: string[] = []
  for (const server of [...new Set(named)].slice(0, MOST_SERVERS)) {
    const addresses = await addressesOf(server, resolver)
    if (addresses.length === 0) unknown.push(server)
    for (const address of addresses) servers.push({ name: server, place: { address, port } })
  }
  return { name, servers: servers.slice(0, MOST_SERVERS), unknown }
}

/** RFC 2308 §3: an empty answer names the zone by its SOA record. */
async function apexOf(name: string, resolver: Resolver): Promise<string | null> {
  for (const candidate of climb(name)) {
    const { answers, authorities } = await resolver.ask(candidate, 'SOA')
    const owner = [...answers, ...authorities].find(
      (one) => one.type === 'SOA' && isWithin(candidate, plainName(one.name)),
    )
    if (owner !== undefined) return plainName(owner.name) === '' ? null : plainName(owner.name)
  }
  return null
}

/** The name and its parents, the root left out. */
export function climb(name: string): string[] {
  const labels = plainName(name).split('.')
  return labels.map((_, from) => labels.slice(from).join('.'))
}

export function isWithin(name: string, zone: string): boolean {
  return sameName(name, zone) || plainName(name).endsWith(`.${plainName(zone)}`)
}

async function addressesOf(name: string, resolver: Resolver): Promise<string[]> {
  const found: string[] = []
  for (const type of ['A', 'AAAA'] as const) {
    const reply = await resolver.ask(name, type).catch(() => null)
    if (reply !== null) found.push(...recordsAt(reply, name, type).records.map(({ data }) => data))
  }
  return found
}

export type Told =
  | { readonly server: AuthoritativeServer; readonly reply: DnsReply }
  | { readonly server: AuthoritativeServer; readonly failure: DnsFailure }

/** What each server of the zone itself says, all asked at once. */
export function askEach(
  { servers }: Zone,
  name: string,
  type: AskedType,
  patience: number,
  signal: AbortSignal,
): Promise<Told[]> {
  return Promise.all(
    servers.map(async (server): Promise<Told> => {
      try {
        return {
          server,
          reply: await askServer(server.place, { name, type, recursion: false }, patience, signal),
        }
      } catch (error) {
        if (!(error instanceof DnsFailure)) throw error
        return { server, failure: error }
      }
    }),
  )
}
