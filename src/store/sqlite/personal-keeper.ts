import { hash, randomFillSync } from 'node:crypto'
import { LruMap } from '../../exchange/lru-map.ts'
import type { WriterStatements } from './writer-statements.ts'

const SALT_BYTES = 16

/**
 * Puts personal values in their one place and gives what facts say instead of them. Equal values of one kind
 * share a row and its salt until they are erased; a body always has its own.
 */
export class PersonalKeeper {
  readonly #run: Pick<WriterStatements, 'findPersonal' | 'insertPersonal'>
  #salts = Buffer.alloc(0)
  #saltsUsed = 0
  // What is known to be in the database, so that it is not asked again.
  #known = new LruMap<string, string>(5_000)

  constructor(run: Pick<WriterStatements, 'findPersonal' | 'insertPersonal'>) {
    this.#run = run
  }

  /** SHA-256(salt ‖ value), hex. Within a transaction. */
  keep(kind: string, value: Buffer): string {
    if (kind === 'body') return this.#insert(kind, value)
    const name = `${kind}:${value.toString('latin1')}`
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const digest =
      this.#run.findPersonal.get(kind, value)?.digest.toString('hex') ?? this.#insert(kind, value)
    this.#known.set(name, digest)
    return digest
  }

  /** After a rollback, or when another connection has written. */
  forget(): void {
    this.#known = new LruMap(5_000)
  }

  #insert(kind: string, value: Buffer): string {
    const salt = this.#newSalt()
    const digest = hash('sha256', Buffer.concat([salt, value]), 'hex')
    this.#run.insertPersonal.run(Buffer.from(digest, 'hex'), kind, salt, value)
    return digest
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
