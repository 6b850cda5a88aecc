import type Database from 'better-sqlite3'
import type { ChainLink, LeafFacts } from '../../../acme/certificate.ts'
import type {
  CertificateChange,
  RenewalWindowChange,
  RevocationChange,
} from '../../../audit/inventory/project/change.ts'
import type { Moment } from './moment.ts'
import type { OrderOfCertificate } from './orders.ts'
import type { Vocabulary } from './vocabulary.ts'

interface Row {
  readonly id: number
  readonly names: number | null
  readonly not_before: number
  readonly chain: string
  readonly alternates: string
  readonly order_id: number | null
  readonly client: number | null
  readonly source: string
  readonly body: string | null
}

/** Where one stands among those of the same identifiers and the same CA. */
interface Place {
  readonly ca: number | null
  readonly names: number | null
  readonly not_before: number
  readonly first_sequence: number
  readonly fingerprint: string
}

/** Rows of certificates: one for each fingerprint, whoever downloaded it, in whichever chain, or imported it. */
export class Certificates {
  readonly #run: ReturnType<typeof statements>
  readonly #vocabulary: Vocabulary

  constructor(db: Database.Database, vocabulary: Vocabulary) {
    this.#run = statements(db)
    this.#vocabulary = vocabulary
  }

  /** `order`: that it was issued for. `isNew`: no CA had told of it before. */
  take(
    change: CertificateChange,
    order: OrderOfCertificate | null,
    moment: Moment,
  ): { readonly id: number; readonly isNew: boolean } {
    const { chain, imported } = change
    const known = this.#run.find.get(chain.leaf.fingerprint)
    const id = known?.id ?? this.#insert(chain.leaf, imported ? 'imported' : 'observed', moment)
    // What was only imported, or only revoked, until now is told anew by the CA.
    const isFirstTold =
      known === undefined || (imported === null && (known.source === 'imported' || known.body === null))
    if (isFirstTold) {
      const ca = imported ? this.#vocabulary.wordOrNull(imported.ca) : moment.ca
      this.#run.tell.run(
        ca,
        imported ? 'imported' : 'observed',
        change.url,
        JSON.stringify(chain.chain),
        moment.exchange,
        change.body,
        id,
      )
    } else if (imported === null) {
      this.#addAlternate(known, chain.chain)
    }
    if (known !== undefined) this.#run.see.run(moment.first, moment.sequence, moment.firstAt, change.body, id)
    if (imported) {
      const { host, path, at, unmanaged } = imported
      this.#run.importedAs.run({ text: JSON.stringify({ host, path, at, unmanaged }), id })
    } else {
      this.#download(id, moment)
    }
    const isNewOrder = order !== null && (known?.order_id ?? null) === null
    if (isNewOrder) this.#run.order.run(order.id, order.account, order.client, order.profile, id)
    // A brokered certificate: acmetap's order at the CA is seen first; whose it is says that of the client it was obtained for.
    else if (known?.client === null && order?.client != null) this.#run.client.run(order.client, id)
    if (known === undefined || isNewOrder) this.#relate(id, order)
    return { id, isNew: imported === null && (known === undefined || known.source === 'imported') }
  }

  /** One that was never delivered through here is known from now on. */
  revoke({ leaf, reason, by }: RevocationChange, moment: Moment): void {
    const known = this.#run.find.get(leaf.fingerprint)
    const id = known?.id ?? this.#insert(leaf, 'observed', moment)
    if (known === undefined) {
      this.#run.tell.run(moment.ca, 'observed', null, '[]', moment.exchange, null, id)
      this.#relate(id, null)
    }
    this.#run.revoke.run({ at: moment.at, reason, by, id })
  }

  suggestWindow({ ariId, start, end, explanation }: RenewalWindowChange, { ca, at }: Moment): void {
    this.#run.suggest.run(start, end, at, explanation, ariId, ca, at)
  }

  #insert(leaf: LeafFacts, source: string, { first, firstAt, sequence }: Moment): number {
    return this.#run.insert.get(
      leaf.fingerprint,
      leaf.serial,
      this.#vocabulary.set(leaf.identifiers),
      leaf.commonName,
      leaf.issuer,
      leaf.notBefore,
      leaf.notAfter,
      leaf.keyType,
      leaf.keyBits,
      leaf.spki,
      leaf.ariId,
      source,
      first,
      sequence,
      firstAt,
    )!.id
  }

  /** RFC 8555 §7.4.2: the same certificate with another chain. */
  #addAlternate(row: Row, chain: readonly ChainLink[]): void {
    const last = chain.at(-1)
    if (last === undefined || JSON.stringify(chain) === row.chain) return
    const alternates = JSON.parse(row.alternates) as string[]
    const main = (JSON.parse(row.chain) as ChainLink[]).at(-1)
    if (main === undefined || main.fingerprint === last.fingerprint || alternates.includes(last.subject))
      return
    this.#run.alternates.run(JSON.stringify([...alternates, last.subject].sort()), row.id)
  }

  #download(certificate: number, { account, at }: Moment): void {
    if (this.#run.downloadAgain.run(at, at, certificate, account).changes === 0) {
      this.#run.download.run(certificate, account, at, at)
    }
  }

  /**
   * Which certificate it follows and which follows it: the one its order said it replaces (RFC 9773 §5), else the
   * neighbour among those of the same identifiers, of the same CA as far as it is known: a certificate of a CA for
   * tests takes no other's place.
   */
  #relate(id: number, order: OrderOfCertificate | null): void {
    const place = this.#run.place.get(id)!
    const named = order === null ? undefined : this.#named(id, order, place)
    const before = place.names === null ? undefined : this.#run.before.get(place)
    const after = place.names === null ? undefined : this.#run.after.get(place)
    this.#run.replaces.run(named?.id ?? before?.id ?? null, id)
    if (named !== undefined) this.#run.replacedBy.run(id, named.id)
    if (before !== undefined && this.#run.saidReplacer.get(before.id) === undefined) {
      this.#run.replacedBy.run(id, before.id)
    }
    if (after === undefined) return
    if (this.#run.saidReplaced.get(after.id) === undefined) this.#run.replaces.run(id, after.id)
    if (this.#run.saidReplacer.get(id) === undefined) this.#run.replacedBy.run(after.id, id)
  }

  /** RFC 9773 §5: of the same account, or with an identifier in common. A CA that knows no `replaces` checks nothing. */
  #named(
    id: number,
    { replaces, account }: OrderOfCertificate,
    { ca, names }: Place,
  ): { id: number } | undefined {
    if (replaces === null) return undefined
    return this.#run.byAriId
      .all(replaces, id, ca)
      .find(
        (one) =>
          (account !== null && one.account === account) || this.#vocabulary.haveCommon(one.names, names),
      )
  }
}

