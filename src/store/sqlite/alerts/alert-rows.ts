import type Database from 'better-sqlite3'
import type { Alert, AlertFilter } from '../../../alerts/alert.ts'
import type { AlertBook, KeptAlert, RuleSummary } from '../../../alerts/evaluate/memory.ts'
import type { Millis } from '../../../alerts/rule.ts'
import type { RuleName } from '../../../alerts/rule-names.ts'
import type { NameFilter, Page } from '../../../audit/inventory/values.ts'
import { LruMap } from '../../../exchange/lru-map.ts'
import type { AlertCounts } from '../../../observability/standing.ts'
import { Prepared, type Value } from '../inventory/queries/prepared.ts'
import { type Condition, type Numbered, pageOfNumbered } from './numbered-list.ts'

/** What is kept beside the alert itself. */
type Beside = Omit<KeptAlert, 'alert'>

interface KeptRow {
  readonly body: string
  readonly kept: string
}

const REMEMBERED = 4_000

/** Alerts, firing and resolved. What was read or put last is remembered: made anew after a transaction that failed. */
export class AlertRows implements AlertBook {
  readonly #run: ReturnType<typeof statements>
  readonly #prepared: Prepared
  /** Of each rule how many fire; null before it is asked. */
  #firingCounts: Map<RuleName, number> | null = null
  readonly #onBegun: (alert: Alert) => void
  readonly #remembered = new LruMap<string, KeptAlert>(REMEMBERED)

  /** `onBegun` is told of each new alert, before the transaction is committed. */
  constructor(db: Database.Database, onBegun: (alert: Alert) => void = () => {}) {
    this.#onBegun = onBegun
    this.#run = statements(db)
    this.#prepared = new Prepared(db)
  }

  firing(rule: RuleName, key: string): KeptAlert | null {
    if (!this.#fires(rule)) return null
    const found = this.#run.firing.get(rule, key)
    return found === undefined ? null : this.byId(found.id)
  }

  byId(id: string): KeptAlert | null {
    const known = this.#remembered.get(id)
    if (known !== undefined) return known
    const row = this.#run.byId.get(id)
    return row === undefined ? null : this.#remember(keptOf(row))
  }

  put(kept: KeptAlert): void {
    const { alert, ...beside } = kept
    const before = this.byId(alert.id)
    this.#count(alert.rule, Number(alert.state === 'firing') - Number(before?.alert.state === 'firing'))
    const values = [alert.state, alert.severity, alert.subject.ca, alert.subject.client] as const
    const times = [millis(alert.since), alert.resolved === null ? null : millis(alert.resolved)] as const
    const rest = [kept.wake, alert.count, JSON.stringify(alert), JSON.stringify(beside)] as const
    if (before === null) {
      const { lastInsertRowid } = this.#run.insert.run(
        alert.id,
        alert.rule,
        alert.key,
        ...values,
        ...times,
        ...rest,
      )
      this.#putNames(Number(lastInsertRowid), alert.subject.names)
      this.#onBegun(alert)
    } else {
      const [, count, body, besides] = rest
      if (isIndexedAlike(before, kept))
        this.#run.updateUnindexed.run(alert.severity, count, body, besides, alert.id)
      else this.#run.update.run(...values, ...times, ...rest, alert.id)
      if (!areEqual(before.alert.subject.names, alert.subject.names)) this.#replaceNames(alert)
    }
    this.#remember(kept)
  }

  firingOf(rule: RuleName): readonly { readonly id: string; readonly key: string }[] {
    return this.#run.firingOf.all(rule)
  }

