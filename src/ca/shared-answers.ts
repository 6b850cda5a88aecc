import type { Clock } from '../exchange/clock.ts'
import type { FieldList, ObservedRequest, ObservedResponse } from '../exchange/exchange.ts'
import { AT_ONCE, type Turn } from '../exchange/turn.ts'
import type { Sent } from './dispatcher.ts'
import { ageOnArrival, fieldValue, freshFor, isStorable, variedBy, withAge } from './freshness.ts'
import type { NoTurn } from './pacer.ts'

/** A request for a directory, as it would go out. */
export interface Asked {
  readonly ca: string
  /** What the CA would see as Host. */
  readonly authority: string
  readonly target: string
  readonly fields: FieldList
  /** Whom to be fair to. */
  readonly client: string
  /** Aborted when the client hangs up. */
  readonly signal?: AbortSignal | undefined
}

/** Leave to go on, and the way to the answer: sent, shared or kept. `answer` is called once at most. */
export interface Admission {
  readonly turn: Turn
  answer(send: Send): Promise<Sent>
}

/** Sends the request; from another address than its turn says, where one is given. */
export type Send = (from?: string | null) => Promise<Sent>

/** Where leave to send comes from: the pacer. */
export interface Turns {
  turn(ca: string, operation: 'directory', client: string, signal?: AbortSignal): Promise<Turn | NoTurn>
  waiting(ca: string, operation: 'directory', client: string): number
}

/**
 * Fields that may lead or join a shared request. Any other (Authorization, Cookie, Range, If-*, what a client makes up)
 * could be reflected in the answer, which then is that client's alone.
 */
const COMMON = new Set([
  'host',
  'user-agent',
  'accept',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'content-type',
  'pragma',
  'x-forwarded-proto',
])

/** Whether an answer to it may be one that others get too. `fields` as they would go out. */
export function isShareable(request: ObservedRequest, fields: FieldList): boolean {
  if (request.method !== 'GET' || request.body.length > 0 || request.truncated) return false
  return fields.every(([name]) => COMMON.has(name.toLowerCase()))
}

/**
 * One answer of a CA's directory for all who ask at the same time, and for those after them while it is fresh.
 *
 * Let's Encrypt says `max-age=0, no-cache`: nothing may be kept. What carries a roll-out is that equal requests which
 * wait for leave to be sent are sent as one (RFC 9111 §4 calls it collapsing). It ends when that one is sent: a request
 * that comes later begins the next, so each client's answer was generated after it asked, as if it had been asked for
 * by itself. Which is why `no-cache` is kept to although nothing is revalidated.
 *
 * Equal are requests whose fields are the same but for User-Agent. What `Vary` names must be equal too; whoever differs,
 * or got an answer that is for one client only, asks for itself. A failure of the network or of the CA (5xx, 429) is
 * shared; a refusal (4xx) may be about the one who asked, so the others ask again.
 *
 * An answer from the cache is the CA's, byte for byte, but for `Age`: RFC 9111 §4 requires it, and whoever keeps the
 * answer further on would otherwise keep it too long.
 */
