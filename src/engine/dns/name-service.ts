/**
 * Answers DNS messages: for one zone, without recursion, and so that nobody can be flooded with what it says. Over UDP
 * an answer is at most three times as long as its question, unless the asker has shown that its address is its own.
 */
import type { Clock } from '../../exchange/clock.ts'
import { type DnsAnswer, writeAnswer, writeRefusal } from './dns-answer.ts'
import { type DnsQuery, readQuery } from './dns-query.ts'
import { LARGEST_UDP } from './edns.ts'
import { ServerCookies } from './server-cookie.ts'
import { isLoopback, plainAddress, sourcePrefix } from './source-prefix.ts'
import { WindowedRate } from './windowed-rate.ts'
import type { Zone } from './zone.ts'

/**
 * How a message ended. truncated: the answer is to be fetched over TCP. slipped: the same, because the asker has had too
 * many; limited: no answer, for the same reason. malformed: nothing that could be answered.
 */
export const DNS_OUTCOMES = [
  'noerror',
  'nodata',
  'nxdomain',
  'refused',
  'formerr',
  'notimp',
  'badvers',
  'truncated',
  'slipped',
  'limited',
  'malformed',
] as const
export type DnsOutcome = (typeof DNS_OUTCOMES)[number]

export interface Answered {
  /** Null: nothing is sent. */
  readonly reply: Buffer | null
  readonly outcome: DnsOutcome
}

/** Answers to one network in a second; of those beyond, every second one is answered with "ask over TCP". */
const ANSWERS = 5
const SECOND = 1_000_000
const SLIP = 2
const AMPLIFICATION = 3
const PLAIN_UDP = 512
const LARGEST_TCP = 65_535

const IN = 1
const TRANSFERS = new Set([251, 252])
const OPT = 41

const EMPTY = { answers: [], authorities: [], additionals: [] } as const

export class NameService {
  readonly #zone: Zone
  readonly #clock: Clock
  readonly #isExempt: (address: string) => boolean
  readonly #cookies = new ServerCookies()
  readonly #rate = new WindowedRate(ANSWERS, SECOND)

  /** `isExempt`: addresses nobody can forge, which may ask as often as they like. */
  constructor(zone: Zone, clock: Clock, isExempt: (address: string) => boolean = isLoopback) {
    this.#zone = zone
    this.#clock = clock
    this.#isExempt = isExempt
  }

  /** Never throws, whatever the message. */
  answer(message: Buffer, address: string, overTcp: boolean): Answered {
    const query = readQuery(message)
    if ('refused' in query) {
      if (query.refused === 'drop') return { reply: null, outcome: 'malformed' }
      const outcome = query.refused === 'FORMERR' ? 'formerr' : 'notimp'
      if (!overTcp && this.#isLimited(address)) return { reply: null, outcome: 'limited' }
      return { reply: writeRefusal(query, query.refused), outcome }
    }
    const now = Math.floor(this.#clock.now().wall / 1e6)
    const from = plainAddress(address)
    const sent = query.edns?.cookie ?? null
    const isProven =
      overTcp ||
      (sent !== null && sent.server !== null && this.#cookies.isGood(sent.client, sent.server, from, now))
    const cookie =
      sent === null ? null : Buffer.concat([sent.client, this.#cookies.make(sent.client, from, now)])
    const write = (answer: DnsAnswer) => writeAnswer(query, answer, this.#zone.name, cookie)
    const found = this.#find(query)
    if (!isProven) {
      const refused = this.#refusals(address)
      if (refused > 0 && (refused % SLIP !== 0 || found.outcome === 'refused'))
        return { reply: null, outcome: 'limited' }
      if (refused > 0) return { reply: write(truncated(found.answer)), outcome: 'slipped' }
    }
    const room = overTcp
      ? LARGEST_TCP
      : Math.min(
          query.edns === null ? PLAIN_UDP : Math.min(query.edns.size, LARGEST_UDP),
          isProven ? LARGEST_UDP : query.bytes * AMPLIFICATION,
        )
    for (const answer of [found.answer, { ...found.answer, additionals: [] }]) {
      const reply = write(answer)
      if (reply.length <= room) return { reply, outcome: found.outcome }
    }
    return { reply: write(truncated(found.answer)), outcome: 'truncated' }
  }

  #find(query: DnsQuery): { readonly answer: DnsAnswer; readonly outcome: DnsOutcome } {
    const plain = { ...EMPTY, authoritative: false, truncated: false } as const
    if (query.edns !== null && query.edns.version !== 0) {
      return { answer: { ...plain, rcode: 'BADVERS' }, outcome: 'badvers' }
    }
    if (query.type === OPT) return { answer: { ...plain, rcode: 'FORMERR' }, outcome: 'formerr' }
    if (query.class !== IN || TRANSFERS.has(query.type)) {
      return { answer: { ...plain, rcode: 'REFUSED' }, outcome: 'refused' }
    }
    const found = this.#zone.find(query.name, query.type)
    if (found.rcode === 'REFUSED') return { answer: { ...plain, rcode: 'REFUSED' }, outcome: 'refused' }
    const outcome =
      found.rcode === 'NXDOMAIN' ? 'nxdomain' : found.answers.length === 0 ? 'nodata' : 'noerror'
    return { answer: { ...found, authoritative: true, truncated: false }, outcome }
  }

  #isLimited(address: string): boolean {
    return this.#refusals(address) > 0
  }

  #refusals(address: string): number {
    if (this.#isExempt(address)) return 0
    return this.#rate.refused(sourcePrefix(address), this.#clock.now().monotonic)
  }
}

/** RFC 2181 §9: what was cut is not looked at. */
function truncated(answer: DnsAnswer): DnsAnswer {
  return { ...answer, ...EMPTY, rcode: 'NOERROR', truncated: true }
}
