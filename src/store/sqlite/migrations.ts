import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/**
 * The schema's history, by name in order. Append-only: what has been released is never edited, because a
 * database out there was made by it.
 */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001_record': { up: createRecord },
  '0002_sink_positions': { up: createSinkPositions },
  '0003_events': { up: admitEvents },
}

async function createRecord(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  await schema
    .createTable('facts')
    .addColumn('sequence', 'integer', (column) => column.primaryKey())
    .addColumn('exchange', 'blob', (column) => column.notNull())
    .addColumn('kind', 'integer', (column) => column.notNull().check(sql`kind in (1, 2)`))
    .addColumn('at', 'integer', (column) => column.notNull())
    .addColumn('text', 'text', (column) => column.notNull())
    .addColumn('digest', 'blob', (column) => column.notNull())
    .execute()
  // One intent and one outcome for an exchange, whatever a caller does.
  await schema.createIndex('facts_exchange').on('facts').columns(['exchange', 'kind']).unique().execute()

  await schema
    .createTable('open_intents')
    .addColumn('exchange', 'blob', (column) => column.primaryKey().notNull())
    .addColumn('boot', 'text', (column) => column.notNull())
    .modifyEnd(sql`without rowid`)
    .execute()

  await schema
    .createTable('bodies')
    .addColumn('sequence', 'integer', (column) => column.primaryKey())
    .addColumn('codec', 'integer', (column) => column.notNull())
    .addColumn('size', 'integer', (column) => column.notNull())
    .addColumn('data', 'blob', (column) => column.notNull())
    .execute()

  await schema
    .createTable('blobs')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('digest', 'blob', (column) => column.notNull().unique())
    .addColumn('codec', 'integer', (column) => column.notNull())
    .addColumn('size', 'integer', (column) => column.notNull())
    .addColumn('data', 'blob', (column) => column.notNull())
    .execute()

  await schema
    .createTable('personal')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('digest', 'blob', (column) => column.notNull().unique())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('salt', 'blob', (column) => column.notNull())
    .addColumn('value', 'blob', (column) => column.notNull())
    .execute()
  await schema
    .createIndex('personal_value')
    .on('personal')
    .columns(['kind', 'value'])
    .unique()
    .where(sql.ref('kind'), '<>', 'body')
    .execute()

  // Rows are appended; the one tree with a random key is an index of small numbers, many to a page.
  await schema
    .createTable('resources')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('place', 'integer', (column) => column.notNull())
    .addColumn('ca', 'text', (column) => column.notNull())
    .addColumn('authority', 'text', (column) => column.notNull())
    .addColumn('canonical', 'text', (column) => column.notNull())
    .addColumn('url', 'text', (column) => column.notNull())
    .addColumn('content', 'text', (column) => column.notNull())
    .execute()
  await schema.createIndex('resources_place').on('resources').column('place').execute()

  await schema
    .createTable('account_keys')
    .addColumn('ca', 'text', (column) => column.notNull())
    .addColumn('account', 'text', (column) => column.notNull())
    .addColumn('jwk', 'text', (column) => column.notNull())
    .addColumn('thumbprint', 'text', (column) => column.notNull())
    .addColumn('source', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('account_keys_key', ['ca', 'account'])
    .modifyEnd(sql`without rowid`)
    .execute()

  await schema
    .createTable('boots')
    .addColumn('boot', 'text', (column) => column.primaryKey().notNull())
    .addColumn('at', 'integer', (column) => column.notNull())
    .addColumn('software', 'text', (column) => column.notNull())
    .execute()

  await schema
    .createTable('meta')
    .addColumn('name', 'text', (column) => column.primaryKey().notNull())
    .addColumn('value', 'text', (column) => column.notNull())
    .execute()
}

async function createSinkPositions(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('sink_positions')
    .addColumn('name', 'text', (column) => column.primaryKey().notNull())
    .addColumn('sequence', 'integer', (column) => column.notNull())
    .addColumn('outcomes', 'integer', (column) => column.notNull())
    .addColumn('lines', 'integer', (column) => column.notNull())
    .execute()
}

async function admitEvents(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  // A copy of the table would take as long, and as much disk again, as the record is long. A CHECK is nowhere but in
  // the schema's own text, which SQLite lets be changed (its page on ALTER TABLE, making other kinds of changes).
  const version = await sql<{ schema_version: number }>`pragma schema_version`.execute(db)
  await sql`pragma writable_schema = on`.execute(db)
  await sql`update sqlite_schema set sql = replace(sql, 'kind in (1, 2)', 'kind in (1, 2, 3)') where name = 'facts'`.execute(
    db,
  )
  await sql`pragma schema_version = ${sql.lit((version.rows[0]?.schema_version ?? 0) + 1)}`.execute(db)
  await sql`pragma writable_schema = reset`.execute(db)

  await schema
    .createTable('tokens')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('role', 'text', (column) => column.notNull())
    .addColumn('digest', 'blob', (column) => column.notNull().unique())
    .addColumn('created_at', 'integer', (column) => column.notNull())
    .addColumn('expires', 'integer')
    .execute()

  await schema
    .createTable('blob_uses')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('used', 'integer', (column) => column.notNull())
    .execute()
  await schema.createIndex('blob_uses_used').on('blob_uses').column('used').execute()
  await schema
    .createTable('personal_uses')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('used', 'integer', (column) => column.notNull())
    .addColumn('fact', 'integer')
    .execute()
  await schema.createIndex('personal_uses_used').on('personal_uses').column('used').execute()
  await schema
    .createIndex('personal_uses_fact')
    .on('personal_uses')
    .column('fact')
    .where(sql.ref('fact'), 'is not', null)
    .execute()
  // When they were last used nobody wrote down; the upgrade is certainly later.
  const last = sql`coalesce((select at from facts order by sequence desc limit 1), 0)`
  await sql`insert into blob_uses select id, ${last} from blobs`.execute(db)
  await sql`insert into personal_uses select id, ${last}, null from personal`.execute(db)

  await remakePersonal(db)
}

/** Pages that were split before deleted content was overwritten may hold copies of values, which nothing would erase. */
async function remakePersonal(db: Kysely<unknown>): Promise<void> {
  const { schema } = db
  await sql`pragma secure_delete = on`.execute(db)
  await schema
    .createTable('personal_anew')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('digest', 'blob', (column) => column.notNull().unique())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('salt', 'blob', (column) => column.notNull())
    .addColumn('value', 'blob', (column) => column.notNull())
    .execute()
  await sql`insert into personal_anew select id, digest, kind, salt, value from personal order by id`.execute(
    db,
  )
  await schema.dropTable('personal').execute()
  await schema.alterTable('personal_anew').renameTo('personal').execute()
  await schema
    .createIndex('personal_value')
    .on('personal')
    .columns(['kind', 'value'])
    .unique()
    .where(sql.ref('kind'), '<>', 'body')
    .execute()
}
