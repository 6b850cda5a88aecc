import type { LocalCaConfig } from '../../config/broker.ts'
import type { Clock } from '../../exchange/clock.ts'
import { IssuerFiles } from './issuer-files.ts'
import type { KeyLock } from './key-lock.ts'
import { LocalCaError } from './local-ca-error.ts'
import type { LocalCaStore, LocalCrl } from './local-ca-store.ts'
import { NameScope } from './name-scope.ts'
import { type LocalCaIssuer, readIssuer } from './read-issuer.ts'
import { RevocationLists } from './revocation-lists.ts'

export interface LocalCaParts {
  /** As under `local_cas`. */
  readonly name: string
  /** The data folder. */
  readonly data: string
  /** Those in force; asked for again whenever they count. */
  readonly settings: () => LocalCaConfig
  readonly lock: () => Promise<KeyLock>
  readonly store: LocalCaStore
  readonly clock: Clock
  /** Told what keeps a revocation list from being made; the next attempt is a minute later. */
  readonly onFault: (error: unknown) => void
}

/** How often files are looked at for what a command has put there, in µs. */
const LOOK_EVERY = 2_000_000
/** How often lists are looked at, in ms. */
const LISTS_EVERY = 60_000

/** A local CA at work: what signs, what it may sign for, what it revoked. */
export class LocalCa {
  readonly name: string
  readonly #parts: LocalCaParts
  readonly #files: IssuerFiles
  readonly #lists: RevocationLists
  readonly #issuers = new Map<number, LocalCaIssuer>()
  #current: { readonly generation: number | null; readonly seenAt: number } | null = null
  #scope: { readonly of: LocalCaConfig; readonly scope: NameScope } | null = null
  #timer: NodeJS.Timeout | null = null

  constructor(parts: LocalCaParts) {
    const { name, data, store, clock } = parts
    this.name = name
    this.#parts = parts
    this.#files = new IssuerFiles(data, name)
    this.#lists = new RevocationLists({
      ca: name,
      store,
      files: this.#files,
      clock,
      validity: () => parts.settings().crl_validity,
      issuer: (generation) => this.issuer(generation),
    })
  }

  get settings(): LocalCaConfig {
    return this.#parts.settings()
  }

  get scope(): NameScope {
    const settings = this.settings
    if (this.#scope?.of !== settings)
      this.#scope = { of: settings, scope: new NameScope(settings.names, settings.networks) }
    return this.#scope.scope
  }

  /** What signs now. Rejects with LocalCaError where there is none, or it can't be used. */
  async current(): Promise<LocalCaIssuer> {
    const { monotonic } = this.#parts.clock.now()
    let generation = this.#current?.generation ?? null
    // One that has just been made is not waited for.
    if (generation === null || monotonic - (this.#current?.seenAt ?? 0) >= LOOK_EVERY) {
      generation = await this.#files.current()
      // A file may have come back under the number of another: from a backup.
      if (generation !== this.#current?.generation) this.#issuers.clear()
      this.#current = { generation, seenAt: monotonic }
    }
    if (generation === null)
      throw new LocalCaError(
        `the local CA ${this.name} has no issuer yet: acmetap local-ca create ${this.name}`,
      )
    return await this.issuer(generation)
  }

  async issuer(generation: number): Promise<LocalCaIssuer> {
    const known = this.#issuers.get(generation)
    if (known !== undefined) return known
    const [text, lock] = [await this.#files.read(generation), await this.#parts.lock()]
    try {
      const issuer = readIssuer(text, lock, this.name, generation)
      this.#issuers.set(generation, issuer)
      return issuer
    } catch (error) {
      if (!(error instanceof LocalCaError)) throw error
      throw new LocalCaError(`${this.#files.issuerFile(generation)} cannot be used: ${error.message}`)
    }
  }

  /** The revocation list of an issuer, fresh. Null: there is no such issuer. */
  async currentCrl(generation: number): Promise<LocalCrl | null> {
    if (!(await this.#files.generations()).includes(generation)) return null
    return await this.#lists.current(generation)
  }

  /** Durable, and in the list, when it resolves. Null: it signed nothing of that serial. */
  async revoke(serial: string, reason: number): Promise<'revoked' | 'alreadyRevoked' | null> {
    const { store, clock } = this.#parts
    const found = await store.localCertificate(this.name, serial)
    if (found === null) return null
    const done = await store.revokeLocalCertificate(this.name, serial, clock.now().wall, reason)
    // It is revoked whatever becomes of the list, which is caught up on within a minute.
    if (done === 'revoked') await this.#lists.renew(found.generation).catch(this.#parts.onFault)
    return done
  }

  /** Makes lists anew from now on, before they end. */
  async start(): Promise<void> {
    await this.#keepLists()
    this.#timer = setInterval(() => void this.#keepLists(), LISTS_EVERY)
    this.#timer.unref()
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }

  async #keepLists(): Promise<void> {
    const generations = await this.#files.generations().catch((error: unknown) => {
      this.#parts.onFault(error)
      return []
    })
    for (const generation of generations) {
      await this.#lists.catchUp(generation).catch(this.#parts.onFault)
    }
  }
}

/** Opens it with its lists. Rejects with LocalCaError for names that are no patterns; having no issuer yet is no fault. */
export async function openLocalCa(parts: LocalCaParts): Promise<LocalCa> {
  const ca = new LocalCa(parts)
  void ca.scope
  await ca.start()
  return ca
}
