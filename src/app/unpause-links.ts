import { readProblem } from '../acme/response-objects.ts'
import type { Completed } from '../exchange/exchange.ts'
import { LruMap } from '../exchange/lru-map.ts'
import { parseJson } from '../exchange/parse-json.ts'

/** Accounts whose link is remembered. */
const CAPACITY = 1000
const LINK = /\bplease visit:? (https:\/\/[^\s"'<>]{1,4096}[?&]jwt=[^\s"'<>]{1,4096})/i

/**
 * The links with which a CA lets the owner of a paused account go on. Whoever has one acts for the account, so they
 * are nowhere but in this memory: the record has them redacted, a restart forgets them, and the CA's next refusal
 * brings a new one.
 */
export class UnpauseLinks {
  readonly #links = new LruMap<string, string>(CAPACITY)

  note(exchange: Completed): void {
    const { outcome, operation, inspection, destination } = exchange
    if (operation !== 'newOrder' || outcome.kind !== 'response' || outcome.response.status < 400) return
    const account = inspection?.jws.header.kid
    if (account === undefined || !destination) return
    const { detail } = readProblem(parseJson(outcome.response.decoded))
    const link = detail === null ? null : LINK.exec(detail)?.[1]
    if (link) this.#links.set(account, link.replace(/[.,;]$/, ''))
  }

  /** By the account's URL; null where none is remembered. */
  of(account: string): string | null {
    return this.#links.get(account) ?? null
  }
}
