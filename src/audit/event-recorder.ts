import type { Clock } from '../exchange/clock.ts'
import { newExchangeId } from '../exchange/exchange-id.ts'
import { NOTHING_LEARNED } from '../exchange/resource.ts'
import type { Actor, EventContent, EventDetails } from './event.ts'
import type { EventRecorder } from './keeping.ts'
import type { FactDraft } from './record.ts'
import type { RecordStore } from './record-store.ts'
import { redactText } from './redaction.ts'

type More = Partial<Pick<FactDraft, 'blobs' | 'personal'>>

/** The fact that tells of an event, with an id of its own. Credentials that somebody put into a filter or a path are redacted. */
export function eventFact(
  content: EventContent,
  clock: Clock,
  { blobs = [], personal = [] }: More = {},
): FactDraft {
  const { wall: at, monotonic } = clock.now()
  return {
    kind: 'event',
    exchange: newExchangeId(),
    at,
    monotonic,
    content: redacted(content) as EventContent,
    blobs,
    personal: personal.map((one) =>
      one.kind === 'query' ? { ...one, value: Buffer.from(redactText(one.value.toString())) } : one,
    ),
  }
}

/** Puts events into the record. */
export class StoredEvents implements EventRecorder {
  readonly #store: Pick<RecordStore, 'append'>
  readonly #clock: Clock
  readonly #instance: () => string

  constructor(store: Pick<RecordStore, 'append'>, clock: Clock, instance: () => string) {
    this.#store = store
    this.#clock = clock
    this.#instance = instance
  }

  async record(actor: Actor, details: EventDetails, more: More = {}): Promise<string> {
    const fact = eventFact({ ...details, actor, instance: this.#instance() }, this.#clock, more)
    await this.#store.append({ facts: [fact], learned: NOTHING_LEARNED })
    return fact.exchange
  }
}

function redacted(value: unknown): unknown {
  if (typeof value === 'string') return redactText(value)
  if (Array.isArray(value)) return value.map(redacted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, redacted(one)]))
}
