import type { ExchangeListFilter } from '../../../../audit/inventory/exchange-filter.ts'
import type { Page } from '../../../../audit/inventory/values.ts'
import type { RecordedExchange } from '../../../../audit/record-store.ts'
import type { ExchangeId } from '../../../../exchange/exchange-id.ts'
import { exchangeKey } from '../../../exchange-key.ts'
import { INTENT } from '../../../tables.ts'
import { filtersOf, NOTHING, pageOfList, type Reading } from './common.ts'
import { ExchangeFacts } from './exchange-facts.ts'
import type { Filters } from './filters.ts'
import type { List } from './walk.ts'

const EXCHANGES: List = {
  table: 'exchanges as e',
  position: 'e.sequence',
  id: 'e.sequence',
  scan: 'not indexed',
}

const EXCHANGE_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** The list of exchanges: found in the inventory, told by the record. */
export class Exchanges {
  readonly #reading: Reading
  readonly #facts: ExchangeFacts

  constructor(reading: Reading) {
    this.#reading = reading
    this.#facts = new ExchangeFacts(reading.record, reading.personal)
  }

  async page(filter: ExchangeListFilter): Promise<Page<RecordedExchange>> {
    const { inventory, vocabulary, names } = this.#reading
    const filters = filtersOf(this.#reading)
    const { ca, account, client, name, mode, operation, outcome, status, problem, diagnosis } = filter
    if (ca !== undefined) filters.oneOf('e.ca', [vocabulary.ca(ca)])
    if (account !== undefined) filters.oneOf('e.account', vocabulary.accounts(account), 'exchanges_account')
    if (client !== undefined) filters.oneOf('e.client', [vocabulary.client(client)], 'exchanges_client')
    if (name !== undefined)
      filters.nameSets(names, name, 'e.names', { index: 'exchanges_names', kind: 'windows' })
    filters.between('e.at', filter.since, filter.until)
    if (mode !== undefined) filters.words('e.mode', [mode])
    if (operation !== undefined) filters.words('e.operation', [operation])
    if (outcome === 'running')
      filters.add('e.ended is null', [], { index: 'exchanges_running', kind: 'ordered' })
    else if (outcome !== undefined) filters.words('e.outcome', [outcome])
    if (status !== undefined) filters.oneOf('e.status', [status])
    if (problem !== undefined) filters.words('e.problem', vocabulary.problems(problem), 'exchanges_problem')
    if (diagnosis !== undefined) filters.words('e.diagnosis', [diagnosis], 'exchanges_diagnosis')
    if (filter.order !== undefined) this.#ofOrder(filters, filter.order)
    const belongs = filter.issuance === undefined ? null : this.#ofIssuance(filters, filter.issuance)
    if (filters.impossible) {
      filters.search('exchanges', filter.cursor, filter.limit)
      return NOTHING
    }
    return pageOfList(this.#reading, 'exchanges', EXCHANGES, filters, filter, (sequence) => {
      const row = inventory.get<{ ended: number | null }>(
        'select ended from exchanges where sequence = ?',
        sequence,
      )
      const exchange = row === undefined ? null : this.#facts.exchange(sequence, row.ended)
      return exchange !== null && (belongs === null || belongs(exchange)) ? exchange : null
    })
  }

  #ofOrder(filters: Filters, key: string): void {
    const row = this.#reading.inventory.get<{ id: number }>('select id from orders where key = ?', key)
    filters.oneOf('e.order_id', row === undefined ? [] : [row.id], 'exchanges_order')
  }

  /**
   * An issuance is what its newOrder exchange began: found by the order that came of it (which other newOrders may
   * have been answered with too), told by the facts.
   */
  #ofIssuance(filters: Filters, id: string): (exchange: RecordedExchange) => boolean {
    const begun = EXCHANGE_ID.test(id)
      ? this.#reading.record.get<{ sequence: number }>(
          'select sequence from facts where exchange = ? and kind = ?',
          exchangeKey(id as ExchangeId),
          INTENT,
        )
      : undefined
    const row =
      begun &&
      this.#reading.inventory.get<{ order_id: number | null }>(
        'select order_id from exchanges where sequence = ?',
        begun.sequence,
      )
    if (begun === undefined || row === undefined) filters.impossible = true
    else if (row.order_id === null) filters.add('e.sequence = ?', [begun.sequence])
    else filters.oneOf('e.order_id', [row.order_id], 'exchanges_order')
    return ({ id: own, intent, outcome }) => own === id || intent.issuance === id || outcome?.issuance === id
  }
}
