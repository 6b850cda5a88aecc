import { hash, randomFillSync } from 'node:crypto'
import { LruMap } from '../../exchange/lru-map.ts'
import type { WriterStatements } from './writer-statements.ts'

type Run = Pick<WriterStatements, 'findPersonal' | 'insertPersonal' | 'insertPersonalUse' | 'usePersonal'>

interface Known {
  readonly id: number
  readonly digest: string
  readonly used: number
}

const SALT_BYTES = 16
/** A value's last use is written down to this, in µs: most uses then cost nothing. */
export const USE_STEP = 86_400_000_000

/**
 * Puts personal values in their one place and gives what facts say instead of them. Equal values of one kind
 * share a row and its salt until they are erased; a body always has its own.
 */
export class PersonalKeeper {
  readonly #run: Run
  #salts = Buffer.alloc(0)
  #saltsUsed = 0
  // What is known to be in the database, so that it is not asked again.
  #known = new LruMap<string, Known>(5_000)

  constructor(run: Run) {
    this.#run = run
  }

  /** SHA-256(salt ‖ value), hex. `fact` and `at` are the fact that refers to it. Within a transaction. */
  keep(kind: string, value: Buffer, fact: number, at: number): string {
    if (kind === 'body') return this.#insert(kind, value, fact, at).digest
    const name = `${kind}:${value.toString('latin1')}`
    let known = this.#known.get(name) ?? this.#find(kind, value)
    if (known === null) known = this.#insert(kind, value, null, at)
    else if (at - known.used > USE_STEP) {
      this.#run.usePersonal.run(at, known.id)
      known = { ...known, used: at }
    }
    this.#known.set(name, known)
    return known.digest
  }

  /** After a rollback, or when another connection has written. */
  forget(): void {
    this.#known = new LruMap(5_000)
  }

  #find(kind: string, value: Buffer): Known | null {
    const row = this.#run.findPersonal.get(kind, value)
    return row ? { id: row.id, digest: row.digest.toString('hex'), used: row.used } : null
  }

  #insert(kind: string, value: Buffer, fact: number | null, at: number): Known {
    const salt = this.#newSalt()
    const digest = hash('sha256', Buffer.concat([salt, value]), 'hex')
    const { lastInsertRowid } = this.#run.insertPersonal.run(Buffer.from(digest, 'hex'), kind, salt, value)
    const id = Number(lastInsertRowid)
    this.#run.insertPersonalUse.run(id, at, fact)
    return { id, digest, used: at }
  }

  #newSalt(): Buffer {
    if (this.#saltsUsed === this.#salts.length) {
      this.#salts = randomFillSync(Buffer.alloc(SALT_BYTES * 256))
      this.#saltsUsed = 0
    }
    this.#saltsUsed += SALT_BYTES
    return this.#salts.subarray(this.#saltsUsed - SALT_BYTES, this.#saltsUsed)
  }
}
