import type Database from 'better-sqlite3'
import {
  type Compilable,
  DummyDriver,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { Tables } from '../tables.ts'

/** Builds SQL and runs none: statements are compiled once and prepared on the connection of the thread. */
export const builder = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
})

/** Prepare a query whose parameters are given at each run, in the order in which the query names them. */
export function prepare<Row = unknown>(
  db: Database.Database,
  query: Compilable,
): Database.Statement<unknown[], Row> {
  return db.prepare<unknown[], Row>(query.compile().sql)
}

/** Run a query once, with the values it was built with. */
export function all<Row>(db: Database.Database, query: Compilable<Row>): Row[] {
  const { sql, parameters } = query.compile()
  return db.prepare<unknown[], Row>(sql).all(...parameters)
}
