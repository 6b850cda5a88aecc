import path from 'node:path'
import type { AccountFolder } from '../accounts/account-folder.ts'
import { readRegularFile } from '../accounts/read-regular-file.ts'
import type { Findings } from './findings.ts'
import type { Origin } from './found-certificate.ts'

const MAX_PEM_BYTES = 1024 * 1024

/** The folders below a path that was given, their files, and which of those a format has taken for its own. */
export class CertificateTree {
  /** By full path. */
  readonly folders: ReadonlyMap<string, AccountFolder>
  /** Older certificates of a name are wanted too. */
  readonly history: boolean
  readonly #findings: Findings
  readonly #claimed = new Set<string>()

  constructor(folders: ReadonlyMap<string, AccountFolder>, history: boolean, findings: Findings) {
    this.folders = folders
    this.history = history
    this.#findings = findings
  }

  /** A folder by its path's parts; undefined where the tree has none. */
  folder(...parts: readonly string[]): AccountFolder | undefined {
    return this.folders.get(path.join(...parts))
  }

  claim(file: string): void {
    this.#claimed.add(file)
  }

  isClaimed(file: string): boolean {
    return this.#claimed.has(file)
  }

  /** Takes the newest in any case, and the others where history is wanted; counts those left out. */
  async takeNewest(files: readonly { readonly file: string; readonly origin: Origin }[]): Promise<void> {
    for (const { file } of files) this.claim(file)
    const wanted = this.history ? files : files.slice(0, 1)
    for (const { file, origin } of wanted) await this.take(file, origin)
    this.#findings.older += files.length - wanted.length
  }

  /** Reads a file that must hold a leaf certificate. */
  async take(file: string, origin: Origin): Promise<void> {
    this.claim(file)
    const bytes = await this.#read(file)
    if (bytes !== null) this.#findings.addNeeded(bytes, origin)
  }

  /** Reads a file that may hold certificates, or none. */
  async look(file: string, origin: Origin): Promise<void> {
    this.claim(file)
    const bytes = await this.#read(file)
    if (bytes !== null) this.#findings.add(bytes, origin)
  }

  async #read(file: string): Promise<Buffer | null> {
    const reading = await readRegularFile(file, MAX_PEM_BYTES)
    if ('bytes' in reading) return reading.bytes
    this.#findings.report(`${file}: skipped: ${reading.refused}`)
    return null
  }
}

/** Takes what it recognises out of a tree, and claims the files, so that no other format reads them again. */
export type TreeFormat = (tree: CertificateTree) => Promise<void>