  firingAbout(rule: RuleName, name: string, client: string | null): readonly KeptAlert[] {
    if (!this.#fires(rule)) return []
    return this.#run.firingAbout
      .all(reversed(name), rule, client, client)
      .map(({ id }) => this.byId(id))
      .filter((kept) => kept !== null)
  }

  due(now: Millis, limit: number): readonly KeptAlert[] {
    return this.#run.due
      .all(now, limit)
      .map(({ id }) => this.byId(id))
      .filter((kept) => kept !== null)
  }

  nextWake(): Millis | null {
    return this.#run.nextWake.get()?.wake ?? null
  }

  summary(from: Millis, to: Millis): readonly RuleSummary[] {
    const rules = new Map<RuleName, RuleSummary>()
    for (const [rule, firing] of this.#counts())
      if (firing > 0) rules.set(rule, { rule, firing, began: 0, occurrences: 0 })
    for (const { rule, began, occurrences } of this.#run.beganByRule.all(from, to))
      rules.set(rule, { rule, firing: rules.get(rule)?.firing ?? 0, began, occurrences })
    return [...rules.values()].sort((a, b) => (a.rule < b.rule ? -1 : 1))
  }

  /** How many fire, by rule and severity. */
  countFiring(): AlertCounts['firing'] {
    return this.#run.countFiring.all()
  }

  list(filter: AlertFilter): Page<Alert> {
    const conditions: Condition[] = []
    const equals = (column: string, value: Value | undefined) => {
      if (value !== undefined) conditions.push({ sql: `${column} = ?`, values: [value] })
    }
    equals('state', filter.state)
    equals('rule', filter.rule)
    equals('severity', filter.severity)
    equals('ca', filter.ca)
    equals('client', filter.client)
    if (filter.name !== undefined) conditions.push(aboutName(filter.name))
    return pageOfNumbered<Numbered & KeptRow, Alert>(this.#prepared, LIST, conditions, filter, alertOf)
  }

  /** One as it stands; null when there is none. */
  alert(id: string): Alert | null {
    const row = this.#run.byId.get(id)
    return row === undefined ? null : alertOf(row)
  }

  /** Removes at most `limit` of those resolved before, or beyond the newest `most`; true when there may be more. */
  prune(before: Millis, most: number, limit: number): boolean {
    const bound = this.#run.resolvedBeyond.get(most)?.resolved ?? null
    const gone = this.#run.old.all(bound === null ? before : Math.max(before, bound + 1), limit)
    for (const { number, id } of gone) {
      this.#run.removeNames.run(number)
      this.#run.remove.run(number)
      this.#remembered.delete(id)
    }
    return gone.length === limit
  }

  /** Asked about everything that goes well: where nothing is wrong it costs nothing. */
  #fires(rule: RuleName): boolean {
    return (this.#counts().get(rule) ?? 0) > 0
  }

  #count(rule: RuleName, more: number): void {
    if (more !== 0) this.#counts().set(rule, (this.#counts().get(rule) ?? 0) + more)
  }

  #counts(): Map<RuleName, number> {
    this.#firingCounts ??= new Map(this.#run.firingByRule.all().map(({ rule, firing }) => [rule, firing]))
    return this.#firingCounts
  }

  #remember(kept: KeptAlert): KeptAlert {
    this.#remembered.set(kept.alert.id, kept)
    return kept
  }

  #putNames(number: number, names: readonly string[]): void {
    for (const name of names) this.#run.putName.run(reversed(name), number)
  }

  #replaceNames({ id, subject }: Alert): void {
    const number = this.#run.numberOf.get(id)?.number
    if (number === undefined) return
    this.#run.removeNames.run(number)
    this.#putNames(number, subject.names)
  }
}

const LIST = { name: 'alerts', table: 'alerts', columns: 'body' } as const

function alertOf({ body }: Pick<KeptRow, 'body'>): Alert {
  return JSON.parse(body) as Alert
}

function keptOf({ body, kept }: KeptRow): KeptAlert {
  return { alert: JSON.parse(body) as Alert, ...(JSON.parse(kept) as Beside) }
}

function millis(instant: string): Millis {
  return Date.parse(instant)
}

/** No index has to change: most of what is put again is only counted, or told. */
function isIndexedAlike(before: KeptAlert, after: KeptAlert): boolean {
  const [old, alert] = [before.alert, after.alert]
  return (
    before.wake === after.wake &&
    old.state === alert.state &&
    old.since === alert.since &&
    old.resolved === alert.resolved &&
    old.subject.ca === alert.subject.ca &&
    old.subject.client === alert.subject.client
  )
}

