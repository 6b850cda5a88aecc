import type Database from 'better-sqlite3'
import { LruMap } from '../../../../exchange/lru-map.ts'

export type Value = number | string | Buffer | null

/** A connection whose statements are prepared once. Their texts are put together from fixed parts; values are bound. */
export class Prepared {
  readonly #db: Database.Database
  readonly #statements = new LruMap<string, Database.Statement<Value[]>>(600)

  constructor(db: Database.Database) {
    this.#db = db
  }

  all<Row>(sql: string, ...values: Value[]): Row[] {
    return this.#statement(sql).all(...values) as Row[]
  }

  get<Row>(sql: string, ...values: Value[]): Row | undefined {
    return this.#statement(sql).get(...values) as Row | undefined
  }

  #statement(sql: string): Database.Statement<Value[]> {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#db.prepare<Value[]>(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }
}
