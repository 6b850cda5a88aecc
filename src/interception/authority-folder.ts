/**
 * `<data>/interception/`, one file for each authority with its key:
 *
 *   current.pem     signs the leaves
 *   next.pem        its root is published already, so that clients can take it before it signs
 *   pending.key     asked to be certified under an operator's root
 *   previous/*.pem  signed before; each stays until its end, for its root may be all that a client knows
 *
 * Each step is one rename, so a crash leaves the state before it or after it. The server reads, and makes the first
 * authority; everything else is done by the command line, also while the server runs.
 */
import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  createDurably,
  exists,
  exposure,
  removeFile,
  renameDurably,
  replaceDurably,
} from './durable-files.ts'
import {
  AuthorityError,
  type IssuingAuthority,
  makeIssuingAuthority,
  readIssuingAuthority,
} from './issuing-authority.ts'
import type { SubjectNames } from './name-constraints.ts'

const KEY_MODE = 0o600

export class AuthorityFolder {
  readonly path: string
  readonly current: string
  readonly next: string
  readonly pending: string
  readonly previous: string

  /** `data` is the data folder. Nothing is read or made yet. */
  constructor(data: string) {
    this.path = join(data, 'interception')
    this.current = join(this.path, 'current.pem')
    this.next = join(this.path, 'next.pem')
    this.pending = join(this.path, 'pending.key')
    this.previous = join(this.path, 'previous')
  }

  /** Null where there is none yet. Throws AuthorityError for one that is exposed or unusable. */
  async readCurrent(): Promise<IssuingAuthority | null> {
    return await readAuthority(this.current)
  }

  async readNext(): Promise<IssuingAuthority | null> {
    return await readAuthority(this.next)
  }

  /** PEM of the key that was put into the last request; null where there is none. */
  async readPending(): Promise<string | null> {
    return await readKeyFile(this.pending)
  }

  /** Those that have not ended, the youngest first. Skips what is unreadable. */
  async readPrevious(now: Date): Promise<IssuingAuthority[]> {
    const names = await readdir(this.previous).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw error
    })
    const found: IssuingAuthority[] = []
    for (const name of names.filter((one) => one.endsWith('.pem'))) {
      const authority = await readAuthority(join(this.previous, name)).catch(() => null)
      if (authority !== null && authority.notAfter > now) found.push(authority)
    }
    return found.sort((a, b) => b.notBefore.getTime() - a.notBefore.getTime())
  }

  /** The first authority, or the one another process made meanwhile. */
  async createFirst(
    names: SubjectNames,
    now: Date,
  ): Promise<{ authority: IssuingAuthority; created: boolean }> {
    await this.#make()
    if ((await exists(this.next)) || (await readdir(this.previous)).length > 0) {
      throw new AuthorityError(
        `${this.current} is missing beside what is left of earlier ones. Restore it from a backup; ` +
          `for a new one, which every client must then trust, remove ${this.path}.`,
      )
    }
    const made = await makeIssuingAuthority(names, now, randomId())
    const created = await createDurably(this.current, made.pem, KEY_MODE)
    const authority = created ? made : await this.readCurrent()
    if (authority === null) throw new AuthorityError(`${this.current} was removed while it was made`)
    return { authority, created }
  }

  /** Makes the next authority; one that is there is lost. */
  async createNext(names: SubjectNames, now: Date): Promise<IssuingAuthority> {
    const made = await makeIssuingAuthority(names, now, randomId())
    await this.writeNext(made)
    return made
  }

  async writeNext(authority: IssuingAuthority): Promise<void> {
    await this.#make()
    await replaceDurably(this.next, authority.pem, KEY_MODE)
  }

  /** The key to be certified is made once, so that a request printed twice is for the same key. */
  async writePending(key: string): Promise<void> {
    await this.#make()
    await replaceDurably(this.pending, key, KEY_MODE)
  }

  /** From now on `authority` signs. The one before it is kept in `previous`. */
  async replaceCurrent(authority: IssuingAuthority): Promise<void> {
    await this.#make()
    await this.#keepCurrent(authority)
    await replaceDurably(this.current, authority.pem, KEY_MODE)
    await this.settle()
  }

  async activateNext(): Promise<void> {
    const next = await this.readNext()
    if (next === null) throw new AuthorityError('there is no next authority')
    await this.#keepCurrent(next)
    await renameDurably(this.next, this.current)
    await this.settle()
  }

  /** Finishes what a crash interrupted: what became current is neither next nor pending any longer. */
  async settle(): Promise<void> {
    const current = await this.readCurrent()
    if (current === null) return
    const next = await this.readNext().catch(() => null)
    if (next?.fingerprint === current.fingerprint) await removeFile(this.next)
    const pending = await this.readPending().catch(() => null)
    if (pending !== null && belongs(pending, current)) await removeFile(this.pending)
  }

  /** Removes what has ended, key and all. */
  async forgetEnded(now: Date): Promise<void> {
    for (const name of await readdir(this.previous).catch(() => [])) {
      const file = join(this.previous, name)
      const authority = await readAuthority(file).catch(() => null)
      if (authority !== null && authority.notAfter <= now) await removeFile(file)
    }
  }

  async #keepCurrent(successor: IssuingAuthority): Promise<void> {
    const current = await this.readCurrent()
    if (current === null || current.fingerprint === successor.fingerprint) return
    await replaceDurably(join(this.previous, fileName(current)), current.pem, KEY_MODE)
  }

  async #make(): Promise<void> {
    await mkdir(this.previous, { recursive: true, mode: 0o700 })
  }
}

async function readAuthority(file: string): Promise<IssuingAuthority | null> {
  const text = await readKeyFile(file)
  if (text === null) return null
  try {
    return readIssuingAuthority(text)
  } catch (error) {
    if (error instanceof AuthorityError) {
      throw new AuthorityError(`${file} cannot be used: ${error.message}. Restore it from a backup.`)
    }
    throw error
  }
}

async function readKeyFile(file: string): Promise<string | null> {
  if (!(await exists(file))) return null
  const exposed = await exposure(file)
  if (exposed !== null) throw new AuthorityError(exposed)
  return await readFile(file, 'utf8')
}

function belongs(key: string, { issuer }: IssuingAuthority): boolean {
  return new X509Certificate(issuer.certificate).checkPrivateKey(createPrivateKey(key))
}

function fileName({ fingerprint }: IssuingAuthority): string {
  return `${fingerprint.replaceAll(':', '').toLowerCase().slice(0, 32)}.pem`
}

function randomId(): string {
  return randomBytes(4).toString('hex')
}
