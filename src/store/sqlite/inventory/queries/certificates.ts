import type { CertificateFilter, InventoriedCertificate } from '../../../../audit/inventory/certificate.ts'
import { FilterRefused, instantOf, type Page } from '../../../../audit/inventory/values.ts'
import { decodeBytes, unpackBodies } from '../../../body-pack.ts'
import { exchangeKey } from '../../../exchange-key.ts'
import { filtersOf, pageOfList, type Reading } from './common.ts'
import type { Filters } from './filters.ts'
import { instantOrNull } from './orders.ts'
import type { CertificateRow } from './rows.ts'
import type { List } from './walk.ts'

const CERTIFICATES: List = {
  table: 'certificates as c',
  position: 'c.first_sequence',
  id: 'c.id',
  scan: 'indexed by certificates_first',
}

const DAY = 86_400_000_000

/** Word for word the conditions of the partial indexes. */
const CURRENT = 'c.revoked_at is null and c.replaced_by is null'
const IMPORTED = 'c.imported is not null'

const imports = { index: 'certificates_imported', kind: 'ordered' } as const

/** The list of certificates. `since` and `until`: those that were first seen within that time. */
export function certificates(
  reading: Reading,
  filter: CertificateFilter,
): Promise<Page<InventoriedCertificate>> {
  const { vocabulary, names } = reading
  const filters = filtersOf(reading)
  const { ca, account, client, name, serial, issuer, source, unmanaged } = filter
  if (ca !== undefined) filters.oneOf('c.ca', [vocabulary.ca(ca)])
  if (account !== undefined) filters.oneOf('c.account', vocabulary.accounts(account), 'certificates_account')
  if (client !== undefined) filters.oneOf('c.client', [vocabulary.client(client)], 'certificates_client')
  if (name !== undefined)
    filters.nameSets(names, name, 'c.names', { index: 'certificates_names', kind: 'few' })
  filters.between('c.first_at', filter.since, filter.until)
  if (serial !== undefined)
    filters.add('c.serial = ?', [serialOf(serial)], { index: 'certificates_serial', kind: 'few' })
  for (const part of issuer === undefined ? [] : wordsOf(issuer))
    filters.add('instr(lower(c.issuer), lower(?)) > 0', [part])
  if (source === 'imported') filters.add(`c.source = ? and ${IMPORTED}`, [source], imports)
  else if (source !== undefined) filters.add('c.source = ?', [source])
  if (unmanaged === true)
    filters.add(`json_extract(c.imported, '$.unmanaged') = 1 and ${IMPORTED}`, [], imports)
  else if (unmanaged === false) filters.add("coalesce(json_extract(c.imported, '$.unmanaged'), 0) = 0", [])
  ofState(filters, filter, reading.now())
  return pageOfList(reading, 'certificates', CERTIFICATES, filters, filter, (id) =>
    certificateOf(
      reading,
      reading.inventory.get<CertificateRow>('select * from certificates where id = ?', id),
    ),
  )
}

function ofState(filters: Filters, { state, expires_before }: CertificateFilter, now: number): void {
  const before = expires_before === undefined ? null : expiryOf(expires_before, now)
  const expiry = { index: 'certificates_expiry', kind: 'few' } as const
  if (state === 'valid') {
    const until = before === null ? '' : 'and c.not_after < ? '
    filters.add(`c.not_after > ? ${until}and ${CURRENT}`, before === null ? [now] : [now, before], {
      index: 'certificates_current',
      kind: 'few',
    })
    return
  }
  if (state === 'expired') filters.add('c.not_after <= ?', [now], expiry)
  else if (state === 'revoked') filters.add('c.revoked_at is not null', [])
  else if (state === 'replaced') filters.add('c.replaced_by is not null', [])
  if (before !== null) filters.add('c.not_after < ?', [before], expiry)
}

/** µs since 1970. Throws FilterRefused. */
function expiryOf(text: string, now: number): number {
  const days = /^(\d{1,5})d$/.exec(text)
  if (days) return now + Number(days[1]) * DAY
  const at = Date.parse(text)
  if (Number.isNaN(at))
    throw new FilterRefused(
      'expires_before',
      'must be a number of days from now like 30d, or a time like 2026-01-31T12:00:00Z',
    )
  return at * 1000
}

function wordsOf(issuer: string): string[] {
  const words = issuer.split(/\s+/).filter((text) => text !== '')
  if (words.length === 0) throw new FilterRefused('issuer', 'must be words of the name of an issuer')
  return words
}

