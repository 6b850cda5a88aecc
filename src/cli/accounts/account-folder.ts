import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import path from 'node:path'
import { isJsonObject, type JsonObject } from '../../acme/members.ts'

const MAX_FILE_BYTES = 1024 * 1024

/** One folder of a tree that is searched: its regular files by name, read when a format asks for them. */
export class AccountFolder {
  readonly path: string
  /** Name → full path; the two differ where a link inside the tree was followed. */
  readonly files: ReadonlyMap<string, string>
  readonly #report: (problem: string) => void
  readonly #texts = new Map<string, string | null>()

  constructor(folder: string, files: ReadonlyMap<string, string>, report: (problem: string) => void) {
    this.path = folder
    this.files = files
    this.#report = report
  }

  has(name: string): boolean {
    return this.files.has(name)
  }

  /** Full path of a file, whether it exists or not. */
  file(name: string): string {
    return this.files.get(name) ?? path.join(this.path, name)
  }

  /** A file's text; null when there is no such file, or when it can't be read (which is reported, once). */
  async text(name: string): Promise<string | null> {
    const known = this.#texts.get(name)
    if (known !== undefined) return known
    const file = this.files.get(name)
    const text = file === undefined ? null : await this.#read(file)
    this.#texts.set(name, text)
    return text
  }

  /** A file's JSON object; null when there is none. What is no JSON object is reported unless `lenient`. */
  async object(name: string, lenient = false): Promise<JsonObject | null> {
    const text = await this.text(name)
    if (text === null) return null
    const value = parse(text)
    if (isJsonObject(value)) return value
    if (!lenient) this.#report(`${this.file(name)}: not a JSON object; the file may be cut off`)
    return null
  }

  async #read(file: string): Promise<string | null> {
    let handle: FileHandle | null = null
    try {
      // A pipe or device that took the file's place must neither block nor be followed.
      handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
      const found = await handle.stat()
      if (!found.isFile()) return this.#unread(file, 'not a regular file')
      if (found.size > MAX_FILE_BYTES) return this.#unread(file, 'larger than 1 MiB')
      const buffer = Buffer.alloc(Math.min(found.size + 1, MAX_FILE_BYTES))
      let length = 0
      for (;;) {
        const { bytesRead } = await handle.read(buffer, length, buffer.length - length)
        if (bytesRead === 0) break
        length += bytesRead
      }
      return buffer.toString('utf8', 0, length)
    } catch (error) {
      return this.#unread(file, reasonOf(error))
    } finally {
      await handle?.close()
    }
  }

  #unread(file: string, reason: string): null {
    this.#report(`${file}: skipped: ${reason}`)
    return null
  }
}

/** A parser's own message quotes the text, which may be a private key: it goes no further. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Why the file system refused, without anything of the file. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'EACCES' || code === 'EPERM')
    return 'no permission to read it; run this as its owner or as root'
  if (code === 'ENOENT') return 'no such file or folder'
  if (code === 'ELOOP') return 'a link that leads nowhere'
  return `cannot be read${code ? ` (${code})` : ''}`
}
