/**
 * The inventory's tables, in a database file of their own (`inventory.sqlite` beside the record): derived from the
 * facts, in their order, by one thread; deleting the file loses nothing that the record still tells. Rows of objects
 * are merged so that taking in a fact twice changes nothing: the first sighting is a minimum, the last a maximum, what
 * an answer does not say stays as it was.
 *
 * `sequence` is always that of a fact; times are µs since 1970. Words that repeat (CAs, modes, operations, problem
 * types, diagnosis classes …) are numbers of `words`. Personal values are digests (hex) into the record's `personal`.
 */
import type { Generated } from 'kysely'
import type { Happening } from '../../../audit/inventory/happening.ts'

/** `position`: sequence number and digest of the last fact taken in; `stream`; `schema`. */
export interface StateTable {
  name: string
  value: string
}

export interface WordsTable {
  id: Generated<number>
  word: string
}

/** Identifiers. `reversed` is the labels from the right, each followed by a dot (`com.example.www.`): subdomains are a range. */
export interface NamesTable {
  id: Generated<number>
  type: number
  value: string
  reversed: string
}

/** A set of identifiers, as orders and certificates have it. `digest`: SHA-256 of the sorted identifiers, first 16 bytes. */
export interface NameSetsTable {
  id: Generated<number>
  digest: Buffer
  /** JSON: the identifiers in the order first seen. */
  identifiers: string
}

export interface NameSetMembersTable {
  name: number
  names: number
}

/** One row per intent; the outcome fills the rest in. Facts themselves are read from the record. */
export interface ExchangesTable {
  sequence: number
  at: number
  /** Sequence number of the outcome; null while it runs. */
  ended: number | null
  ca: number | null
  mode: number
  operation: number
  outcome: number | null
  status: number | null
  problem: number | null
  diagnosis: number | null
  account: number | null
  client: number | null
  names: number | null
  order_id: number | null
}

/** First and last intent of each hour (µs / 3600e6), so that a time leads to sequence numbers. */
export interface HoursTable {
  hour: number
  first: number
  last: number
}

export interface AccountsTable {
  id: Generated<number>
  key: string
  ca: number
  url: string
  status: string | null
  thumbprint: string | null
  key_type: string | null
  /** JSON: digests. */
  contacts: string
  requester: string | null
  external_account: string | null
  /** JSON: µs. */
  key_changes: string
  first_sequence: number
  last_sequence: number
  first_at: number
  last_at: number
}

export interface ClientsTable {
  id: Generated<number>
  key: string
  account: number | null
  /** Digest. */
  source: string | null
  /** Digest of a proxy user, or a Host or a broker's label as `host:…`. */
  label: string | null
  program: string | null
  /** JSON. */
  versions: string
  user_agent: string | null
  /** JSON: words. */
  modes: string
  asked_ari_at: number | null
  first_sequence: number
  last_sequence: number
  first_at: number
  last_at: number
}

export interface OrdersTable {
  id: Generated<number>
  key: string
  ca: number
  url: string
  account: number | null
  client: number | null
  names: number | null
  status: string | null
  expires: number | null
  profile: string | null
  replaces: string | null
  not_before: number | null
  not_after: number | null
  requests: number
  /** JSON: as in the object; null until finalize. */
  csr: string | null
  certificate: number | null
  certificate_url: string | null
  finalized_at: number | null
  error_type: string | null
  error_detail: string | null
  /** Of its error, or of the challenge that failed; what comes with time alone is judged when it is read. */
  diagnosis: number | null
  first_sequence: number
  last_sequence: number
  first_at: number
  last_at: number
}

export interface AuthorizationsTable {
  id: Generated<number>
  key: string
  ca: number
  url: string
  account: number | null
  name: number | null
  wildcard: number
  status: string | null
  expires: number | null
  valid_sequence: number | null
  first_sequence: number
  last_sequence: number
}

export interface OrderAuthorizationsTable {
  order_id: number
  authorization: number
  /** 1: it was valid when the order named it. */
  reused: number
}

