import type Database from 'better-sqlite3'
import type { LocalCertificate, LocalCrl, RevokedSerial } from '../../../broker/local-ca/local-ca-store.ts'
import { RowRefused } from '../row-refused.ts'

/** What local CAs signed, and their last lists. Nothing here begins or ends a transaction. */
export class LocalCaRows {
  readonly #run: ReturnType<typeof statements>

  constructor(db: Database.Database) {
    this.#run = statements(db)
  }

  add(certificate: LocalCertificate): LocalCertificate {
    const { ca, serial, order } = certificate
    const kept = this.#run.ofOrder.get(ca, order)
    if (kept !== undefined) return kept
    if (this.#run.certificate.get(ca, serial) !== undefined)
      throw new RowRefused(`the local CA ${ca} has signed a certificate with serial ${serial} already`)
    this.#run.add.run(certificate)
    return certificate
  }

  certificate(ca: string, serial: string): LocalCertificate | null {
    return this.#run.certificate.get(ca, serial) ?? null
  }

  certificates(ca: string | null, revoked: boolean | null, limit: number): LocalCertificate[] {
    const state = revoked === null ? null : Number(revoked)
    return ca === null
      ? this.#run.certificates.all(state, state, limit)
      : this.#run.ofCa.all(ca, state, state, limit)
  }

  revoke(ca: string, serial: string, at: number, reason: number): 'revoked' | 'alreadyRevoked' | null {
    if (this.#run.revoke.run(at, reason, ca, serial).changes === 1) return 'revoked'
    return this.#run.certificate.get(ca, serial) === undefined ? null : 'alreadyRevoked'
  }

  revoked(ca: string, generation: number, endsAfter: number): RevokedSerial[] {
    return this.#run.revoked.all(ca, generation, endsAfter)
  }

  crl(ca: string, generation: number): LocalCrl | null {
    return this.#run.crl.get(ca, generation) ?? null
  }

  putCrl(crl: LocalCrl): boolean {
    if (crl.number !== (this.#run.crlNumber.get(crl.ca, crl.generation) ?? 0) + 1) return false
    this.#run.putCrl.run(crl)
    return true
  }

  lastEnd(ca: string, generation: number): number | null {
    return this.#run.lastEnd.get(ca, generation) ?? null
  }

  /** At most `limit`. How many. */
  prune(before: number, limit: number): number {
    return this.#run.prune.run(before, limit).changes
  }
}

function statements(db: Database.Database) {
  const columns = `ca, generation, serial, order_id as "order", certificate, not_before as notBefore,
    not_after as notAfter, issued_at as issuedAt, revoked_at as revokedAt, reason`
  return {
    add: db.prepare<[LocalCertificate]>(
      `insert into local_certificates (ca, generation, serial, order_id, certificate, not_before, not_after,
         issued_at, revoked_at, reason)
       values (@ca, @generation, @serial, @order, @certificate, @notBefore, @notAfter, @issuedAt, @revokedAt,
         @reason)`,
    ),
    ofOrder: db.prepare<[string, string], LocalCertificate>(
      `select ${columns} from local_certificates where ca = ? and order_id = ?`,
    ),
    certificate: db.prepare<[string, string], LocalCertificate>(
      `select ${columns} from local_certificates where ca = ? and serial = ?`,
    ),
    certificates: db.prepare<[number | null, number | null, number], LocalCertificate>(
      `select ${columns} from local_certificates indexed by local_certificates_issued
       where (? is null or (revoked_at is not null) = ?) order by issued_at desc, serial desc limit ?`,
    ),
    ofCa: db.prepare<[string, number | null, number | null, number], LocalCertificate>(
      `select ${columns} from local_certificates indexed by local_certificates_of_ca
       where ca = ? and (? is null or (revoked_at is not null) = ?)
       order by issued_at desc, serial desc limit ?`,
    ),
    revoke: db.prepare<[number, number, string, string]>(
      'update local_certificates set revoked_at = ?, reason = ? where ca = ? and serial = ? and revoked_at is null',
    ),
    revoked: db.prepare<[string, number, number], RevokedSerial>(
      `select serial, revoked_at as revokedAt, reason from local_certificates
       indexed by local_certificates_revoked
       where ca = ? and generation = ? and revoked_at is not null and not_after > ? order by serial`,
    ),
    crl: db.prepare<[string, number], LocalCrl>(
      `select ca, generation, number, list, this_update as thisUpdate, next_update as nextUpdate
       from local_crls where ca = ? and generation = ?`,
    ),
    crlNumber: db
      .prepare<[string, number], number>('select number from local_crls where ca = ? and generation = ?')
      .pluck(),
    putCrl: db.prepare<[LocalCrl]>(
      `insert into local_crls (ca, generation, number, list, this_update, next_update)
       values (@ca, @generation, @number, @list, @thisUpdate, @nextUpdate)
       on conflict do update set number = excluded.number, list = excluded.list,
         this_update = excluded.this_update, next_update = excluded.next_update`,
    ),
    lastEnd: db
      .prepare<[string, number], number | null>(
        'select max(not_after) from local_certificates where ca = ? and generation = ?',
      )
      .pluck(),
    prune: db.prepare<[number, number]>(
      `delete from local_certificates where (ca, serial) in (
         select ca, serial from local_certificates where not_after < ? limit ?
       )`,
    ),
  }
}
