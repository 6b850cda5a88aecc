import { isDeepStrictEqual } from 'node:util'
import type Database from 'better-sqlite3'
import type { OrderPage, Owner } from '../../../broker/broker-store.ts'
import type { BrokerAuthorization, BrokerOrder, BrokerOrderStatus } from '../../../broker/objects.ts'
import { RowRefused } from '../row-refused.ts'

/** As much of an order as stands beside its body; `authorizations` where its waiting for them begins or ends. */
export interface OrderColumns extends Owner {
  readonly id: string
  readonly ca: string
  readonly status: BrokerOrderStatus
  readonly changedAt: number
  readonly authorizations: readonly string[]
}

export interface AuthorizationColumns extends Owner {
  readonly id: string
  /** See {@link nameOf}. */
  readonly name: string
  readonly status: BrokerAuthorization['status']
  /** See {@link isBeingValidated}: 1 or 0. */
  readonly validating: number
  readonly expiresAt: number
  readonly body: string
}

/** Orders, authorizations, and which pending orders wait for which. Nothing here begins or ends a transaction. */
export class OrderRows {
  readonly #run: ReturnType<typeof statements>

  constructor(db: Database.Database) {
    this.#run = statements(db)
  }

  order({ endpoint, account }: Owner, id: string): string | null {
    return this.#run.order.get(id, account, endpoint) ?? null
  }

  anyOrder(id: string): string | null {
    return this.#run.anyOrder.get(id) ?? null
  }