function areEqual(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index])
}

/** `www.example.com` as `com.example.www.`: what is below a name is one range. An address stays as it is. */
function reversed(name: string): string {
  const value = name.toLowerCase()
  if (value.includes(':') || /^[\d.]+$/.test(value)) return value
  return `${value.split('.').reverse().join('.')}.`
}

function aboutName({ kind, value }: NameFilter): Condition {
  const from = reversed(value)
  const where = kind === 'exact' ? 'reversed = ?' : 'reversed >= ? and reversed < ?'
  return {
    sql: `number in (select alert from alert_names where ${where})`,
    // `/` comes after `.`.
    values: kind === 'exact' ? [from] : [from, `${from.slice(0, -1)}/`],
  }
}

type Row = [
  string,
  string,
  string | null,
  string | null,
  number,
  number | null,
  number | null,
  number,
  string,
  string,
]

function statements(db: Database.Database) {
  return {
    firing: db.prepare<[string, string], { readonly id: string }>(
      "select id from alerts where state = 'firing' and rule = ? and key = ?",
    ),
    byId: db.prepare<[string], KeptRow>('select body, kept from alerts where id = ?'),
    numberOf: db.prepare<[string], Numbered>('select number from alerts where id = ?'),
    insert: db.prepare<[string, string, string, ...Row]>(
      `insert into alerts (id, rule, key, state, severity, ca, client, since, resolved, wake, count, body, kept)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    update: db.prepare<[...Row, string]>(
      `update alerts set state = ?, severity = ?, ca = ?, client = ?, since = ?, resolved = ?, wake = ?, count = ?,
       body = ?, kept = ? where id = ?`,
    ),
    updateUnindexed: db.prepare<[string, number, string, string, string]>(
      'update alerts set severity = ?, count = ?, body = ?, kept = ? where id = ?',
    ),
    putName: db.prepare<[string, number]>(
      'insert into alert_names (reversed, alert) values (?, ?) on conflict do nothing',
    ),
    removeNames: db.prepare<[number]>('delete from alert_names where alert = ?'),
    firingOf: db.prepare<[string], { readonly id: string; readonly key: string }>(
      "select id, key from alerts where state = 'firing' and rule = ? order by number",
    ),
    firingAbout: db.prepare<[string, string, string | null, string | null], { readonly id: string }>(
      `select a.id from alert_names as n cross join alerts as a on a.number = n.alert
       where n.reversed = ? and a.state = 'firing' and a.rule = ? and (? is null or a.client = ?) order by a.number`,
    ),
    due: db.prepare<[number, number], { readonly id: string }>(
      'select id from alerts where wake is not null and wake <= ? order by wake, id limit ?',
    ),
    nextWake: db.prepare<[], { readonly wake: number | null }>(
      'select min(wake) as wake from alerts where wake is not null',
    ),
    firingByRule: db.prepare<[], Pick<RuleSummary, 'rule' | 'firing'>>(
      "select rule, count(*) as firing from alerts where state = 'firing' group by rule",
    ),
    beganByRule: db.prepare<[number, number], Omit<RuleSummary, 'firing'>>(
      `select rule, count(*) as began, sum(count) as occurrences from alerts
       where since >= ? and since < ? group by rule`,
    ),
    countFiring: db.prepare<[], AlertCounts['firing'][number]>(
      `select rule, severity, count(*) as count from alerts where state = 'firing'
       group by rule, severity order by rule, severity`,
    ),
    old: db.prepare<[number, number], Numbered & { readonly id: string }>(
      'select number, id from alerts where resolved is not null and resolved < ? order by resolved limit ?',
    ),
    resolvedBeyond: db.prepare<[number], { readonly resolved: number }>(
      'select resolved from alerts where resolved is not null order by resolved desc limit 1 offset ?',
    ),
    remove: db.prepare<[number]>('delete from alerts where number = ?'),
  }
}
