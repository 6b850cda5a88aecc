import { hash } from 'node:crypto'
import type { FactEnvelope } from './record.ts'
import type { KeptValuesReader, RecordReader, StoredFact } from './record-store.ts'

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

export interface ChainBreak {
  readonly sequence: number
  readonly kind: BreakKind
}

export interface ChainReport {
  /** Facts that were read. */
  readonly facts: number
  /** Digest of the last fact: what a copy kept elsewhere is compared with. 64 zeros when there is none. */
  readonly head: string
  readonly firstBroken: ChainBreak | null
  /** Bodies and personal values that are kept, and the digests of those that are not what they were. */
  readonly values: number
  readonly altered: readonly string[]
}

const FACTS_AT_ONCE = 1000
const ALTERED_LIMIT = 100

/**
 * Read the record from its first fact to its last and see that nothing was changed, taken out or put in between,
 * and that every body and personal value still kept is the one the facts speak of. Values that were erased are
 * no fault. Facts cut off at the end leave no trace here: compare `head` with a copy kept elsewhere.
 */
export async function verifyChain(
  reader: Pick<RecordReader, 'facts'> & Partial<KeptValuesReader>,
): Promise<ChainReport> {
  let previous = '0'.repeat(64)
  let stream: string | null = null
  let facts = 0
  for (;;) {
    const page = await reader.facts(facts + 1, FACTS_AT_ONCE)
    for (const fact of page) {
      const envelope = readEnvelope(fact.text)
      const kind = breakOf(fact, facts + 1, previous, envelope, stream)
      if (kind) return report(facts, previous, { sequence: facts + 1, kind }, await checkValues(reader))
      previous = fact.digest
      stream = envelope?.stream ?? null
      facts += 1
    }
    if (page.length === 0) return report(facts, previous, null, await checkValues(reader))
  }
}

function breakOf(
  fact: StoredFact,
  sequence: number,
  previous: string,
  envelope: FactEnvelope | null,
  stream: string | null,
): BreakKind | null {
  if (fact.sequence !== sequence) return 'gap'
  if (hash('sha256', fact.text) !== fact.digest) return 'digest'
  if (envelope === null || envelope.sequence !== sequence) return 'text'
  if (envelope.previous !== previous) return 'previous'
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

function report(
  facts: number,
  head: string,
  firstBroken: ChainBreak | null,
  values: ValuesReport,
): ChainReport {
  return { facts, head, firstBroken, ...values }
}
