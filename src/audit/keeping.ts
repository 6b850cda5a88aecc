import type { Actor, EventDetails } from './event.ts'
import type { BlobDraft, PersonalDraft } from './record.ts'

/** Writes events into the record. Resolves with the event's id when it is durable; rejects with StoreUnavailable. */
export interface EventRecorder {
  record(
    actor: Actor,
    details: EventDetails,
    more?: { readonly blobs?: readonly BlobDraft[]; readonly personal?: readonly PersonalDraft[] },
  ): Promise<string>
}

export interface Forgotten {
  /** Personal values that were erased, and bodies that held them. */
  readonly values: number
  readonly bodies: number
  readonly kinds: readonly string[]
}

/** The same with `count` alerts and messages that named the person. */
export function withAlerts(forgotten: Forgotten, count: number): Forgotten {
  const { values, kinds } = forgotten
  return count === 0 ? forgotten : { ...forgotten, values: values + count, kinds: [...kinds, 'alert'].sort() }
}

export interface Pruned {
  readonly kind: 'exchanges' | 'bodies' | 'personal'
  readonly removed: number
}

/** What takes things out of the record again. The chain still verifies afterwards. */
export interface RecordKeeping {
  /**
   * Erases an address, a contact (with or without `mailto:`) or a proxy user, and every body that holds it; records
   * that it did. What there is none of is zero, not an error. `dry` only counts.
   */
  forget(value: string, actor: Actor, dry: boolean): Promise<Forgotten>
  /**
   * Removes what is older than its age, in small steps between which the writer serves others; records what it did.
   * Null ages are forever. µs since 1970. `through`: facts above this sequence number stay whatever their age (what the
   * inventory has not taken in yet).
   */
  prune(
    before: Readonly<Record<Pruned['kind'], number | null>>,
    through: number,
    signal: AbortSignal,
  ): Promise<readonly Pruned[]>
}
