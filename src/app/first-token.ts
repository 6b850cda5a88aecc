import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Operations } from '../api/operations.ts'
import { ACMETAP } from '../audit/event.ts'

/** Beside the record: that a first token was made, and its text until somebody has used it. */
const FILE = 'first-admin-token'
const TAKEN = 'Taken. Make others with: acmetap token create NAME --role admin\n'

/**
 * The first start makes a token with which an administrator can make others. It is told once: to the terminal the
 * server was started from, or, where there is none, in a file of the data folder that loses it at its first use.
 */
export class FirstToken {
  readonly #file: string
  #id: string | null

  private constructor(file: string, id: string | null) {
    this.#file = file
    this.#id = id
  }

  /** `text` is the token where this start made it; null at every later one. */
  static async make(
    folder: string,
    operations: Pick<Operations, 'tokens' | 'createToken' | 'revokeToken'>,
  ): Promise<{ readonly first: FirstToken; readonly text: string | null }> {
    const file = join(folder, FILE)
    if (existsSync(file)) {
      const [, id] = /^acmetap_([0-9a-f]{8})_/.exec(readFileSync(file, 'utf8')) ?? []
      return { first: new FirstToken(file, id ?? null), text: null }
    }
    // Somebody made tokens over the control socket before this file was known.
    if ((await operations.tokens()).length > 0) return { first: new FirstToken(file, null), text: null }
    const { token, text } = await operations.createToken(
      { name: 'first', role: 'admin', expires: null },
      ACMETAP,
    )
    try {
      writeFileSync(file, `${text}\n`, { mode: 0o600, flag: 'wx' })
    } catch (error) {
      await operations.revokeToken(token.id, ACMETAP)
      throw error
    }
    return { first: new FirstToken(file, token.id), text }
  }

  get file(): string {
    return this.#file
  }

  /** It has been told elsewhere, or used: the file keeps it no longer. */
  taken(id?: string): void {
    if (this.#id === null || (id !== undefined && id !== this.#id)) return
    this.#id = null
    writeFileSync(this.#file, TAKEN, { mode: 0o600 })
  }
}
