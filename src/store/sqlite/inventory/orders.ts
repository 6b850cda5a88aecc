import type Database from 'better-sqlite3'
import type { OrderChange } from '../../../audit/inventory/project/change.ts'
import { LruMap } from '../../../exchange/lru-map.ts'
import type { Authorizations } from './authorizations.ts'
import { detailOfError, furthest, mergeStatement } from './merge-statement.ts'
import type { Moment } from './moment.ts'
import { objectKey } from './object-key.ts'
import type { Vocabulary } from './vocabulary.ts'

export interface OrderRow {
  readonly id: number
  readonly key: string
  readonly status: string | null
  readonly names: number | null
  /** It had never been seen. */
  readonly isNew: boolean
}

/** As it stands before a fact is taken in. */
export interface OrderStage {
  readonly status: string | null
  readonly expires: number | null
  readonly finalized_at: number | null
}

/** What a certificate takes over from the order it was issued for. */
export interface OrderOfCertificate {
  readonly id: number
  readonly account: number | null
  readonly client: number | null
  readonly profile: string | null
  readonly replaces: string | null
}

/** Rows of orders, and which authorizations they name. */
export class Orders {
  readonly #run: ReturnType<typeof statements>
  readonly #vocabulary: Vocabulary
  readonly #authorizations: Authorizations
  /** Authorizations that an order is known to name, and since which fact, so that a poll does not tell them again. */
  #linked = new LruMap<number, { readonly said: string; readonly first: number }>(5_000)
  #ids = new LruMap<string, number>(5_000)

  constructor(db: Database.Database, vocabulary: Vocabulary, authorizations: Authorizations) {
    this.#run = statements(db)
    this.#vocabulary = vocabulary
    this.#authorizations = authorizations
  }

  find(ca: string, url: string): number | null {
    const key = objectKey('order', ca, url)
    const known = this.#ids.get(key)
    if (known !== undefined) return known
    const id = this.#run.find.get(key)?.id
    if (id === undefined) return null
    this.#ids.set(key, id)
    return id
  }

