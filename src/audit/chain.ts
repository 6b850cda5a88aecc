import { hash } from 'node:crypto'
import type { EventContent } from './event.ts'
import type { FactEnvelope } from './record.ts'
import type { Anchor, AnchorReader, KeptValuesReader, RecordReader, StoredFact } from './record-store.ts'

export type BreakKind =
  /** A fact is not where the sequence says it must be: taken out, or put in. */
  | 'gap'
  /** The text is not what its digest was made of. */
  | 'digest'
  /** The text does not name the digest of the fact before it. */
  | 'previous'
  /** The text says another sequence number, or is not a fact. */
  | 'text'
  /** What the fact is found by says otherwise than its text. */
  | 'found'
  /** The fact belongs to another instance's stream. */
  | 'stream'
  /** The record begins behind facts that no event in it says were removed. */
  | 'anchor'

export interface ChainBreak {
  readonly sequence: number
  readonly kind: BreakKind
}

export interface ChainReport {
  /** Facts that were read. */
  readonly facts: number
  /** Sequence number of the first of them: above 1 where older ones were removed for their age. */
  readonly begins: number
  /** Digest of the last fact: what a copy kept elsewhere is compared with. 64 zeros when there is none. */
  readonly head: string
  readonly firstBroken: ChainBreak | null
  /** Bodies and personal values that are kept, and the digests of those that are not what they were. */
  readonly values: number
  readonly altered: readonly string[]
}

const FACTS_AT_ONCE = 1000
const ALTERED_LIMIT = 100

export interface ChainOptions {
  /** Told how many facts were read, every thousand. */
  readonly onProgress?: (facts: number) => void
}

/**
 * Read the record from its first fact to its last and see that nothing was changed, taken out or put in between,
 * and that every body and personal value still kept is the one the facts speak of. Values that were erased are
 * no fault. Facts cut off at the end leave no trace here: compare `head` with a copy kept elsewhere.
 *
 * Facts removed for their age are no fault either, where the chain goes on from the anchor and a fact in it, an event
 * `pruned`, names the same sequence number and digest. Facts up to the anchor that are still there are on their way out:
 * the first of them may be any, the rest must be whole.
 */
export async function verifyChain(
  reader: Pick<RecordReader, 'facts'> & Partial<KeptValuesReader & AnchorReader>,
  { onProgress }: ChainOptions = {},
): Promise<ChainReport> {
  const anchor = async () => (await reader.anchor?.()) ?? null
  const walk = new Walk(await anchor())
  for (;;) {
    const page = await reader.facts(walk.next, FACTS_AT_ONCE)
    if (page.length === 0) break
    // Facts may have been removed since the walk began, or since its last page.
    if (page[0]!.sequence !== walk.next) walk.skipTo(page[0]!, await anchor())
    for (const fact of page) if (!walk.take(fact)) return walk.report(await checkValues(reader))
    onProgress?.(walk.facts)
  }
  walk.end()
  return walk.report(await checkValues(reader))
}

/** Where a walk along the chain has come to. */
class Walk {
  next = 1
  facts = 0
  #begins = 1
  /** Null: of a fact that is gone, and nothing tells it. */
  #previous: string | null = NO_PREVIOUS
  #stream: string | null = null
  #broken: ChainBreak | null = null
  #anchor: Anchor | null
  #told: Anchor | null = null

  constructor(anchor: Anchor | null) {
    this.#anchor = anchor
  }

  /** The facts before this one are not there. */
  skipTo({ sequence }: StoredFact, anchor: Anchor | null): void {
    this.#anchor = anchor
    if (anchor === null || anchor.sequence < this.next) return
    this.next = Math.min(sequence, anchor.sequence + 1)
    this.#previous = this.next === anchor.sequence + 1 ? anchor.digest : null
    if (this.facts === 0) this.#begins = this.next
  }

  take(fact: StoredFact): boolean {
    const envelope = readEnvelope(fact.text)
    const kind =
      breakOf(fact, this.next, this.#previous, envelope, this.#stream) ??
      (fact.sequence === this.#anchor?.sequence && fact.digest !== this.#anchor.digest ? 'anchor' : null)
    if (kind !== null) {
      this.#broken = { sequence: this.next, kind }
      return false
    }
    if (envelope?.kind === 'event') this.#told = lastOf(envelope) ?? this.#told
    this.#previous = fact.digest
    this.#stream = envelope?.stream ?? null
    this.facts += 1
    this.next += 1
    return true
  }

  /** The last event that removed exchanges is the one the anchor was set with. */
  end(): void {
    const [anchor, told] = [this.#anchor, this.#told]
    if (anchor === null ? this.#begins === 1 : same(anchor, told)) return
    this.#broken = { sequence: this.#begins, kind: 'anchor' }
  }

  report({ values, altered }: ValuesReport): ChainReport {
    const head = this.#previous ?? NO_PREVIOUS
    return { facts: this.facts, begins: this.#begins, head, firstBroken: this.#broken, values, altered }
  }
}

const NO_PREVIOUS = '0'.repeat(64)

function lastOf(fact: FactEnvelope): Anchor | null {
  const event = fact as FactEnvelope & Partial<EventContent>
  return event.event === 'pruned' && event.what === 'exchanges' ? (event.last ?? null) : null
}

function same(one: Anchor, other: Anchor | null): boolean {
  return one.sequence === other?.sequence && one.digest === other.digest
}

function breakOf(
  fact: StoredFact,
  sequence: number,
  previous: string | null,
  envelope: FactEnvelope | null,
  stream: string | null,
): BreakKind | null {
  if (fact.sequence !== sequence) return 'gap'
  if (hash('sha256', fact.text) !== fact.digest) return 'digest'
  if (envelope === null || envelope.sequence !== sequence) return 'text'
  if (previous !== null && envelope.previous !== previous) return 'previous'
  if (stream !== null && envelope.stream !== stream) return 'stream'
  const { found } = fact
  if (
    found &&
    (found.kind !== envelope.kind || found.exchange !== envelope.exchange || found.at !== envelope.at)
  ) {
    return 'found'
  }
  return null
}

function readEnvelope(text: string): FactEnvelope | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as FactEnvelope) : null
  } catch {
    return null
  }
}

interface ValuesReport {
  readonly values: number
  readonly altered: readonly string[]
}

async function checkValues(reader: Partial<KeptValuesReader>): Promise<ValuesReport> {
  const altered: string[] = []
  let values = 0
  let cursor: string | null = reader.keptValues ? '' : null
  while (cursor !== null && reader.keptValues) {
    const page = await reader.keptValues(cursor)
    for (const { digest, salt, bytes } of page.values) {
      values += 1
      const actual = hash('sha256', salt ? Buffer.concat([salt, bytes]) : bytes)
      if (actual !== digest && altered.length < ALTERED_LIMIT) altered.push(digest)
    }
    cursor = page.next
  }
  return { values, altered }
}
