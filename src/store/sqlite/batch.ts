/**
 * Entries on their way to the writer's thread. Strings and numbers go in one flat list and all bytes in one
 * buffer that changes hands: cloning a tree of small objects would cost more than writing it.
 */
import type { Entry, FactDraft, FactKind } from '../../audit/record.ts'
import type { AccountKey, Resource } from '../../exchange/resource.ts'

/** An entry with everything turned to text; its buffers are still the caller's and must not change. */
export interface EncodedEntry {
  readonly words: readonly (string | number)[]
  readonly buffers: readonly Uint8Array[]
  readonly bytes: number
}

/** What crosses to the writer's thread. */
export interface Batch {
  readonly entries: number
  readonly words: (string | number)[]
  readonly bytes: ArrayBuffer
}

/** Throws TypeError when the entry is not what its type says. */
export function encodeEntry(entry: Entry): EncodedEntry {
  const words: (string | number)[] = [entry.facts.length]
  const buffers: Uint8Array[] = []
  for (const fact of entry.facts) encodeFact(fact, words, buffers)
  const { resources, keys } = entry.learned
  words.push(resources.length, keys.length)
  for (const resource of resources) encodeResource(resource, words)
  for (const key of keys) encodeKey(key, words)
  let bytes = 0
  for (const buffer of buffers) bytes += buffer.length
  return { words, buffers, bytes }
}

function encodeFact(fact: FactDraft, words: (string | number)[], buffers: Uint8Array[]): void {
  const content = JSON.stringify(fact.content)
  if (content === undefined || content.length < 3 || content[0] !== '{') {
    throw new TypeError('the content of a fact must be an object with members')
  }
  if (!Number.isSafeInteger(fact.at) || !Number.isFinite(fact.monotonic)) {
    throw new TypeError('the times of a fact must be numbers of µs')
  }
  words.push(
    fact.kind,
    fact.exchange,
    fact.at,
    fact.monotonic,
    content,
    fact.blobs.length,
    fact.personal.length,
  )
  for (const { digest, bytes, repeats } of fact.blobs) {
    if (digest.length !== 32) throw new TypeError('the digest of a body must have 32 bytes')
    words.push(repeats ? 1 : 0, bytes.length)
    buffers.push(digest, bytes)
  }
  for (const { name, kind, value } of fact.personal) {
    words.push(name, kind, value.length)
    buffers.push(value)
  }
}

function encodeResource(resource: Resource, words: (string | number)[]): void {
  const { ca, authority, canonical, url, ...rest } = resource
  words.push(ca, authority, canonical, url, JSON.stringify(rest))
}

function encodeKey({ ca, account, jwk, thumbprint, source }: AccountKey, words: (string | number)[]): void {
  words.push(ca, account, JSON.stringify(jwk), thumbprint, source)
}

/** Copies every buffer: what the caller holds may be a part of a pool. */
export function packBatch(entries: readonly EncodedEntry[]): Batch {
  let size = 0
  for (const { bytes } of entries) size += bytes
  const bytes = new Uint8Array(size)
  const words: (string | number)[] = []
  let at = 0
  for (const entry of entries) {
    for (const word of entry.words) words.push(word)
    for (const buffer of entry.buffers) {
      bytes.set(buffer, at)
      at += buffer.length
    }
  }
  return { entries: entries.length, words, bytes: bytes.buffer }
}

export interface DecodedBody {
  readonly digest: Buffer
  readonly bytes: Buffer
}

export interface DecodedFact {
  readonly kind: FactKind
  readonly exchange: string
  readonly at: number
  readonly monotonic: number
  /** JSON text. */
  readonly content: string
  readonly unique: readonly DecodedBody[]
  readonly repeating: readonly DecodedBody[]
  readonly personal: readonly { readonly name: string; readonly kind: string; readonly value: Buffer }[]
}

/** The parameters of an upsert, in the order of the table's columns. */
export type Row = readonly string[]

export interface DecodedEntry {
  readonly facts: readonly DecodedFact[]
  readonly resources: readonly Row[]
  readonly keys: readonly Row[]
}

export function unpackBatch(batch: Batch): DecodedEntry[] {
  const { words } = batch
  let at = 0
  let offset = 0
  const text = () => words[at++] as string
  const count = () => words[at++] as number
  const bytes = (length: number) => {
    offset += length
    return Buffer.from(batch.bytes, offset - length, length)
  }
  const row = (): Row => [text(), text(), text(), text(), text()]

  function fact(): DecodedFact {
    const kind = text() as DecodedFact['kind']
    const exchange = text()
    const wall = count()
    const monotonic = count()
    const content = text()
    const blobs = count()
    const values = count()
    const unique: DecodedBody[] = []
    const repeating: DecodedBody[] = []
    for (let n = 0; n < blobs; n++) {
      const list = count() === 1 ? repeating : unique
      const length = count()
      list.push({ digest: bytes(32), bytes: bytes(length) })
    }
    const personal = Array.from({ length: values }, () => ({
      name: text(),
      kind: text(),
      value: bytes(count()),
    }))
    return { kind, exchange, at: wall, monotonic, content, unique, repeating, personal }
  }

  return Array.from({ length: batch.entries }, () => {
    const facts = Array.from({ length: count() }, fact)
    const resources = count()
    const keys = count()
    return {
      facts,
      resources: Array.from({ length: resources }, row),
      keys: Array.from({ length: keys }, row),
    }
  })
}
