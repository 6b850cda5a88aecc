import type Database from 'better-sqlite3'
import type { Owner } from '../../../broker/broker-store.ts'
import type { BrokerCertificate } from '../../../broker/objects.ts'
import { RowRefused } from '../row-refused.ts'

/** As much of a certificate as stands beside its body. */
export type CertificateColumns = Pick<
  BrokerCertificate,
  'id' | 'account' | 'endpoint' | 'order' | 'fingerprint' | 'ariId' | 'notAfter'
>

/** Certificates of the broker. Nothing here begins or ends a transaction. */
export class CertificateRows {
  readonly #run: ReturnType<typeof statements>

  constructor(db: Database.Database) {
    this.#run = statements(db)
  }

  certificate({ endpoint, account }: Owner, id: string): string | null {
    return this.#run.certificate.get(id, account, endpoint) ?? null
  }

  byFingerprint(endpoint: string, fingerprint: string): string | null {
    return this.#run.byFingerprint.get(fingerprint, endpoint) ?? null
  }

  byAriId(endpoint: string, ariId: string): string | null {
    return this.#run.byAriId.get(ariId, endpoint) ?? null
  }

  add(
    { id, account, endpoint, order, fingerprint, ariId, notAfter }: CertificateColumns,
    body: string,
  ): void {
    if (this.#run.any.get(id) !== undefined) throw new RowRefused(`there is the certificate ${id} already`)
    this.#run.add.run(id, account, endpoint, order, fingerprint, ariId, notAfter, body)
  }

  put({ endpoint, account }: Owner, id: string, revokedAt: number | null, replacedBy: string | null): void {
    if (this.#run.put.run(revokedAt, replacedBy, id, account, endpoint).changes === 0)
      throw new RowRefused(`there is no certificate ${id}`)
  }

  /** At most `limit`, with their orders. How many of both. */
  prune(before: number, limit: number): number {
    const over = this.#run.over.all(before, limit)
    let count = over.length
    for (const { number, id, account, endpoint } of over) {
      this.#run.remove.run(number)
      count += this.#run.removeOrder.run(id, account, endpoint).changes
    }
    return count
  }
}

interface Over extends Owner {
  readonly number: number
  /** Of its order. */
  readonly id: string
}

function statements(db: Database.Database) {
  return {
    certificate: db
      .prepare<[string, string, string], string>(
        'select body from certificates where id = ? and account = ? and endpoint = ?',
      )
      .pluck(),
    any: db.prepare<[string], number>('select 1 from certificates where id = ?').pluck(),
    byFingerprint: db
      .prepare<[string, string], string>(
        `select body from certificates where fingerprint = ? and endpoint = ? order by number desc limit 1`,
      )
      .pluck(),
    byAriId: db
      .prepare<[string, string], string>(
        'select body from certificates where ari_id = ? and endpoint = ? order by number desc limit 1',
      )
      .pluck(),
    add: db.prepare<[string, string, string, string, string, string | null, number, string]>(
      `insert into certificates (id, account, endpoint, order_id, fingerprint, ari_id, not_after, body)
       values (?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    put: db.prepare<[number | null, string | null, string, string, string]>(
      `update certificates set body = json_set(body, '$.revokedAt', coalesce(?, body ->> '$.revokedAt'),
       '$.replacedBy', coalesce(?, body ->> '$.replacedBy')) where id = ? and account = ? and endpoint = ?`,
    ),
    over: db.prepare<[number, number], Over>(
      'select number, order_id as id, account, endpoint from certificates where not_after < ? limit ?',
    ),
    remove: db.prepare<[number]>('delete from certificates where number = ?'),
    removeOrder: db.prepare<[string, string, string]>(
      'delete from orders where id = ? and account = ? and endpoint = ?',
    ),
  }
}
