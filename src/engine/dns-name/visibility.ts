import { askServer, at, DnsFailure, type DnsPlace } from '../../ca/dns/ask.ts'
import type { Zone } from '../../ca/dns/authorities.ts'
import { type DnsReply, recordsAt, textOf } from '../../ca/dns/reply.ts'

/** Whom to ask, and how. */
export interface Watched {
  readonly title: string
  readonly place: DnsPlace
  /** A resolver; the others must answer out of their own knowledge. */
  readonly recursion: boolean
}

export type Sight =
  | { readonly state: 'seen' }
  /** It answers, and the record is not there (yet). */
  | { readonly state: 'missing'; readonly says: string }
  /** Resolvers pass such a server over, so that it is of no weight. */
  | { readonly state: 'silent'; readonly says: string }

export interface SightOf {
  readonly server: Watched
  readonly sight: Sight
}

export function serversOfZone({ servers }: Zone): Watched[] {
  return servers.map(({ name, place }) => ({ title: `${name} (${at(place)})`, place, recursion: false }))
}

export function resolversAsked(places: readonly DnsPlace[]): Watched[] {
  return places.map((place) => ({ title: at(place), place, recursion: true }))
}

/** Null where the TXT values there are good; otherwise what is wrong: `has no TXT record there`. */
export type Judge = (texts: readonly string[]) => string | null

/** dns-01: one of the values is this one. Their order and the cuts of strings mean nothing. */
export function holds(value: string): Judge {
  return (texts) => {
    if (texts.includes(value)) return null
    if (texts.length === 0) return 'has no TXT record there'
    return `has ${texts.length} other TXT ${texts.length === 1 ? 'value' : 'values'} there`
  }
}

/** What each of them has at the name, all asked at once. */
export function lookAt(
  servers: readonly Watched[],
  name: string,
  judge: Judge,
  patience: number,
  signal: AbortSignal,
): Promise<SightOf[]> {
  return Promise.all(
    servers.map(async (server): Promise<SightOf> => {
      try {
        const question = { name, type: 'TXT', recursion: server.recursion } as const
        const reply = await askServer(server.place, question, patience, signal)
        return { server, sight: sightOf(reply, name, judge, server) }
      } catch (error) {
        if (!(error instanceof DnsFailure)) throw error
        return { server, sight: { state: 'silent', says: error.message } }
      }
    }),
  )
}

function sightOf(reply: DnsReply, name: string, judge: Judge, { recursion }: Watched): Sight {
  const { rcode } = reply
  if (rcode !== 'NOERROR' && rcode !== 'NXDOMAIN') {
    // A resolver that answers SERVFAIL has found out something; a server that does is passed over by resolvers.
    return { state: recursion ? 'missing' : 'silent', says: `answers ${rcode}` }
  }
  const texts = recordsAt(reply, name, 'TXT').records.map(({ data }) => textOf(data))
  const wrong = judge(texts)
  if (wrong === null) return { state: 'seen' }
  if (!recursion && !reply.authoritative) return { state: 'silent', says: 'does not answer for this zone' }
  return { state: 'missing', says: rcode === 'NXDOMAIN' ? `${wrong} (NXDOMAIN)` : wrong }
}

/** What those say that do not have it. */
export function complaints(sights: readonly SightOf[]): string {
  return sights
    .flatMap(({ server, sight }) => (sight.state === 'seen' ? [] : [`${server.title}: ${sight.says}`]))
    .join('; ')
}

/** Silent ones, but for those that answer at another of their addresses: a machine without IPv6 is no fault of theirs. */
export function passedOver(sights: readonly SightOf[]): SightOf[] {
  const named = ({ server }: SightOf) => server.title.split(' ', 1)[0]
  const heard = new Set(sights.filter(({ sight }) => sight.state !== 'silent').map(named))
  return sights.filter((one) => one.sight.state === 'silent' && !heard.has(named(one)))
}