export interface ChallengesTable {
  id: Generated<number>
  key: string
  ca: number
  url: string
  authorization: number | null
  account: number | null
  type: string | null
  status: string | null
  answered_at: number | null
  judged_at: number | null
  error_type: string | null
  error_detail: string | null
  diagnosis: number | null
  first_sequence: number
  last_sequence: number
  first_at: number
  last_at: number
}

export interface CertificatesTable {
  id: Generated<number>
  /** SHA-256 of the DER, hex. */
  fingerprint: string
  serial: string
  ca: number | null
  names: number | null
  common_name: string | null
  issuer: string
  not_before: number
  not_after: number
  key_type: string | null
  key_bits: number | null
  spki: string
  ari_id: string | null
  profile: string | null
  /** JSON. */
  chain: string
  alternates: string
  url: string | null
  order_id: number | null
  account: number | null
  client: number | null
  replaces: number | null
  replaced_by: number | null
  revoked_at: number | null
  revocation_reason: number | null
  revoked_by: string | null
  window_start: number | null
  window_end: number | null
  window_asked_at: number | null
  window_explanation: string | null
  source: string
  /** JSON: host, path, at, unmanaged. */
  imported: string | null
  /** Exchange (or event) and digest of the body that holds it. */
  exchange: string | null
  body: string | null
  first_sequence: number
  last_sequence: number
  first_at: number
}

export interface CertificateDownloadsTable {
  certificate: number
  account: number | null
  first_at: number
  last_at: number
}

export interface FailuresTable {
  id: Generated<number>
  key: string
  /** Of the intent that showed it first. */
  sequence: number
  exchange: string
  at: number
  ca: number | null
  mode: number
  operation: number
  account: number | null
  client: number | null
  names: number | null
  challenge: number | null
  challenge_type: string | null
  order_id: number | null
  outcome: number
  status: number | null
  problem: number | null
  detail: string | null
  diagnosis: number
  /** JSON: details of the diagnosis. */
  details: string
}

export interface RateLimitsTable {
  sequence: number
  exchange: string
  at: number
  ca: number | null
  account: number | null
  client: number | null
  names: number | null
  operation: number
  by: string
  limit_name: string
  key: string | null
  until: number | null
  detail: string | null
}

/** What was seen first, for the rules of alerts: a row for each, of the last 8 days. */
export interface HappeningsTable {
  /** Of the outcome that showed it; `n` counts what one fact showed. */
  fact: number
  n: number
  kind: Happening['kind']
  at: number
  exchange: string
  ca: number | null
  mode: number
  operation: number
  account: number | null
  client: number | null
  order_id: number | null
  names: number | null
  /** JSON: what is of its kind alone. */
  body: string
}

/** Ended exchanges by hour. `kept` 1: of facts that are gone for their age, added when they went; 0: made from facts. */
export interface SummaryTable {
  hour: number
  ca: number
  mode: number
  operation: number
  outcome: number
  problem: number
  diagnosis: number
  kept: number
  exchanges: number
}

/** `summary` added up over days (UTC), by triggers of its own: who writes the one has written the other. */
export interface SummaryDaysTable extends Omit<SummaryTable, 'hour' | 'kept'> {
  day: number
}

export interface InventoryTables {
  state: StateTable
  words: WordsTable
  names: NamesTable
  name_sets: NameSetsTable
  name_set_members: NameSetMembersTable
  exchanges: ExchangesTable
  hours: HoursTable
  accounts: AccountsTable
  clients: ClientsTable
  orders: OrdersTable
  authorizations: AuthorizationsTable
  order_authorizations: OrderAuthorizationsTable
  challenges: ChallengesTable
  certificates: CertificatesTable
  certificate_downloads: CertificateDownloadsTable
  failures: FailuresTable
  rate_limits: RateLimitsTable
  happenings: HappeningsTable
  summary: SummaryTable
  summary_days: SummaryDaysTable
}
