import type Database from 'better-sqlite3'
import type { Millis } from '../../../alerts/rule.ts'
import type { Person } from '../../../audit/person.ts'
import { isDamage } from '../inventory/inventory-file.ts'
import { openAlertsFile, openAlertsForReading, setAlertsAside } from './alerts-file.ts'
import { Endpoints } from './endpoints.ts'
import { forgetPerson, overwrite } from './forget-person.ts'
import { OutboxTable } from './outbox.ts'
import { Position } from './position.ts'
import { Silences } from './silences.ts'
import { type AlertNews, SqliteAlertMemory } from './sqlite-alert-memory.ts'

const DAY = 86_400_000
const ALERTS_KEPT = 400 * DAY
const DELIVERIES_KEPT = 90 * DAY
/** Resolved ones, about 1 GB: whoever can make alerts could fill the disk with what is over. */
const MOST_RESOLVED = 500_000
/** Rows that are removed in one step. */
const STEP = 200

/** `alerts.sqlite` with everything that is done over its one connection. */
export class AlertsDatabase {
  readonly db: Database.Database
  readonly position: Position
  readonly outbox: OutboxTable
  readonly silences: Silences
  readonly endpoints: Endpoints
  readonly memory: SqliteAlertMemory

  constructor(db: Database.Database, news?: AlertNews) {
    this.db = db
    this.position = new Position(db)
    this.outbox = new OutboxTable(db)
    this.silences = new Silences(db)
    this.endpoints = new Endpoints(db)
    this.memory = new SqliteAlertMemory(db, news)
  }

  /**
   * Removes some of what is too old or too much; true when there may be more. `kept`: how long what names persons may be
   * kept, null for as long as everything.
   */
  prune(now: Millis, kept: Millis | null = null, most = MOST_RESOLVED): boolean {
    const before = (age: Millis) => now - Math.min(age, kept ?? age)
    this.silences.prune(before(ALERTS_KEPT))
    const alerts = this.memory.alerts.prune(before(ALERTS_KEPT), most, STEP)
    return this.outbox.prune(before(DELIVERIES_KEPT), STEP) || alerts
  }

  /** Rows that name the person. */
  countNaming(person: Person): number {
    return forgetPerson(this.db, person, true)
  }

  /** As {@link forgetPerson}, with nothing left of it in the file. What was read before is not to be used again. */
  forget(person: Person): number {
    const changed = this.db.transaction(() => forgetPerson(this.db, person, false)).immediate()
    overwrite(this.db)
    return changed
  }

  close(): void {
    this.db.close()
  }
}

/**
 * Opens the alerts to write them; a file that SQLite can't make sense of is put aside and an empty one made in its
 * place. Throws SqliteError and StoreRefusal.
 */
export function openAlertsDatabase(file: string, news?: AlertNews): AlertsDatabase {
  try {
    return new AlertsDatabase(openWhole(file), news)
  } catch (error) {
    if (!isDamage(error)) throw error
    const aside = setAlertsAside(file)
    const opened = new AlertsDatabase(openAlertsFile(file), news)
    opened.position.noteSetAside(aside)
    return opened
  }
}

/** Reads them as they are. Throws SqliteError and StoreRefusal. */
export function readAlertsDatabase(file: string): AlertsDatabase {
  return new AlertsDatabase(openAlertsForReading(file))
}

/** Throws the SqliteError of a damage wherever it is: what is found in the middle of the work has no way out. */
function openWhole(file: string): Database.Database {
  const db = openAlertsFile(file)
  try {
    const found = db.pragma('quick_check(1)', { simple: true })
    if (found !== 'ok') throw Object.assign(new Error(String(found)), { code: 'SQLITE_CORRUPT' })
    return db
  } catch (error) {
    db.close()
    throw error
  }
}