  take(change: OrderChange, moment: Moment): OrderRow {
    const { first, firstAt, sequence, at } = moment
    const key = objectKey('order', moment.caName, change.url)
    const isNew = this.find(moment.caName, change.url) === null
    const row = this.#run.merge.get(
      key,
      moment.ca,
      change.url,
      moment.account,
      moment.client,
      this.#vocabulary.set(change.identifiers),
      change.status,
      change.expires,
      change.profile,
      change.replaces,
      change.notBefore,
      change.notAfter,
      change.requested && moment.isNew ? 1 : 0,
      change.csr === null ? null : JSON.stringify(change.csr),
      change.certificateUrl,
      change.finalizedAt,
      change.error?.type ?? null,
      change.error?.detail ?? null,
      first,
      sequence,
      firstAt,
      at,
    )!
    this.#ids.set(key, row.id)
    this.#link(row.id, change, moment)
    if (row.status === 'valid') this.#run.wellAgain.run(row.id)
    return { ...row, key, isNew }
  }

  /** How far an order had come; undefined before it was seen. */
  stageOf(ca: string, url: string): OrderStage | undefined {
    const id = this.find(ca, url)
    return id === null ? undefined : this.#run.stage.get(id)
  }

  ofCertificate(id: number): OrderOfCertificate | null {
    return this.#run.ofCertificate.get(id) ?? null
  }

  findByCertificateUrl(ca: number, url: string): number | null {
    return this.#run.byCertificateUrl.get(url, ca)?.id ?? null
  }

  /** The first that was downloaded stays. */
  deliver(id: number, certificate: number): void {
    this.#run.deliver.run(certificate, id)
  }

  /**
   * Why an order that is not valid failed or stands still. `weak`: it is told only where no challenge of the order
   * has failed, which says more.
   */
  diagnose(id: number, diagnosis: number, weak: boolean): void {
    if (weak && this.#run.failedChallenge.get(id) !== undefined) return
    this.#run.diagnose.run(diagnosis, id)
  }

  /**
   * Orders fail with any of their authorizations (RFC 8555 §7.1.6): clients often ask no more of them. One that went
   * on from pending had no failed authorization, whatever this one says.
   */
  failBy(authorization: number): void {
    if (this.#isFailed(authorization)) this.#run.failBy.run(authorization)
  }

  /** Orders that name an authorization. */
  naming(authorization: number): readonly { readonly id: number; readonly key: string }[] {
    return this.#run.naming.all(authorization)
  }

  forget(): void {
    this.#linked = new LruMap(5_000)
    this.#ids = new LruMap(5_000)
  }

  #isFailed(authorization: number): boolean {
    return this.#run.isFailed.get({ id: authorization }) !== undefined
  }

  #link(
    order: number,
    { authorizations, identifiers, requested, status }: OrderChange,
    moment: Moment,
  ): void {
    if (authorizations.length === 0) return
    // RFC 8555 §7.1.3: which authorization is for which identifier is not said.
    const [identifier = null] = identifiers.length === 1 ? identifiers : []
    const said = JSON.stringify([identifier, ...authorizations])
    const linked = this.#linked.get(order)
    if (linked?.said === said && linked.first <= moment.first) return
    // RFC 8555 §7.1.6: an order that begins as ready has nothing left to authorize.
    const isReady = requested && (status === 'ready' || status === 'valid')
    for (const url of authorizations) {
      const { id, validSequence } = this.#authorizations.name(url, identifier, moment)
      const reused = isReady || (validSequence !== null && validSequence < moment.sequence)
      if (this.#run.link.run(order, id, reused ? 1 : 0).changes === 0) continue
      const failed = this.#run.failedAt.get(id)
      if (failed !== undefined) this.#run.diagnose.run(failed.diagnosis, order)
      if (this.#isFailed(id)) this.#run.fail.run(order)
    }
    this.#linked.set(order, { said, first: moment.first })
  }
}

/** The first of the stages below: pending, not told, or a word of no stage. */
const BEFORE_READY = "ifnull(status, '') not in ('ready', 'processing', 'valid', 'invalid')"

function statements(db: Database.Database) {
  return {
    find: db.prepare<[string], { id: number }>('select id from orders where key = ?'),
    merge: db.prepare<unknown[], Omit<OrderRow, 'key' | 'isNew'>>(
      mergeStatement(
        'orders',
        'key',
        {
          ca: 'first',
          url: 'first',
          account: 'first',
          client: 'first',
          names: 'latest',
          status: furthest('orders', [['pending'], ['ready'], ['processing'], ['valid', 'invalid']]),
          expires: 'latest',
          profile: 'latest',
          replaces: 'first',
          not_before: 'first',
          not_after: 'first',
          requests: 'sum',
          csr: 'latest',
          certificate_url: 'latest',
          finalized_at: 'min',
          error_type: 'latest',
          error_detail: detailOfError('orders'),
          first_sequence: 'min',
          last_sequence: 'max',
          first_at: 'min',
          last_at: 'max',
        },
        'id, status, names',
      ),
    ),
    stage: db.prepare<[number], OrderStage>('select status, expires, finalized_at from orders where id = ?'),
    wellAgain: db.prepare<[number]>(
      'update orders set diagnosis = null where id = ? and diagnosis is not null',
    ),
    ofCertificate: db.prepare<[number], OrderOfCertificate>(
      'select id, account, client, profile, replaces from orders where id = ?',
    ),
    byCertificateUrl: db.prepare<[string, number], { id: number }>(
      'select id from orders where certificate_url = ? and ca = ? order by first_sequence limit 1',
    ),
    deliver: db.prepare<[number, number]>(
      'update orders set certificate = coalesce(certificate, ?) where id = ?',
    ),
    diagnose: db.prepare<[number, number]>(
      "update orders set diagnosis = ? where id = ? and status is not 'valid'",
    ),
    failedChallenge: db.prepare<[number], { found: 1 }>(
      `select 1 as found from order_authorizations as oa join challenges as h on h.authorization = oa.authorization
       where oa.order_id = ? and h.status = 'invalid' and h.diagnosis is not null limit 1`,
    ),
    failedAt: db.prepare<[number], { diagnosis: number }>(
      `select diagnosis from challenges
       where authorization = ? and status = 'invalid' and diagnosis is not null order by last_sequence desc limit 1`,
    ),
    isFailed: db.prepare<{ id: number }, { found: 1 }>(
      `select 1 as found from authorizations as z where z.id = :id and (z.status = 'invalid' or z.status is not 'valid'
       and exists (select 1 from challenges as h where h.authorization = z.id and h.status = 'invalid'))`,
    ),
    fail: db.prepare<[number]>(`update orders set status = 'invalid' where id = ? and ${BEFORE_READY}`),
    failBy: db.prepare<[number]>(
      `update orders set status = 'invalid' where ${BEFORE_READY}
       and id in (select order_id from order_authorizations where authorization = ?)`,
    ),
    link: db.prepare<[number, number, number]>(
      'insert or ignore into order_authorizations (order_id, authorization, reused) values (?, ?, ?)',
    ),
    naming: db.prepare<[number], { id: number; key: string }>(
      `select o.id, o.key from order_authorizations as oa join orders as o on o.id = oa.order_id
       where oa.authorization = ? order by o.first_sequence desc limit 100`,
    ),
  }
}
