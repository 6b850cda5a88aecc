import type Database from 'better-sqlite3'
import type { Alert, Silence } from '../../../alerts/alert.ts'
import type { Lane } from '../../../alerts/evaluate/memory.ts'
import type { Tally } from '../../../alerts/evaluate/tally.ts'
import type { Notification } from '../../../alerts/notification.ts'
import { type Person, withoutPerson } from '../../../audit/person.ts'

/** Rows that are read at once. */
const ROWS = 200
/** Above this VACUUM works in a file rather than in memory. Bytes. */
const IN_MEMORY_BELOW = 256 * 1024 * 1024

interface Row {
  readonly number: number
  readonly body: string
}

/**
 * Takes a person's address or proxy user out of alerts, of what was told and waits to be told, and of silences: one
 * about the proxy user goes, for without it it would match others. Gives how many rows name the person; `dry` only
 * counts. Names, keys and what CAs said stay, as in the record. To be called in a transaction, and {@link overwrite}
 * after it.
 */
export function forgetPerson(db: Database.Database, person: Person, dry: boolean): number {
  const eraser = new Eraser(person)
  const write = dry ? () => {} : (sql: string, ...values: unknown[]) => db.prepare(sql).run(...values)
  let changed = 0
  for (const { number, body } of rowsNaming(db, 'alerts', person)) {
    const before = JSON.parse(body) as Alert
    const alert = eraser.alert(before)
    if (alert === before) continue
    changed += 1
    // The key is a digest of the address: there are few enough of them to try.
    const key = alert.rule === 'account-churn' ? `forgotten ${alert.id}` : alert.key
    const json = JSON.stringify({ ...alert, key })
    write('update alerts set body = ?, key = ? where number = ?', json, key, number)
  }
  for (const { number, body } of rowsNaming(db, 'notifications', person)) {
    const before = JSON.parse(body) as Notification
    const after = eraser.notification(before)
    if (after === before) continue
    changed += 1
    write('update notifications set body = ? where number = ?', JSON.stringify(after), number)
  }
  for (const { number, body } of rowsNaming(db, 'silences', person)) {
    const before = JSON.parse(body) as Silence
    const reason = eraser.text(before.reason)
    if (eraser.isLabel(before.label ?? null)) write('delete from silences where number = ?', number)
    else if (reason === before.reason) continue
    else write('update silences set body = ? where number = ?', JSON.stringify({ ...before, reason }), number)
    changed += 1
  }
  const lanes = db.prepare<[], { readonly id: string; readonly body: string }>('select id, body from lanes')
  for (const { id, body } of lanes.all()) {
    const lane = JSON.parse(body) as Lane
    if (lane.total === null) continue
    const total = eraser.tally(lane.total)
    write('update lanes set body = ? where id = ?', JSON.stringify({ ...lane, total }), id)
  }
  return changed
}

/**
 * Nothing of what was removed stands anywhere in the file or its log afterwards. Throws where somebody reads and keeps it
 * in the log.
 */
export function overwrite(db: Database.Database): void {
  const size = (['page_count', 'page_size'] as const).map(
    (name) => db.pragma(name, { simple: true }) as number,
  )
  db.pragma(`temp_store = ${size[0]! * size[1]! < IN_MEMORY_BELOW ? 'MEMORY' : 'FILE'}`)
  db.exec('vacuum')
  const [log] = db.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[]
  if (log?.busy === 0) return
  throw new Error(
    'the values are erased, but somebody reads the alerts and keeps them in their log; do it again when nobody does',
  )
}

/** Rows whose text may name the person: whether they do is for the eraser. */
function* rowsNaming(
  db: Database.Database,
  table: 'alerts' | 'notifications' | 'silences',
  { forms }: Person,
): Generator<Row> {
  const wanted = JSON.stringify(forms.map((form) => JSON.stringify(form).slice(1, -1).toLowerCase()))
  const page = db.prepare<[number, string, number], Row>(
    `select number, body from ${table} where number > ?
       and exists (select 1 from json_each(?) where instr(lower(body), value) > 0) order by number limit ?`,
  )
  let after = 0
  for (;;) {
    const rows = page.all(after, wanted, ROWS)
    yield* rows
    if (rows.length < ROWS) return
    after = rows.at(-1)!.number
  }
}

/** What was not changed is given as it came. */
class Eraser {
  readonly #forms: ReadonlySet<string>
  readonly #inText: boolean
  readonly #without: (text: string) => string

  constructor(person: Person) {
    this.#forms = new Set(person.forms)
    this.#inText = person.mayBeInBody
    this.#without = withoutPerson(person)
  }

  isLabel(label: string | null): boolean {
    return label !== null && this.#forms.has(label)
  }

  /** A text that anything may stand in: a proxy user may be any word. */
  text(text: string): string {
    return this.#inText ? this.#without(text) : text
  }

  alert(alert: Alert): Alert {
    const { subject, rule } = alert
    const isLabel = this.isLabel(subject.label)
    const isClient = subject.clientText !== null && this.text(subject.clientText) !== subject.clientText
    const isPlace = rule === 'account-churn' && this.text(alert.title) !== alert.title
    if (!isLabel && !isClient && !isPlace) return alert
    const clientText = subject.clientText === null ? null : this.#without(subject.clientText)
    return {
      ...alert,
      subject: { ...subject, clientText, label: isLabel ? null : subject.label },
      title: this.#without(alert.title),
      cause: this.#without(alert.cause),
      remedy: this.#without(alert.remedy),
    }
  }

  notification(notification: Notification): Notification {
    const { title, shared, text } = notification
    const alerts = notification.alerts.map((alert) => this.alert(alert))
    const isAbout = alerts.some((alert, at) => alert !== notification.alerts[at])
    const clean = isAbout ? this.#without : (some: string) => this.text(some)
    const after = {
      title: clean(title),
      shared: shared === null ? null : clean(shared),
      text: text === null ? null : clean(text),
    }
    if (!isAbout && after.title === title && after.shared === shared && after.text === text)
      return notification
    return { ...notification, ...after, alerts }
  }

  tally(tally: Tally): Tally {
    const values = Object.entries(tally.values).map(([kind, counts]) => {
      const kept = Object.entries(counts).filter(([value]) => !this.#isNamedIn(kind, value))
      return [kind, Object.fromEntries(kept)] as const
    })
    return { ...tally, values: Object.fromEntries(values) }
  }

  #isNamedIn(kind: string, value: string): boolean {
    if (kind === 'label') return this.isLabel(value)
    return (kind === 'client' || kind === 'cause') && this.#without(value) !== value
  }
}