  ordersOf({ endpoint, account }: Owner, from: string | null, limit: number): OrderPage {
    const begin =
      from === null ? Number.MAX_SAFE_INTEGER : (this.#run.number.get(from, account, endpoint) ?? 0)
    const ids = this.#run.ordersOf.all(account, endpoint, begin, limit + 1)
    return { orders: ids.slice(0, limit), next: ids[limit] ?? null }
  }

  openOrders(): string[] {
    return this.#run.openOrders.all()
  }

  orders(endpoint: string | null, ca: string | null, limit: number): string[] {
    if (ca !== null) return this.#run.ordersAt.all(ca, endpoint, endpoint, limit)
    return endpoint === null ? this.#run.orders.all(limit) : this.#run.ordersFor.all(endpoint, limit)
  }

  addOrder(order: OrderColumns, body: string, authorizations: readonly AuthorizationColumns[]): void {
    for (const authorization of authorizations) this.addAuthorization(authorization)
    const { id, account, endpoint, ca, status, changedAt } = order
    if (this.#run.anyOrder.get(id) !== undefined) throw new RowRefused(`there is the order ${id} already`)
    const { lastInsertRowid } = this.#run.addOrder.run(id, account, endpoint, ca, status, changedAt, body)
    if (status === 'pending') this.#await(Number(lastInsertRowid), order.authorizations)
  }

  /** Null as `expected`: any that has not ended; throws where it has. */
  putOrder(
    order: OrderColumns,
    body: string,
    expected: Pick<BrokerOrder, 'status' | 'changedAt'> | null,
  ): boolean {
    const { id, account, endpoint, ca, status, changedAt, authorizations } = order
    const kept = this.#run.standing.get(id, account, endpoint)
    if (kept === undefined) throw new RowRefused(`there is no order ${id}`)
    if (expected === null) {
      if (kept.status === 'valid' || kept.status === 'invalid')
        throw new RowRefused(`the order ${id} has ended`)
    } else if (kept.status !== expected.status || kept.changed_at !== expected.changedAt) return false
    this.#run.putOrder.run(ca, status, changedAt, body, kept.number)
    if (kept.status !== 'pending' && status === 'pending') this.#await(kept.number, authorizations)
    if (kept.status === 'pending' && status !== 'pending')
      for (const authorization of authorizations) this.#run.awaitNoMore.run(authorization, kept.number)
    return true
  }

  authorization({ endpoint, account }: Owner, id: string): string | null {
    return this.#run.authorization.get(id, account, endpoint) ?? null
  }

  authorizations(owner: Owner, ids: readonly string[]): string[] {
    return ids.flatMap((id) => this.authorization(owner, id) ?? [])
  }

  reusable({ endpoint, account }: Owner, names: readonly string[], until: number): string[] {
    return names.flatMap(
      (name) =>
        this.#run.reusable.get(account, endpoint, name, 'valid', until) ??
        this.#run.reusable.get(account, endpoint, name, 'pending', until) ??
        [],
    )
  }

  addAuthorization(authorization: AuthorizationColumns): void {
    const { id, account, endpoint, name, status, validating, expiresAt, body } = authorization
    if (this.#run.anyAuthorization.get(id) !== undefined)
      throw new RowRefused(`there is the authorization ${id} already`)
    this.#run.addAuthorization.run(id, account, endpoint, name, status, validating, expiresAt, body)
  }

  putAuthorization(
    { id, account, endpoint, status, challenges, expiresAt }: BrokerAuthorization,
    expected: Pick<BrokerAuthorization, 'status' | 'challenges'>,
  ): boolean {
    const text = this.#run.authorization.get(id, account, endpoint)
    if (text === undefined) throw new RowRefused(`there is no authorization ${id}`)
    const kept = JSON.parse(text) as BrokerAuthorization
    if (kept.status !== expected.status || !isDeepStrictEqual(kept.challenges, expected.challenges))
      return false
    const body = JSON.stringify({ ...kept, status, challenges, expiresAt })
    const validating = Number(isBeingValidated({ status, challenges }))
    this.#run.putAuthorization.run(status, validating, expiresAt, body, id, account, endpoint)
    return true
  }

  beingValidated(): string[] {
    return this.#run.beingValidated.all()
  }

  pendingOrdersOf({ endpoint, account }: Owner, authorization: string): string[] {
    return this.#run.pendingOrdersOf.all(authorization, account, endpoint)
  }

  /** At most `limit`. How many. */
  pruneOrders(before: number, limit: number): number {
    return this.#run.pruneOrders.run(before, limit).changes
  }

  /** As {@link pruneOrders}. */
  pruneAuthorizations(before: number, limit: number): number {
    return this.#run.pruneAuthorizations.run(before, limit).changes
  }

  #await(order: number, authorizations: readonly string[]): void {
    for (const authorization of authorizations) this.#run.await.run(authorization, order)
  }
}

/** By what an authorization is found again: one line for identifier and kind. */
export function nameOf({
  identifier,
  wildcard,
}: Pick<BrokerAuthorization, 'identifier' | 'wildcard'>): string {
  return `${identifier.type} ${wildcard ? '*.' : ''}${identifier.value}`
}

export function isBeingValidated({
  status,
  challenges,
}: Pick<BrokerAuthorization, 'status' | 'challenges'>): boolean {
  return status === 'pending' && challenges.some((challenge) => challenge.status === 'processing')
}

interface Standing {
  readonly number: number
  readonly status: BrokerOrderStatus
  readonly changed_at: number
}

function statements(db: Database.Database) {
  const owned = 'where id = ? and account = ? and endpoint = ?'
  return {
    order: db.prepare<[string, string, string], string>(`select body from orders ${owned}`).pluck(),
    number: db.prepare<[string, string, string], number>(`select number from orders ${owned}`).pluck(),
    standing: db.prepare<[string, string, string], Standing>(
      `select number, status, changed_at from orders ${owned}`,
    ),
    anyOrder: db.prepare<[string], string>('select body from orders where id = ?').pluck(),
    ordersOf: db
      .prepare<[string, string, number, number], string>(
        `select id from orders indexed by orders_account
         where account = ? and endpoint = ? and number <= ? and status <> 'invalid'
         order by number desc limit ?`,
      )
      .pluck(),
    openOrders: db
      .prepare<[], string>(
        `select body from orders indexed by orders_open where status not in ('valid', 'invalid')
         order by number`,
      )
      .pluck(),
    orders: db.prepare<[number], string>('select body from orders order by number desc limit ?').pluck(),
    ordersFor: db
      .prepare<[string, number], string>(
        'select body from orders where endpoint = ? order by number desc limit ?',
      )
      .pluck(),
    ordersAt: db
      .prepare<[string, string | null, string | null, number], string>(
        `select body from orders indexed by orders_ca where ca = ? and (? is null or endpoint = ?)
         order by number desc limit ?`,
      )
      .pluck(),
    addOrder: db.prepare<[string, string, string, string, string, number, string]>(
      'insert into orders (id, account, endpoint, ca, status, changed_at, body) values (?, ?, ?, ?, ?, ?, ?)',
    ),
    putOrder: db.prepare<[string, string, number, string, number]>(
      'update orders set ca = ?, status = ?, changed_at = ?, body = ? where number = ?',
    ),
    await: db.prepare<[string, number]>(
      'insert into awaited (authorization, order_number) values (?, ?) on conflict do nothing',
    ),
    awaitNoMore: db.prepare<[string, number]>(
      'delete from awaited where authorization = ? and order_number = ?',
    ),
    pendingOrdersOf: db
      .prepare<[string, string, string], string>(
        `select orders.id from awaited cross join orders on orders.number = awaited.order_number
         where awaited.authorization = ? and orders.account = ? and orders.endpoint = ?
         order by awaited.order_number`,
      )
      .pluck(),
    authorization: db
      .prepare<[string, string, string], string>(`select body from authorizations ${owned}`)
      .pluck(),
    anyAuthorization: db.prepare<[string], number>('select 1 from authorizations where id = ?').pluck(),
    reusable: db
      .prepare<[string, string, string, string, number], string>(
        `select body from authorizations indexed by authorizations_name
         where account = ? and endpoint = ? and name = ? and status = ? and status in ('valid', 'pending')
         and expires_at > ? order by expires_at desc limit 1`,
      )
      .pluck(),
    addAuthorization: db.prepare<[string, string, string, string, string, number, number, string]>(
      `insert into authorizations (id, account, endpoint, name, status, validating, expires_at, body)
       values (?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    putAuthorization: db.prepare<[string, number, number, string, string, string, string]>(
      `update authorizations set status = ?, validating = ?, expires_at = ?, body = ? ${owned}`,
    ),
    beingValidated: db
      .prepare<[], string>(
        `select body from authorizations indexed by authorizations_validating where validating = 1
         order by number`,
      )
      .pluck(),
    pruneOrders: db.prepare<[number, number]>(
      `delete from orders where number in (
         select number from orders indexed by orders_invalid
         where status = 'invalid' and changed_at < ? limit ?
       )`,
    ),
    pruneAuthorizations: db.prepare<[number, number]>(
      `delete from authorizations where number in (
         select number from authorizations indexed by authorizations_end
         where expires_at < ? and not exists (
           select 1 from awaited where awaited.authorization = authorizations.id
         ) limit ?
       )`,
    ),
  }
}
