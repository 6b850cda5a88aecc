import type {
  AccountBinding,
  InventoryLookups,
  OrdersPage,
  TakenOrders,
} from '../../../../audit/inventory/inventory-lookups.ts'
import type { Reading } from './common.ts'
import { ExchangeFacts } from './exchange-facts.ts'
import type { Named } from './names.ts'
import { HOUR } from './vocabulary.ts'

/** Exchanges that are looked at for one page: some ms. */
const STRETCH = 20_000
/** Rows of one key that are looked at: what is used more often than this is used for more than one set. */
const MOST_ROWS = 500

/** Answers what decisions ask. */
export class Lookups implements InventoryLookups {
  readonly #reading: Reading
  readonly #facts: ExchangeFacts

  constructor(reading: Reading) {
    this.#reading = reading
    this.#facts = new ExchangeFacts(reading.record, reading.personal)
  }

  async accountBinding(ca: string, url: string): Promise<AccountBinding | null> {
    const { inventory, vocabulary, personal } = this.#reading
    const row = inventory.get<{ contacts: string; external_account: string | null }>(
      'select contacts, external_account from accounts indexed by accounts_url where url = ? and ca = ?',
      url,
      vocabulary.id(ca) ?? -1,
    )
    if (row === undefined) return null
    const contacts = JSON.parse(row.contacts) as string[]
    return {
      contacts: contacts.map((digest) => personal.value(digest)),
      externalAccount: row.external_account,
    }
  }

  async namesOfKey(spki: string, limit: number): Promise<readonly (readonly string[])[]> {
    const { inventory, names } = this.#reading
    const certified = inventory.all<{ names: number | null }>(
      'select names from certificates indexed by certificates_key where spki = ? limit ?',
      spki,
      MOST_ROWS,
    )
    // Known with the order, before anybody downloads the certificate.
    const ordered = inventory.all<{ csr: string }>(
      `select csr from orders indexed by orders_key
       where json_extract(csr, '$.spki') = ? and csr is not null and finalized_at is not null limit ?`,
      spki,
      MOST_ROWS,
    )
    const sets = new Map<string, readonly string[]>()
    const add = (named: readonly Named[]) => {
      const set = [...new Set(named.map(({ value }) => value.toLowerCase()))].sort()
      if (set.length > 0 && sets.size < limit) sets.set(set.join(' '), set)
    }
    for (const row of certified) add(names.set(row.names))
    for (const { csr } of ordered) add((JSON.parse(csr) as { names: readonly Named[] }).names)
    return [...sets.values()]
  }

  async hasAccountKey(thumbprint: string): Promise<boolean> {
    return (
      this.#reading.inventory.get(
        'select 1 from accounts indexed by accounts_thumbprint where thumbprint = ? limit 1',
        thumbprint,
      ) !== undefined
    )
  }

  async takenOrders({ since, after, limit }: OrdersPage): Promise<TakenOrders> {
    const { inventory, vocabulary } = this.#reading
    const first = inventory.get<{ first: number | null }>(
      'select min(first) as first from hours where hour >= ?',
      Math.floor(since / HOUR),
    )?.first
    const last = inventory.get<{ last: number | null }>('select max(sequence) as last from exchanges')?.last
    if (first === null || first === undefined || last === null || last === undefined)
      return { orders: [], next: null }
    const from = Math.max(after, first - 1)
    const rows = inventory.all<{ sequence: number; ended: number | null }>(
      `select sequence, ended from exchanges not indexed
       where sequence > ? and sequence <= ? and operation = ? and at >= ? and status between 200 and 299
       order by sequence limit ?`,
      from,
      from + STRETCH,
      vocabulary.id('newOrder') ?? -1,
      since,
      limit,
    )
    const reached = rows.length === limit ? rows.at(-1)!.sequence : from + STRETCH
    const orders = rows.map(({ sequence, ended }) => this.#facts.exchange(sequence, ended))
    return { orders: orders.filter((order) => order !== null), next: reached < last ? reached : null }
  }
}