/** As they are kept: lower-case hex without leading zeros. */
function serialOf(text: string): string {
  return text
    .replaceAll(':', '')
    .toLowerCase()
    .replace(/^0+(?=.)/, '')
}

/** By fingerprint, or by serial number: of several CAs' certificates with one serial number the newest. */
export function certificate(reading: Reading, id: string): InventoriedCertificate | null {
  const hex = id.replaceAll(':', '').toLowerCase()
  const row =
    reading.inventory.get<CertificateRow>('select * from certificates where fingerprint = ?', hex) ??
    reading.inventory.get<CertificateRow>(
      'select * from certificates where serial = ? order by first_sequence desc limit 1',
      serialOf(id),
    )
  return certificateOf(reading, row)
}

interface CodedRow {
  readonly codec: number
  readonly size: number
  readonly data: Buffer
}

/** The text that was delivered with it, from the record. */
export function certificatePem({ inventory, record }: Reading, fingerprint: string): string | null {
  const row = inventory.get<{ body: string | null; exchange: string | null }>(
    'select body, exchange from certificates where fingerprint = ?',
    fingerprint.replaceAll(':', '').toLowerCase(),
  )
  if (row === undefined || row.body === null) return null
  const digest = Buffer.from(row.body, 'hex')
  const blob = record.get<CodedRow>('select codec, size, data from blobs where digest = ?', digest)
  if (blob !== undefined) return decodeBytes(blob).toString('latin1')
  if (row.exchange === null) return null
  // An answer that was known for a certificate only once it was there.
  const packed = record.all<CodedRow>(
    'select b.codec, b.size, b.data from facts as f join bodies as b on b.sequence = f.sequence where f.exchange = ?',
    exchangeKey(row.exchange),
  )
  const bodies = packed.flatMap((coded) => unpackBodies(decodeBytes(coded)))
  return bodies.find((body) => body.digest.equals(digest))?.bytes.toString('latin1') ?? null
}

function certificateOf(reading: Reading, row: CertificateRow | undefined): InventoriedCertificate | null {
  if (row === undefined) return null
  const { inventory, vocabulary, names, references } = reading
  const downloads = inventory.all<{ account: number | null; first_at: number; last_at: number }>(
    'select account, first_at, last_at from certificate_downloads where certificate = ? order by first_at limit 100',
    row.id,
  )
  return {
    fingerprint: row.fingerprint,
    serial: row.serial,
    ca: vocabulary.wordOrNull(row.ca),
    identifiers: names.set(row.names).map(({ type, value }) => ({ type, value })),
    commonName: row.common_name,
    issuer: row.issuer,
    notBefore: instantOf(row.not_before),
    notAfter: instantOf(row.not_after),
    keyType: row.key_type,
    keyBits: row.key_bits,
    spki: row.spki,
    ariId: row.ari_id,
    profile: row.profile,
    chain: JSON.parse(row.chain) as InventoriedCertificate['chain'],
    alternates: JSON.parse(row.alternates) as string[],
    order: references.orderId(row.order_id),
    account: references.accountOf(row.account),
    client: references.clientId(row.client),
    downloadedBy: downloads.map(({ account, first_at, last_at }) => ({
      account: references.account(account)?.url ?? null,
      firstAt: instantOf(first_at),
      lastAt: instantOf(last_at),
    })),
    replaces: references.fingerprint(row.replaces),
    replacedBy: references.fingerprint(row.replaced_by),
    revokedAt: instantOrNull(row.revoked_at),
    revocationReason: row.revocation_reason,
    revokedBy: row.revoked_by as InventoriedCertificate['revokedBy'],
    renewalWindow: windowOf(row),
    source: row.source as InventoriedCertificate['source'],
    imported: importedOf(row.imported),
    exchange: row.exchange,
    firstSeen: instantOf(row.first_at),
  }
}

function windowOf(row: CertificateRow): InventoriedCertificate['renewalWindow'] {
  const { window_start: start, window_end: end, window_asked_at: asked, window_explanation } = row
  if (start === null || end === null || asked === null) return null
  return {
    start: instantOf(start),
    end: instantOf(end),
    askedAt: instantOf(asked),
    explanation: window_explanation,
  }
}

/** `at` is kept in µs, as all times of the tables are. */
function importedOf(text: string | null): InventoriedCertificate['imported'] {
  if (text === null) return null
  const { host, path, at, unmanaged } = JSON.parse(text) as {
    host: string
    path: string
    at: number
    unmanaged: boolean
  }
  return { host, path, at: instantOf(at), unmanaged }
}
