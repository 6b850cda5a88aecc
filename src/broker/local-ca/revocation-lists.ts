import type { Clock } from '../../exchange/clock.ts'
import { type IssuerFiles, listName } from './issuer-files.ts'
import type { LocalCaStore, LocalCrl } from './local-ca-store.ts'
import type { LocalCaIssuer } from './read-issuer.ts'
import { signRevocationList } from './revocation-list.ts'

export interface RevocationListsParts {
  readonly ca: string
  readonly store: LocalCaStore
  readonly files: IssuerFiles
  readonly clock: Clock
  /** How long a list is good for, in ms. */
  readonly validity: () => number
  /** Key and certificates of one of this CA's issuers. */
  readonly issuer: (generation: number) => Promise<LocalCaIssuer>
}

/**
 * The revocation lists of one local CA, one for each issuer. A list is made anew when half its time is over, and as soon as
 * something is revoked. Lists are made one after the other, so that none has an older number than the one before.
 */
export class RevocationLists {
  readonly #parts: RevocationListsParts
  readonly #last = new Map<number, LocalCrl>()
  #queue: Promise<unknown> = Promise.resolve()

  constructor(parts: RevocationListsParts) {
    this.#parts = parts
  }

  /** The list of an issuer, made where there is none or half its time is over. */
  async current(generation: number): Promise<LocalCrl> {
    const last = this.#last.get(generation)
    return last !== undefined && this.#isFresh(last)
      ? last
      : await this.#inTurn(async () => {
          const known = await this.#lastOf(generation)
          return known !== null && this.#isFresh(known) ? known : await this.#make(generation, known)
        })
  }

  /** A list that holds everything that is revoked by now. */
  async renew(generation: number): Promise<LocalCrl> {
    return await this.#inTurn(async () => this.#make(generation, await this.#lastOf(generation)))
  }

  /** As {@link current}, and anew where something was revoked since that no list holds: a kill came between. */
  async catchUp(generation: number): Promise<LocalCrl> {
    const { ca, store } = this.#parts
    const list = await this.current(generation)
    const revoked = await store.localRevoked(ca, generation, 0)
    return revoked.some(({ revokedAt }) => revokedAt >= list.thisUpdate) ? await this.renew(generation) : list
  }

  async #lastOf(generation: number): Promise<LocalCrl | null> {
    const known = this.#last.get(generation) ?? (await this.#parts.store.localCrl(this.#parts.ca, generation))
    if (known !== null) this.#last.set(generation, known)
    return known
  }

  #isFresh({ thisUpdate, nextUpdate }: LocalCrl): boolean {
    const now = this.#parts.clock.now().wall
    return now >= thisUpdate && now < thisUpdate + (nextUpdate - thisUpdate) / 2
  }

  async #make(generation: number, last: LocalCrl | null): Promise<LocalCrl> {
    const { ca, store, clock, files } = this.#parts
    const { signer } = await this.#parts.issuer(generation)
    // Taken before the store is asked: what is revoked meanwhile counts as revoked after this list.
    const thisUpdate = clock.now().wall
    const nextUpdate = thisUpdate + this.#parts.validity() * 1000
    // RFC 5280 §3.3: what was revoked stays until a list that was made after its end. The last one may be of a clock that was
    // ahead.
    const endsAfter = Math.min(last?.thisUpdate ?? 0, thisUpdate)
    const revoked = await store.localRevoked(ca, generation, endsAfter)
    const number = (last?.number ?? 0) + 1
    const list = signRevocationList({ number, revoked, thisUpdate, nextUpdate }, signer)
    const made: LocalCrl = { ca, generation, number, list, thisUpdate, nextUpdate }
    if (!(await store.putLocalCrl(made))) {
      this.#last.delete(generation)
      throw new Error(`the revocation list ${listName(ca, generation)} was made by another process meanwhile`)
    }
    this.#last.set(generation, made)
    await files.writeList(generation, list)
    return made
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(work, work)
    this.#queue = done.catch(() => undefined)
    return done
  }
}
