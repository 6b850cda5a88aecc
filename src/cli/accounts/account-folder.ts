import path from 'node:path'
import { isJsonObject, type JsonObject } from '../../acme/members.ts'
import { readRegularFile } from './read-regular-file.ts'

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
    const reading = await readRegularFile(file, MAX_FILE_BYTES)
    if ('bytes' in reading) return reading.bytes.toString('utf8')
    this.#report(`${file}: skipped: ${reading.refused}`)
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
