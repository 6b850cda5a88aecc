import type { Identifier } from '../acme/identifier.ts'
import { asObject } from '../acme/json.ts'
import { contactsOf, externalAccountBindingOf, identifiersOf } from '../acme/payloads.ts'
import { readAccount } from '../acme/response-objects.ts'
import type { Completed, ObservedResponse } from '../exchange/exchange.ts'
import { locationOf } from '../exchange/learn.ts'
import { LruMap } from '../exchange/lru-map.ts'
import { parseJson } from '../exchange/parse-json.ts'
import type { AccountFacts, Lookups, SeenOrder } from './lookups.ts'
import { orderFactsOf } from './order-facts.ts'

const MOST_ACCOUNTS = 10_000
const MOST_ORDERS = 20_000
/** Milliseconds an answer about an account is taken: so long may a contact be known after it was erased. */
const ACCOUNT_AGE = 60_000

interface KnownAccount<Facts = Partial<AccountFacts>> {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly facts: Facts
}

/**
 * Lookups that remember what went through: an account is known with the answer that made it, though the inventory is a
 * moment behind. What is remembered is bounded, and any of it may be forgotten: then it is looked up.
 */
export class LookupMemory implements Lookups {
  readonly #lookups: Lookups
  readonly #now: () => number
  /** What answers told; newer than what the inventory says. */
  #told = new LruMap<string, KnownAccount>(MOST_ACCOUNTS)
  #looked = new LruMap<string, KnownAccount<AccountFacts>>(MOST_ACCOUNTS)
  #orders = new LruMap<string, SeenOrder>(MOST_ORDERS)

  constructor(lookups: Lookups, now: () => number = Date.now) {
    this.#lookups = lookups
    this.#now = now
  }

  /** For each exchange that has ended, before its client is answered. */
  note(exchange: Completed): void {
    const { outcome, operation } = exchange
    if (outcome.kind !== 'response' || outcome.response.status < 200 || outcome.response.status > 299) return
    if (operation === 'newOrder') this.#noteOrder(exchange)
    else if (operation === 'newAccount' || operation === 'account')
      this.#noteAccount(exchange, outcome.response)
  }

  async account(ca: string, url: string): Promise<AccountFacts | undefined> {
    const key = keyOf(ca, url)
    const told = this.#fresh(this.#told.get(key))
    if (isWhole(told)) return told
    const looked = this.#fresh(this.#looked.get(key))
    if (looked !== undefined) return { ...looked, ...told }
    const found = await this.#lookups.account(ca, url)
    if (found === undefined) return undefined
    this.#looked.set(key, { at: this.#now(), facts: found })
    return { ...found, ...told }
  }

  async order(issuance: string): Promise<SeenOrder | undefined> {
    const known = this.#orders.get(issuance)
    if (known !== undefined) return known
    const found = await this.#lookups.order(issuance)
    if (found !== undefined) this.#orders.set(issuance, found)
    return found
  }

  keyUses(spki: string) {
    return this.#lookups.keyUses(spki)
  }

  isAccountKey(thumbprint: string) {
    return this.#lookups.isAccountKey(thumbprint)
  }

  ordersSince(since: number) {
    return this.#lookups.ordersSince(since)
  }

  /** Forgets what is known of people: somebody was erased from the record. */
  forgetPeople(): void {
    this.#told = new LruMap(MOST_ACCOUNTS)
    this.#looked = new LruMap(MOST_ACCOUNTS)
  }

  #noteOrder({ id, asked, inspection, receivedAt }: Completed): void {
    if (asked?.kind !== 'order') return
    const identifiers: readonly Identifier[] = identifiersOf(inspection?.jws.payload, 'newOrder')
    this.#orders.set(id, { ...orderFactsOf(asked, receivedAt.wall / 1000), identifiers })
  }

  /** RFC 8555 §7.3: 201 is an account with what was asked for, 200 one that was there, as it was. */
  #noteAccount(exchange: Completed, response: ObservedResponse): void {
    const { destination, operation, resource, inspection } = exchange
    if (destination === null) return
    const begun = operation === 'newAccount'
    const url = begun ? locationOf(exchange, response.fields) : (resource?.url ?? null)
    if (url === null) return
    const key = keyOf(destination.ca, url)
    const payload = inspection?.jws.payload
    const isNew = begun && response.status === 201
    const told = readAccount(parseJson(response.decoded)).contact
    const asked = isNew || !begun ? contactsOf(payload) : []
    // RFC 8555 §7.3.2: an update may also take all contacts away.
    const says = asked.length > 0 || isNew || (!begun && Array.isArray(asObject(payload)?.contact))
    const contacts = told.length > 0 ? told : says ? asked : undefined
    const binding = isNew ? (externalAccountBindingOf(payload)?.jws?.header.kid ?? null) : undefined
    const before = this.#fresh(this.#told.get(key))
    this.#told.set(key, {
      at: this.#now(),
      facts: {
        ...before,
        ...(contacts === undefined ? {} : { contacts }),
        ...(binding === undefined ? {} : { externalAccount: binding }),
      },
    })
  }

  #fresh<Facts>(known: KnownAccount<Facts> | undefined): Facts | undefined {
    return known !== undefined && Math.abs(this.#now() - known.at) < ACCOUNT_AGE ? known.facts : undefined
  }
}

function isWhole(facts: Partial<AccountFacts> | undefined): facts is AccountFacts {
  return facts?.contacts !== undefined && facts.externalAccount !== undefined
}

function keyOf(ca: string, url: string): string {
  return `${ca} ${url}`
}
