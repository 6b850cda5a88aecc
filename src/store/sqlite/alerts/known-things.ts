import type Database from 'better-sqlite3'
import type { Look } from '../../../alerts/look.ts'

/** In `alerts.sqlite`: what was seen once. It outlives an inventory that is lost together with old facts. */
export const KNOWN_TABLE =
  'create table if not exists known (what text not null, value text not null, primary key (what, value)) without rowid'

type What = Parameters<Look['isNew']>[0]

/** What an inventory holds is known from the beginning. */
const HELD: Readonly<Record<What, string>> = {
  name: 'select value from names',
  account: "select w.word || ' ' || a.url as value from accounts as a join words as w on w.id = a.ca",
  ca: 'select word as value from words where id in (select distinct ca from orders)',
}

/** A certificate with the name was imported: somebody knows it, though nobody has ordered it here. */
const IMPORTED = `select 1 from names as n cross join name_set_members as m on m.name = n.id
  cross join certificates as c indexed by certificates_names on c.names = m.names
  where n.value = ? and c.imported is not null limit 1`

/** Remembers what was asked about. The first one that is made takes over what the inventory holds then. */
export class KnownThings {
  readonly #add: Database.Statement<[string, string]>
  readonly #imported: Database.Statement<[string]>

  constructor(alerts: Database.Database, inventory: Database.Database) {
    alerts.exec(KNOWN_TABLE)
    this.#add = alerts.prepare('insert or ignore into known (what, value) values (?, ?)')
    this.#imported = inventory.prepare(IMPORTED)
    if (alerts.inTransaction) this.#takeOver(inventory)
    else alerts.transaction(() => this.#takeOver(inventory)).immediate()
  }

  isNew(what: What, value: string): boolean {
    if (this.#add.run(what, value).changes === 0) return false
    return what !== 'name' || this.#imported.get(value) === undefined
  }

  #takeOver(inventory: Database.Database): void {
    if (this.#add.run('taken over', '').changes === 0) return
    for (const [what, sql] of Object.entries(HELD)) {
      for (const value of inventory.prepare<[], string>(sql).pluck().iterate())
        this.#add.run(what, value as string)
    }
  }
}
