import { hash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import type { Entry, FactDraft } from './record.ts'

/** Bytes one outcome may take in the file; a larger one is written without its bodies. */
export const FRAME_LIMIT = 64 * 1024
const HEADER = 36
/** A frame is followed by the four zero bytes that end the file. */
const BODY_LIMIT = FRAME_LIMIT - HEADER - 4

/**
 * Where outcomes go that the store refuses: a file whose blocks are allocated and synced beforehand, so that it
 * takes them on a full disk too. A frame is a length (4 bytes), the SHA-256 of the rest, and JSON. Length 0 ends
 * the file; a frame that was cut by a crash fails its digest and ends it as well: it was never acknowledged.
 */
export class Spill {
  readonly #file: FileHandle
  readonly #capacity: number
  #end: number
  #queue: Promise<unknown> = Promise.resolve()

  private constructor(file: FileHandle, capacity: number, end: number) {
    this.#file = file
    this.#capacity = capacity
    this.#end = end
  }

  /** Opens or makes the file (mode 0600) and allocates `capacity` bytes. Frames of an earlier run are kept. */
  static async open(path: string, capacity: number): Promise<Spill> {
    const file = await open(path, 'a+', 0o600)
    const { size } = await file.stat()
    await file.close()
    const handle = await open(path, 'r+')
    if (size < capacity) {
      const zeros = Buffer.alloc(1024 * 1024)
      for (let at = size; at < capacity; at += zeros.length) {
        await handle.write(zeros, 0, Math.min(zeros.length, capacity - at), at)
      }
      await handle.sync()
    }
    const spill = new Spill(handle, Math.max(size, capacity), 0)
    spill.#end = (await spill.#scan()).end
    return spill
  }

  /** Bytes waiting to be imported. */
  get bytes(): number {
    return this.#end
  }

  /** How many more outcomes certainly fit. */
  get room(): number {
    return Math.floor((this.#capacity - this.#end) / FRAME_LIMIT)
  }

  /** Durable when resolved. Rejects when the file is full or cannot be written. */
  write(entry: Entry): Promise<void> {
    return this.#inTurn(async () => {
      const frame = encode(entry)
      // The four zero bytes after the frame end the file, whatever older frames lie behind it.
      if (this.#end + frame.length > this.#capacity) throw new Error('the spill file is full')
      await this.#file.write(Buffer.concat([frame, Buffer.alloc(4)]), 0, undefined, this.#end)
      await this.#file.datasync()
      this.#end += frame.length
    })
  }

  /** Hands every waiting entry to `take`; when it has resolved the file is emptied. Returns how many there were. */
  drain(take: (entries: Entry[]) => Promise<void>): Promise<number> {
    return this.#inTurn(async () => {
      if (this.#end === 0) return 0
      const { entries } = await this.#scan()
      await take(entries)
      await this.#file.write(Buffer.alloc(HEADER), 0, HEADER, 0)
      await this.#file.datasync()
      this.#end = 0
      return entries.length
    })
  }

  async close(): Promise<void> {
    await this.#inTurn(() => this.#file.close())
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work)
    this.#queue = result.catch(() => undefined)
    return result
  }

  async #scan(): Promise<{ entries: Entry[]; end: number }> {
    const entries: Entry[] = []
    const header = Buffer.alloc(HEADER)
    let end = 0
    for (;;) {
      const { bytesRead } = await this.#file.read(header, 0, HEADER, end)
      const length = bytesRead === HEADER ? header.readUInt32BE(0) : 0
      if (length === 0 || length > BODY_LIMIT) break
      const body = Buffer.alloc(length)
      await this.#file.read(body, 0, length, end + HEADER)
      if (!hash('sha256', body, 'buffer').equals(header.subarray(4))) break
      entries.push(decode(body))
      end += HEADER + length
    }
    return { entries, end }
  }
}

function encode(entry: Entry): Buffer {
  let body = Buffer.from(JSON.stringify(packed(entry, true)))
  if (body.length > BODY_LIMIT) body = Buffer.from(JSON.stringify(packed(entry, false)))
  if (body.length > BODY_LIMIT) throw new Error('an outcome is too large for the spill file')
  const header = Buffer.alloc(HEADER)
  header.writeUInt32BE(body.length, 0)
  hash('sha256', body, 'buffer').copy(header, 4)
  return Buffer.concat([header, body])
}

function packed(entry: Entry, withBodies: boolean) {
  return { learned: entry.learned, facts: entry.facts.map((fact) => packedFact(fact, withBodies)) }
}

function packedFact(fact: FactDraft, withBodies: boolean) {
  const content: Record<string, unknown> = { ...fact.content, spilled: true }
  if (!withBodies && 'body' in fact.content && fact.content.body)
    content.body = { ...fact.content.body, stored: null }
  const personal = withBodies ? fact.personal : fact.personal.filter(({ kind }) => kind !== 'body')
  const blobs = withBodies ? fact.blobs : []
  return {
    ...fact,
    content,
    blobs: blobs.map(({ bytes, repeats }) => ({ bytes: bytes.toString('base64'), repeats })),
    personal: personal.map((item) => ({ ...item, value: item.value.toString('base64') })),
  }
}

function decode(body: Buffer): Entry {
  const { learned, facts } = JSON.parse(body.toString()) as ReturnType<typeof packed>
  return { learned, facts: facts.map(unpackedFact) }
}

function unpackedFact(fact: ReturnType<typeof packedFact>): FactDraft {
  return {
    ...fact,
    content: fact.content as unknown as FactDraft['content'],
    blobs: fact.blobs.map(({ bytes, repeats }) => {
      const buffer = Buffer.from(bytes, 'base64')
      return { bytes: buffer, repeats, digest: hash('sha256', buffer, 'buffer') }
    }),
    personal: fact.personal.map((item) => ({ ...item, value: Buffer.from(item.value, 'base64') })),
  }
}
