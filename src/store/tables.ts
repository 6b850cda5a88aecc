/**
 * src/store puts SQL behind the ports of audit and exchange. It knows no HTTP and decides nothing.
 * Start here: the tables, as both databases have them. Nothing has a foreign key: evidence outlives its subject.
 */
import type { Generated } from 'kysely'
import type { FactKind } from '../audit/record.ts'

/** The record: append-only, one row per fact. What the other columns say, `text` says too; they are for finding. */
interface FactsTable {
  sequence: number
  /** The 16 bytes of the UUID: UUIDv7 ascend, so the index grows at its right edge. */
  exchange: Buffer
  kind: number
  at: number
  text: string
  digest: Buffer
}

/** Exchanges whose outcome is still to come, so that a start after a crash reads only these. */
interface OpenIntentsTable {
  exchange: Buffer
  boot: string
}

/** The bodies of one fact that do not repeat, packed into one row (see body-pack.ts): an append, no random key. */
interface BodiesTable {
  sequence: number
  codec: number
  size: number
  data: Buffer
}

/** Bodies that come again and again (directories, certificates), once each. */
interface BlobsTable {
  id: Generated<number>
  digest: Buffer
  codec: number
  size: number
  data: Buffer
}

/**
 * When facts last referred to what they share, so that it can go when they have gone: times of those facts in µs, to a
 * day. Apart from the values, which are then written once and leave no copies behind. Every value has a row here.
 */
interface UsesTable {
  id: number
  used: number
}

interface PersonalUsesTable extends UsesTable {
  /** Of a body: the one that refers to it; null where that was before this table. Null for values that facts share. */
  fact: number | null
}

/** The one place of personal data. Facts hold only `digest` = SHA-256(salt ‖ value). */
interface PersonalTable {
  id: Generated<number>
  digest: Buffer
  kind: string
  salt: Buffer
  value: Buffer
}

/** One row per CA, authority and URL; the writer keeps it so. */
interface ResourcesTable {
  id: Generated<number>
  /** 48 bits of a digest of CA, authority and canonical target (see resource-place.ts). */
  place: number
  ca: string
  authority: string
  canonical: string
  url: string
  /** JSON: the members of a Resource that are not columns. */
  content: string
}

interface AccountKeysTable {
  ca: string
  account: string
  jwk: string
  thumbprint: string
  source: string
}

/** How far each sink has come; see SinkPosition. */
interface SinkPositionsTable {
  name: string
  sequence: number
  outcomes: number
  lines: number
}

/** Bearer tokens of the admin listener; `digest` is SHA-256 of the text, which is nowhere. */
interface TokensTable {
  id: string
  name: string
  role: string
  digest: Buffer
  created_at: number
  expires: number | null
}

interface BootsTable {
  boot: string
  at: number
  software: string
}

interface MetaTable {
  name: string
  value: string
}

export interface Tables {
  facts: FactsTable
  open_intents: OpenIntentsTable
  bodies: BodiesTable
  blobs: BlobsTable
  blob_uses: UsesTable
  personal: PersonalTable
  personal_uses: PersonalUsesTable
  resources: ResourcesTable
  account_keys: AccountKeysTable
  tokens: TokensTable
  boots: BootsTable
  sink_positions: SinkPositionsTable
  meta: MetaTable
}

/** `facts.kind`. */
export const INTENT = 1
export const OUTCOME = 2
export const EVENT = 3
export const FACT_KINDS: Readonly<Record<FactKind, number>> = {
  intent: INTENT,
  outcome: OUTCOME,
  event: EVENT,
}
