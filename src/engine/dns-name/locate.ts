/**
 * Where a TXT record really has to be: aliases followed, and the zone that holds the last of them. The zone's servers
 * are asked, not the resolver: it would keep for the CA and for us that there is no such name (RFC 2308 §5).
 */
import { askEach, isWithin, serversOf, type Zone, zoneOf } from '../../ca/dns/authorities.ts'
import { type DnsReply, plainName, recordsAt } from '../../ca/dns/reply.ts'
import type { Resolver } from '../../ca/dns/resolver.ts'

export interface Location {
  /** The last of the aliases, or the name itself. */
  readonly owner: string
  /** The alias targets in order. */
  readonly chain: readonly string[]
  /** Null where no server of it can be asked: the resolver alone knows. */
  readonly zone: Zone | null
}

export interface DnsAsking {
  readonly resolver: Resolver
  /** Of authoritative servers. */
  readonly port: number
  /** Milliseconds for one question. */
  readonly patience: number
  readonly signal: AbortSignal
}

/** What is wrong with the DNS of a name, for people. */
export class LocateFailure extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'LocateFailure'
  }
}

const MOST_ALIASES = 10
/** Zones cut below one another, within one name. */
const MOST_CUTS = 8

/** Rejects with {@link LocateFailure}, or DnsFailure where the resolver gives no answer. */
export async function locate(name: string, asking: DnsAsking): Promise<Location> {
  const chain: string[] = []
  let owner = plainName(name)
  for (;;) {
    const { target, zone } = await aliasOf(owner, asking)
    if (target === null) return { owner, chain, zone }
    const shown = [plainName(name), ...chain, target].join(' → ')
    if (target === plainName(name) || chain.includes(target))
      throw new LocateFailure(`its aliases go round in a circle (${shown}): correct the CNAME`)
    if (chain.length === MOST_ALIASES)
      throw new LocateFailure(
        `more than ${MOST_ALIASES} aliases follow one another (${shown}): lead the first straight to the last`,
      )
    if (!isPlain(target))
      throw new LocateFailure(
        `its alias ${JSON.stringify(target.slice(0, 100))} is not made of letters, digits, hyphens and underscores: lead it to a name that is`,
      )
    chain.push(target)
    owner = target
  }
}

/**
 * Whoever writes the zone chooses this text, and programs and services get it as a name: nothing in it may mean something
 * else to a shell, a URL or an option.
 */
function isPlain(name: string): boolean {
  return name.length <= 253 && /^[a-z0-9_][a-z0-9_-]{0,62}(?:\.[a-z0-9_-]{1,63})*$/i.test(name)
}

interface Alias {
  readonly target: string | null
  readonly zone: Zone | null
}

async function aliasOf(name: string, asking: DnsAsking): Promise<Alias> {
  const parent = name.split('.').slice(1).join('.')
  let zone = parent === '' ? null : await zoneOf(parent, asking.resolver, asking.port)
  for (let cuts = 0; zone !== null && cuts < MOST_CUTS; cuts++) {
    const answered = await oneAnswer(zone, name, asking)
    if (answered === null) break
    const below = referral(answered, name, zone.name)
    if (below === null) return { target: targetIn(answered, name), zone }
    zone = await serversOf(below.zone, below.servers, asking.resolver, asking.port)
  }
  const reply = await asking.resolver.ask(name, 'CNAME')
  if (reply.rcode !== 'NOERROR' && reply.rcode !== 'NXDOMAIN')
    throw new LocateFailure(
      `${asking.resolver.servers} answers ${reply.rcode} for it, and no server of its zone answers: look whether the zone's name servers run, and at its DNSSEC`,
    )
  return { target: targetIn(reply, name), zone: null }
}

/** All are asked at once, so that one that is silent costs nothing where others answer. */
async function oneAnswer(
  zone: Zone,
  name: string,
  { patience, signal }: DnsAsking,
): Promise<DnsReply | null> {
  if (zone.servers.length === 0) return null
  const enough = new AbortController()
  const either = AbortSignal.any([signal, enough.signal])
  const useful = zone.servers.map(async (server) => {
    const [told] = await askEach({ ...zone, servers: [server] }, name, 'CNAME', patience, either)
    if (told !== undefined && 'reply' in told && isUseful(told.reply, name, zone.name)) return told.reply
    throw new Error('of no use')
  })
  try {
    return await Promise.any(useful)
  } catch {
    signal.throwIfAborted()
    return null
  } finally {
    enough.abort()
  }
}

function isUseful(reply: DnsReply, name: string, zone: string): boolean {
  if (reply.rcode !== 'NOERROR' && reply.rcode !== 'NXDOMAIN') return false
  return reply.authoritative || referral(reply, name, zone) !== null
}

/** RFC 1034 §4.3.2: a zone below begins between this zone's name and the name asked for, or at it. */
function referral(
  { authoritative, answers, authorities }: DnsReply,
  name: string,
  zone: string,
): { readonly zone: string; readonly servers: readonly string[] } | null {
  if (authoritative || answers.length > 0) return null
  const named = authorities.flatMap((one) =>
    one.type === 'NS' ? [{ owner: plainName(one.name), data: one.data }] : [],
  )
  const cut = named[0]?.owner
  if (cut === undefined || cut === plainName(zone) || !isWithin(cut, zone) || !isWithin(name, cut))
    return null
  return { zone: cut, servers: named.filter(({ owner }) => owner === cut).map(({ data }) => plainName(data)) }
}

function targetIn(reply: DnsReply, name: string): string | null {
  return recordsAt(reply, name, 'CNAME').records.map(({ data }) => plainName(data))[0] ?? null
}