function statements(db: Database.Database) {
  return {
    find: db.prepare<[string], Row>(
      'select id, names, not_before, chain, alternates, order_id, client, source, body from certificates where fingerprint = ?',
    ),
    insert: db.prepare<unknown[], { id: number }>(
      `insert into certificates (fingerprint, serial, names, common_name, issuer, not_before, not_after, key_type, key_bits,
         spki, ari_id, source, chain, alternates, first_sequence, last_sequence, first_at)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '[]', '[]', ?, ?, ?) returning id`,
    ),
    tell: db.prepare<unknown[]>(
      `update certificates set ca = coalesce(?, ca), source = ?, url = ?, chain = ?, exchange = ?, body = ? where id = ?`,
    ),
    see: db.prepare<unknown[]>(
      `update certificates set first_sequence = min(first_sequence, ?), last_sequence = max(last_sequence, ?),
       first_at = min(first_at, ?), body = coalesce(body, ?) where id = ?`,
    ),
    /** The last import tells. */
    importedAs: db.prepare<unknown[]>(
      `update certificates set imported = @text where id = @id
       and (imported is null or json_extract(imported, '$.at') <= json_extract(@text, '$.at'))`,
    ),
    client: db.prepare<unknown[]>('update certificates set client = ? where id = ?'),
    order: db.prepare<unknown[]>(
      'update certificates set order_id = ?, account = ?, client = ?, profile = ? where id = ?',
    ),
    alternates: db.prepare<unknown[]>('update certificates set alternates = ? where id = ?'),
    downloadAgain: db.prepare<unknown[]>(
      `update certificate_downloads set first_at = min(first_at, ?), last_at = max(last_at, ?)
       where certificate = ? and account is ?`,
    ),
    download: db.prepare<unknown[]>(
      'insert into certificate_downloads (certificate, account, first_at, last_at) values (?, ?, ?, ?)',
    ),
    revoke: db.prepare<unknown[]>(
      `update certificates set revoked_at = min(coalesce(revoked_at, @at), @at),
       revocation_reason = coalesce(revocation_reason, @reason), revoked_by = coalesce(revoked_by, @by) where id = @id`,
    ),
    suggest: db.prepare<unknown[]>(
      `update certificates set window_start = ?, window_end = ?, window_asked_at = ?, window_explanation = ?
       where ari_id = ? and (ca = ? or ca is null) and (window_asked_at is null or window_asked_at <= ?)`,
    ),
    place: db.prepare<[number], Place>(
      'select ca, names, not_before, first_sequence, fingerprint from certificates where id = ?',
    ),
    byAriId: db.prepare<
      [string, number, number | null],
      { id: number; account: number | null; names: number | null }
    >(
      `select id, account, names from certificates where ari_id = ? and id <> ? and (ca is null or ca = ?)
       order by first_sequence limit 20`,
    ),
    // Of those made in the same second, the one seen first is the older.
    before: db.prepare<[Place], { id: number }>(
      `select id from certificates where names = @names and not_before <= @not_before
       and (not_before, first_sequence, fingerprint) < (@not_before, @first_sequence, @fingerprint)
       and (ca = @ca or ca is null or @ca is null)
       order by not_before desc, first_sequence desc, fingerprint desc limit 1`,
    ),
    after: db.prepare<[Place], { id: number }>(
      `select id from certificates where names = @names and not_before >= @not_before
       and (not_before, first_sequence, fingerprint) > (@not_before, @first_sequence, @fingerprint)
       and (ca = @ca or ca is null or @ca is null)
       order by not_before, first_sequence, fingerprint limit 1`,
    ),
    replaces: db.prepare<unknown[]>('update certificates set replaces = ? where id = ?'),
    replacedBy: db.prepare<unknown[]>('update certificates set replaced_by = ? where id = ?'),
    /** The one that replaces it says so itself. */
    saidReplacer: db.prepare<[number], { id: number }>(
      `select n.id from certificates as c join certificates as n on n.id = c.replaced_by and n.replaces = c.id
       join orders as o on o.id = n.order_id where c.id = ? and o.replaces = c.ari_id`,
    ),
    /** Its order said which one it replaces. */
    saidReplaced: db.prepare<[number], { id: number }>(
      `select p.id from certificates as c join certificates as p on p.id = c.replaces
       join orders as o on o.id = c.order_id where c.id = ? and o.replaces = p.ari_id`,
    ),
  }
}
