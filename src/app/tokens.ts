import { OperationRefused, type ShownToken } from '../api/operations.ts'
import type { Actor, EventContent, EventDetails } from '../audit/event.ts'
import { newToken, tokenDigest } from '../audit/new-token.ts'
import type { Role, Token, TokenStore } from '../audit/token.ts'
import type { Clock } from '../exchange/clock.ts'

const NAME = /^[\p{L}\p{N}][\p{L}\p{N} ._@-]{0,63}$/u

/** The tokens of the admin listener, all in memory: there are few, and each request asks. */
export class Tokens {
  readonly #store: TokenStore
  readonly #clock: Clock
  readonly #instance: () => string
  readonly #byDigest: Map<string, Token>

  private constructor(store: TokenStore, clock: Clock, instance: () => string, known: readonly Token[]) {
    this.#store = store
    this.#clock = clock
    this.#instance = instance
    this.#byDigest = new Map(known.map((token) => [token.digest, token]))
  }

  static async open(store: TokenStore, clock: Clock, instance: () => string): Promise<Tokens> {
    return new Tokens(store, clock, instance, await store.tokens())
  }

  list(): readonly ShownToken[] {
    return [...this.#byDigest.values()].map(shown).sort((a, b) => a.createdAt - b.createdAt)
  }

  /** Null for a text that is no token, or one that has expired. */
  authenticate(text: string): ShownToken | null {
    const token = this.#byDigest.get(tokenDigest(text))
    if (token === undefined) return null
    return token.expires !== null && token.expires <= this.#clock.now().wall ? null : shown(token)
  }

  /** Rejects with OperationRefused for a name that is taken or none. */
  async create(
    { name, role, expires }: { readonly name: string; readonly role: Role; readonly expires: number | null },
    actor: Actor,
  ): Promise<{ readonly token: ShownToken; readonly text: string }> {
    const now = this.#clock.now().wall
    if (!NAME.test(name)) {
      throw new OperationRefused(
        'name: must be 1 to 64 letters, digits, spaces or ._@-, first a letter or digit',
      )
    }
    if ([...this.#byDigest.values()].some((token) => token.name === name)) {
      throw new OperationRefused(
        `there is a token called ${JSON.stringify(name)} already; revoke it first`,
        409,
      )
    }
    if (expires !== null && expires <= now) throw new OperationRefused('expires: must lie in the future')
    const { id, text, digest } = newToken()
    const token: Token = { id, name, role, digest, createdAt: now, expires }
    await this.#store.addToken(
      token,
      this.#event({ event: 'tokenCreated', token: id, name, role, expires }, actor),
    )
    this.#byDigest.set(digest, token)
    return { token: shown(token), text }
  }

  async revoke(id: string, actor: Actor): Promise<void> {
    const token = [...this.#byDigest.values()].find((one) => one.id === id)
    if (token === undefined) throw new OperationRefused('there is no token with this id', 404)
    await this.#store.removeToken(
      id,
      this.#event({ event: 'tokenRevoked', token: id, name: token.name }, actor),
    )
    this.#byDigest.delete(token.digest)
  }

  #event(details: EventDetails, actor: Actor): EventContent {
    return { ...details, actor, instance: this.#instance() }
  }
}

function shown({ id, name, role, createdAt, expires }: Token): ShownToken {
  return { id, name, role, createdAt, expires }
}
