import { hash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Entry, FactDraft } from './record.ts'

/** Bytes one outcome may take in the file; a larger one is written without its bodies. */
export const FRAME_LIMIT = 64 * 1024
const HEADER = 36
/** Four zero bytes follow the last frame and end the file. */
const END = Buffer.alloc(4)
const BODY_LIMIT = FRAME_LIMIT - HEADER - END.length

/**
 * Where outcomes go that the store refuses: a file whose blocks are allocated and synced beforehand, so that it
 * takes them on a full disk too. A frame is a length (4 bytes), the SHA-256 of the rest, and JSON. Length 0 ends
 * the file; a frame that was cut by a crash fails its digest and ends it as well: it was never acknowledged.
 */
export class Spill {
  readonly #file: FileHandle
  readonly #capacity: number
  /** Frames before it have been taken in this run; a crash brings them again. */
  #start = 0
  #end: number
  #queue: Promise<unknown> = Promise.resolve()

  private constructor(file: FileHandle, capacity: number, end: number) {
    this.#file = file
    this.#capacity = capacity
    this.#end = end
  }

  /**
   * Opens or makes the file (mode 0600) and allocates `capacity` bytes; a larger file stays as large. Frames of
   * an earlier run are kept. Rejects with the file system's error.
   */
  static async open(path: string, capacity: number): Promise<Spill> {
    await (await open(path, 'a+', 0o600)).close()
    const file = await open(path, 'r+')
    try {
      const { size } = await file.stat()
      if (size < capacity) {
        await writeZeros(file, size, capacity)
        await file.sync()
        await syncFolder(dirname(path))
      }
      const { end } = await scan(file, 0)
      return new Spill(file, Math.max(size, capacity), end)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** Bytes waiting to be imported. */
  get bytes(): number {
    return this.#end - this.#start
  }

  /** How many more outcomes certainly fit. */
  get room(): number {
    return Math.floor((this.#capacity - this.#end) / FRAME_LIMIT)
  }

  /** Durable when resolved. Rejects when the file is full or cannot be written. */
  write(entry: Entry): Promise<void> {
    return this.#inTurn(async () => {
      // Whatever older frames lie behind it, the file ends after this one.
      const frame = Buffer.concat([encode(entry), END])
      if (this.#end + frame.length > this.#capacity) throw new Error('the spill file is full')
      await writeAll(this.#file, frame, this.#end)
      await this.#file.datasync()
      this.#end += frame.length - END.length
    })
  }

  /**
   * Hands the waiting entries to `take`, until none is left; then the file is emptied. Returns how many there
   * were. Writing goes on meanwhile: `take` may wait for a store that hangs. One drain at a time. Rejects with
   * what `take` rejects with, or where a frame can't be read again.
   */
  async drain(take: (entries: Entry[]) => Promise<void>): Promise<number> {
    let count = 0
    while (this.bytes > 0) {
      const { entries, end } = await this.#inTurn(() => scan(this.#file, this.#start))
      if (entries.length === 0) throw new Error('the spill file is damaged')
      await take(entries)
      count += entries.length
      await this.#inTurn(() => this.#taken(end))
    }
    return count
  }

  async #taken(end: number): Promise<void> {
    if (end < this.#end) {
      this.#start = end
      return
    }
    // From the front, so that it is empty whenever this is cut off; all of it, for it holds personal data.
    await writeZeros(this.#file, 0, this.#end)
    await this.#file.datasync()
    this.#start = 0
    this.#end = 0
  }

  async close(): Promise<void> {
    await this.#inTurn(() => this.#file.close())
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work)
    this.#queue = result.catch(() => undefined)
    return result
  }
}

/** Every whole frame from `start` on, and where the first that is none begins. */
async function scan(file: FileHandle, start: number): Promise<{ entries: Entry[]; end: number }> {
  const entries: Entry[] = []
  const header = Buffer.alloc(HEADER)
  let end = start
  for (;;) {
    const { bytesRead } = await file.read(header, 0, HEADER, end)
    const length = bytesRead === HEADER ? header.readUInt32BE(0) : 0
    if (length === 0 || length > BODY_LIMIT) break
    const body = Buffer.alloc(length)
    await file.read(body, 0, length, end + HEADER)
    if (!hash('sha256', body, 'buffer').equals(header.subarray(4))) break
    entries.push(decode(body))
    end += HEADER + length
  }
  return { entries, end }
}

async function writeZeros(file: FileHandle, from: number, to: number): Promise<void> {
  const zeros = Buffer.alloc(Math.min(1024 * 1024, to - from))
  for (let at = from; at < to; at += zeros.length) {
    await writeAll(file, zeros.subarray(0, Math.min(zeros.length, to - at)), at)
  }
}

async function writeAll(file: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done)
    done += bytesWritten
  }
}

/** Makes the file's own entry in its folder durable. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** As much of the entry as fits: what it learned and its bodies can be had again, that it happened can't. */
function encode(entry: Entry): Buffer {
  for (const shorten of SHORTENINGS) {
    const body = Buffer.from(JSON.stringify(packed(shorten(entry))))
    if (body.length > BODY_LIMIT) continue
    const header = Buffer.alloc(HEADER)
    header.writeUInt32BE(body.length, 0)
    hash('sha256', body, 'buffer').copy(header, 4)
    return Buffer.concat([header, body])
  }
  throw new Error('an outcome is too large for the spill file')
}

const SHORTENINGS: readonly ((entry: Entry) => Entry)[] = [
  (entry) => entry,
  (entry) => ({ ...entry, facts: entry.facts.map(withoutBodies) }),
  ({ facts, learned: { keys } }) => ({ facts: facts.map(withoutBodies), learned: { keys, resources: [] } }),
  ({ facts, learned: { keys } }) => ({ facts: facts.map(withoutLists), learned: { keys, resources: [] } }),
]

function withoutBodies(fact: FactDraft): FactDraft {
  const { content } = fact
  return {
    ...fact,
    content:
      'body' in content && content.body ? { ...content, body: { ...content.body, stored: null } } : content,
    personal: fact.personal.filter(({ kind }) => kind !== 'body'),
    blobs: [],
  }
}

/** A CA's answer may hold lists of any length. */
function withoutLists(fact: FactDraft): FactDraft {
  const bare = withoutBodies(fact)
  const { content } = bare
  if (!('outcome' in content)) return bare
  const problem = content.problem && { ...content.problem, subproblems: [] }
  const objectError = content.objectError && { ...content.objectError, subproblems: [] }
  return { ...bare, content: { ...content, problem, objectError, identifiers: [], fields: {} } }
}

function packed(entry: Entry) {
  return { learned: entry.learned, facts: entry.facts.map(packedFact) }
}

function packedFact(fact: FactDraft) {
  return {
    ...fact,
    content: 'outcome' in fact.content ? { ...fact.content, spilled: true } : fact.content,
    blobs: fact.blobs.map(({ bytes, repeats }) => ({ bytes: bytes.toString('base64'), repeats })),
    personal: fact.personal.map((item) => ({ ...item, value: item.value.toString('base64') })),
  }
}

function decode(body: Buffer): Entry {
  const { learned, facts } = JSON.parse(body.toString()) as ReturnType<typeof packed>
  return { learned, facts: facts.map(unpackedFact) }
}

function unpackedFact(fact: ReturnType<typeof packedFact>): FactDraft {
  return {
    ...fact,
    blobs: fact.blobs.map(({ bytes, repeats }) => {
      const buffer = Buffer.from(bytes, 'base64')
      return { bytes: buffer, repeats, digest: hash('sha256', buffer, 'buffer') }
    }),
    personal: fact.personal.map((item) => ({ ...item, value: Buffer.from(item.value, 'base64') })),
  }
}
