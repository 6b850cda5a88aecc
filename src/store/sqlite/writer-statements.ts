import type Database from 'better-sqlite3'
import { sql } from 'kysely'
import type { SinkPosition } from '../../audit/sinks/sink-positions.ts'
import type { Tables } from '../tables.ts'
import { builder, prepare } from './statements.ts'

export type TokenRow = Tables['tokens']

const nothing = Buffer.alloc(0)

/** Everything the writer runs, prepared once. The order of each statement's parameters is that of its columns. */
export function writerStatements(db: Database.Database) {
  return {
    begin: db.prepare('begin immediate'),
    commit: db.prepare('commit'),
    rollback: db.prepare('rollback'),
    savepoint: db.prepare('savepoint entry'),
    releaseSavepoint: db.prepare('release entry'),
    rollbackToSavepoint: db.prepare('rollback to entry'),
    head: prepare<{ sequence: number; digest: Buffer }>(
      db,
      builder
        .selectFrom('facts')
        .select(['sequence', 'digest'])
        .orderBy('sequence', 'desc')
        .limit(sql.lit(1)),
    ),
    insertFact: prepare(
      db,
      builder
        .insertInto('facts')
        .values({ sequence: 0, exchange: nothing, kind: 0, at: 0, text: '', digest: nothing }),
    ),
    openIntent: prepare(db, builder.insertInto('open_intents').values({ exchange: nothing, boot: '' })),
    closeIntent: prepare(db, builder.deleteFrom('open_intents').where('exchange', '=', nothing)),
    deadIntents: prepare<{ exchange: Buffer }>(
      db,
      builder
        .selectFrom('open_intents')
        .select('exchange')
        .where('boot', '<>', '')
        .orderBy('exchange')
        .limit(0),
    ),
    insertBodies: prepare(
      db,
      builder.insertInto('bodies').values({ sequence: 0, codec: 0, size: 0, data: nothing }),
    ),
    findBlob: prepare<{ id: number; used: number }>(
      db,
      builder
        .selectFrom('blobs')
        .innerJoin('blob_uses', 'blob_uses.id', 'blobs.id')
        .select(['blobs.id', 'used'])
        .where('digest', '=', nothing),
    ),
    insertBlob: prepare(
      db,
      builder.insertInto('blobs').values({ digest: nothing, codec: 0, size: 0, data: nothing }),
    ),
    // Replaced, where a value was taken out by other hands and its id is given again.
    insertBlobUse: prepare(db, builder.replaceInto('blob_uses').values({ id: 0, used: 0 })),
    useBlob: prepare(db, builder.updateTable('blob_uses').set({ used: 0 }).where('id', '=', 0)),
    findPersonal: prepare<{ id: number; digest: Buffer; used: number }>(
      db,
      builder
        .selectFrom('personal')
        .innerJoin('personal_uses', 'personal_uses.id', 'personal.id')
        .select(['personal.id', 'digest', 'used'])
        .where('kind', '=', '')
        .where('value', '=', nothing)
        .where(sql<boolean>`kind <> 'body'`),
    ),
    insertPersonal: prepare(
      db,
      builder.insertInto('personal').values({ digest: nothing, kind: '', salt: nothing, value: nothing }),
    ),
    insertPersonalUse: prepare(
      db,
      builder.replaceInto('personal_uses').values({ id: 0, used: 0, fact: null }),
    ),
    usePersonal: prepare(db, builder.updateTable('personal_uses').set({ used: 0 }).where('id', '=', 0)),
    findResource: prepare<{ id: number; content: string }>(
      db,
      builder
        .selectFrom('resources')
        .select(['id', 'content'])
        .where('place', '=', 0)
        .where('ca', '=', '')
        .where('authority', '=', '')
        .where('canonical', '=', '')
        .where('url', '=', ''),
    ),
    insertResource: prepare(
      db,
      builder
        .insertInto('resources')
        .values({ place: 0, ca: '', authority: '', canonical: '', url: '', content: '' }),
    ),
    updateResource: prepare(db, builder.updateTable('resources').set({ content: '' }).where('id', '=', 0)),
    upsertKey: prepare(
      db,
      builder
        .insertInto('account_keys')
        .values({ ca: '', account: '', jwk: '', thumbprint: '', source: '' })
        .onConflict((conflict) =>
          conflict.columns(['ca', 'account']).doUpdateSet((values) => ({
            jwk: values.ref('excluded.jwk'),
            thumbprint: values.ref('excluded.thumbprint'),
            source: values.ref('excluded.source'),
          })),
        ),
    ),
    countProbe: prepare(
      db,
      builder
        .insertInto('meta')
        .values({ name: sql.lit('probes'), value: sql.lit('1') })
        .onConflict((conflict) =>
          conflict.column('name').doUpdateSet({ value: sql<string>`cast(meta.value as integer) + 1` }),
        ),
    ),
    countEvent: prepare(
      db,
      builder
        .insertInto('meta')
        .values({ name: sql.lit('events'), value: sql.lit('1') })
        .onConflict((conflict) =>
          conflict.column('name').doUpdateSet({ value: sql<string>`cast(meta.value as integer) + 1` }),
        ),
    ),
    tokens: prepare<TokenRow>(db, builder.selectFrom('tokens').selectAll().orderBy('created_at')),
    insertToken: prepare(
      db,
      builder
        .insertInto('tokens')
        .values({ id: '', name: '', role: '', digest: nothing, created_at: 0, expires: 0 }),
    ),
    deleteToken: prepare(db, builder.deleteFrom('tokens').where('id', '=', '')),
    findSinkPosition: prepare<SinkPosition>(
      db,
      builder.selectFrom('sink_positions').select(['sequence', 'outcomes', 'lines']).where('name', '=', ''),
    ),
    upsertSinkPosition: prepare(
      db,
      builder
        .insertInto('sink_positions')
        .values({ name: '', sequence: 0, outcomes: 0, lines: 0 })
        .onConflict((conflict) =>
          conflict.column('name').doUpdateSet((values) => ({
            sequence: values.ref('excluded.sequence'),
            outcomes: values.ref('excluded.outcomes'),
            lines: values.ref('excluded.lines'),
          })),
        ),
    ),
    findKey: prepare<{ thumbprint: string }>(
      db,
      builder.selectFrom('account_keys').select('thumbprint').where('ca', '=', '').where('account', '=', ''),
    ),
  }
}

export type WriterStatements = ReturnType<typeof writerStatements>
