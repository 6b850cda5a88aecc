import type Database from 'better-sqlite3'
import type { Resealed } from '../../../engine/engine-store.ts'
import type { Sealed, SealedPlace } from '../../../engine/sealing.ts'
import { RowRefused } from '../row-refused.ts'

interface Value {
  readonly id: string
  readonly sealed: Sealed
}

interface Column {
  readonly table: SealedPlace['table']
  readonly column: SealedPlace['column']
  readonly all: Database.Statement<[], Value>
  readonly replace: Database.Statement<[string, string, string]>
}

/** Every column that holds what is sealed. */
export class SealedRows {
  readonly #columns: readonly Column[]

  constructor(db: Database.Database) {
    this.#columns = [
      {
        table: 'account',
        column: 'key',
        all: db.prepare('select id, key as sealed from accounts'),
        replace: db.prepare('update accounts set key = ? where id = ? and key = ?'),
      },
      {
        table: 'account',
        column: 'nextKey',
        all: db.prepare('select id, next_key as sealed from accounts where next_key is not null'),
        replace: db.prepare('update accounts set next_key = ? where id = ? and next_key = ?'),
      },
      {
        table: 'job',
        column: 'key',
        all: db.prepare('select id, key as sealed from jobs where key is not null'),
        replace: db.prepare('update jobs set key = ? where id = ? and key = ?'),
      },
      {
        table: 'certificate',
        column: 'key',
        all: db.prepare('select certificate as id, key as sealed from certificates where key is not null'),
        replace: db.prepare('update certificates set key = ? where certificate = ? and key = ?'),
      },
    ]
  }

  all(): { readonly place: SealedPlace; readonly sealed: Sealed }[] {
    return this.#columns.flatMap(({ table, column, all }) =>
      all.all().map(({ id, sealed }) => ({ place: { table, id, column }, sealed })),
    )
  }

  replace(changes: readonly Resealed[]): void {
    for (const { place, from, to } of changes) {
      const column = this.#columns.find((each) => each.table === place.table && each.column === place.column)
      if (column?.replace.run(to, place.id, from).changes !== 1)
        throw new RowRefused(`the ${place.column} of the ${place.table} ${place.id} has changed meanwhile`)
    }
  }
}