export class SharedAnswers {
  readonly #clock: Clock
  readonly #turns: Turns
  readonly #groups = new Map<string, Group>()
  /** By place: a configured directory under an authority, so there are few. */
  readonly #kept = new Map<string, Kept>()
  readonly #alone = new Set<string>()
  /** µs, monotonic: what was sent before it came from another configuration. */
  #cleared = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, turns: Turns) {
    this.#clock = clock
    this.#turns = turns
  }

  /** Forgets what is kept: another configuration is in force. */
  clear(): void {
    this.#cleared = this.#clock.now().monotonic
    this.#kept.clear()
    this.#alone.clear()
  }

  /** Resolves when the request, or the one it shares, has leave to be sent. Never rejects. */
  async admit(asked: Asked): Promise<Admission | NoTurn> {
    const kept = this.#fresh(asked)
    if (kept) return { turn: AT_ONCE, answer: async () => kept }
    if (this.#alone.has(placeOf(asked))) {
      const turn = await this.#turns.turn(asked.ca, 'directory', asked.client, asked.signal)
      if ('why' in turn) return turn
      return { turn, answer: async (send) => this.seed(asked, await send()) }
    }
    const group = this.#groupFor(asked)
    const turn = await group.join(asked.signal)
    if ('why' in turn) return turn
    return { turn, answer: (send) => this.#answer(group, asked, send) }
  }

  /** Keeps an answer that may be kept. Returns what it was given. */
  seed(asked: Asked, sent: Sent): Sent {
    const now = this.#clock.now()
    if (sent.kind !== 'response' || now.monotonic - sent.durationCa < this.#cleared) return sent
    const place = placeOf(asked)
    const { response } = sent
    if (isStorable(response)) this.#alone.delete(place)
    else if (response.status === 200) this.#alone.add(place)
    const life = isStorable(response) ? freshFor(response) : 0
    const age = ageOnArrival(response, now.wall / 1000, sent.durationCa / 1e6)
    if (life > age) this.#kept.set(place, { asked, response, life, age, since: now.monotonic })
    return sent
  }

  #groupFor(asked: Asked): Group {
    const key = keyOf(asked)
    const waiting = this.#groups.get(key)
    // A request that stands behind others of its own client would make others wait as long as that client must.
    if (waiting && !waiting.deserted && (waiting.first || waiting.client === asked.client)) return waiting
    const { ca, client } = asked
    const first = this.#turns.waiting(ca, 'directory', client) === 0
    const group: Group = new Group(client, first, async (signal) => {
      const turn = await this.#turns.turn(ca, 'directory', client, signal)
      if (this.#groups.get(key) === group) this.#groups.delete(key)
      return turn
    })
    this.#groups.set(key, group)
    return group
  }

  async #answer(group: Group, asked: Asked, send: Send): Promise<Sent> {
    if (group.sent === null) {
      group.sent = send()
      group.asked = asked
      return this.seed(asked, await group.sent)
    }
    const sent = await group.sent
    if (isFor(asked, sent, group.asked ?? asked)) {
      return sent.kind === 'response' ? { ...sent, source: 'shared' } : sent
    }
    const turn = await this.#turns.turn(asked.ca, 'directory', asked.client, asked.signal)
    if (!('why' in turn)) return this.seed(asked, await send(turn.from))
    const message = 'its turn under the rates of the CA would have come too late; it was not sent'
    return { kind: 'failed', failure: { cause: 'aborted', message }, durationCa: 0 }
  }

  #fresh(asked: Asked): Sent | null {
    const kept = this.#kept.get(placeOf(asked))
    if (!kept) return null
    const age = kept.age + (this.#clock.now().monotonic - kept.since) / 1e6
    if (age >= kept.life) {
      this.#kept.delete(placeOf(asked))
      return null
    }
    const wantsNew = ['cache-control', 'pragma'].some((name) => fieldValue(asked.fields, name) !== null)
    const coded = fieldValue(kept.response.fields, 'content-encoding') !== null
    if (wantsNew || !isSelected(kept.response, asked, kept.asked)) return null
    if (coded && !sameField('accept-encoding', asked, kept.asked)) return null
    return { kind: 'response', response: withAge(kept.response, age), durationCa: 0, source: 'cache' }
  }
}

interface Kept {
  readonly asked: Asked
  readonly response: ObservedResponse
  /** Seconds. */
  readonly life: number
  readonly age: number
  /** µs, monotonic. */
  readonly since: number
}

/** Equal requests that wait for one turn; whichever of them gets to sending first sends for all. */
class Group {
  readonly client: string
  /** Its client had no other waiting, so it stands as near to the front as any. */
  readonly first: boolean
  sent: Promise<Sent> | null = null
  asked: Asked | null = null
  readonly #turn: Promise<Turn | NoTurn>
  readonly #deserted = new AbortController()
  #members = 0

  constructor(client: string, first: boolean, takeTurn: (deserted: AbortSignal) => Promise<Turn | NoTurn>) {
    this.client = client
    this.first = first
    this.#turn = takeTurn(this.#deserted.signal)
  }

  /** All have hung up; its turn is given away. */
  get deserted(): boolean {
    return this.#deserted.signal.aborted
  }

  /** The turn of all. When the last one who waits for it hangs up, it is given away. */
  join(signal?: AbortSignal): Promise<Turn | NoTurn> {
    this.#members += 1
    return new Promise((resolve) => {
      const leave = () => {
        this.#members -= 1
        if (this.#members === 0) this.#deserted.abort()
        resolve({ retryAfter: 1, why: 'abandoned' })
      }
      if (signal?.aborted) return leave()
      signal?.addEventListener('abort', leave)
      void this.#turn.then((turn) => {
        signal?.removeEventListener('abort', leave)
        resolve(turn)
      })
    })
  }
}

/** Whether what came for one request may be given to another that was equal but for User-Agent. */
function isFor(asked: Asked, sent: Sent, by: Asked): boolean {
  if (sent.kind === 'failed') return true
  const { response } = sent
  if (isStorable(response)) return isSelected(response, asked, by)
  const busy = response.status >= 500 || response.status === 429
  return busy && !response.fields.some(([name]) => name === 'replay-nonce' || name === 'set-cookie')
}

/** RFC 9111 §4.1. */
function isSelected({ fields }: ObservedResponse, asked: Asked, by: Asked): boolean {
  return variedBy(fields).every((name) => sameField(name, asked, by))
}

function sameField(name: string, one: Asked, other: Asked): boolean {
  return fieldValue(one.fields, name) === fieldValue(other.fields, name)
}

function placeOf({ ca, authority, target }: Asked): string {
  return JSON.stringify([ca, authority, target])
}

function keyOf(asked: Asked): string {
  const fields = asked.fields
    .map(([name, value]) => [name.toLowerCase(), value.trim()] as const)
    .filter(([name]) => name !== 'user-agent')
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return JSON.stringify([asked.ca, asked.authority, asked.target, fields])
}
