import type { AlertProgress } from '../../../alerts/alert-desk.ts'
import type { Notification } from '../../../alerts/notification.ts'
import type { AlertSettings, Millis } from '../../../alerts/rule.ts'
import type { RuleName } from '../../../alerts/rule-names.ts'
import type { Vitals } from '../../../alerts/vitals.ts'
import type { Happening } from '../../../audit/inventory/happening.ts'
import { FilterRefused } from '../../../audit/inventory/values.ts'
import type { Person } from '../../../audit/person.ts'
import { messageOf } from '../../../exchange/message-of.ts'
import type { AlertCounts } from '../../../observability/standing.ts'
import type { StoreFaults } from '../faults.ts'
import { type AlertsDatabase, openAlertsDatabase } from './alerts-database.ts'
import { alertsFile } from './alerts-file.ts'
import { clockSetBack } from './clock-set-back.ts'
import type { Evaluation, EvaluationMaker } from './evaluation.ts'
import { type Inventory, InventorySource } from './inventory-source.ts'
import { Latency } from './latency.ts'
import { Retry } from './retry.ts'

const BATCH = 500
/** ms between two removals of what is old. */
const PRUNE = 3_600_000
/** ms. A clock that is set back by less costs no more than that. */
const SET_BACK = 60_000
/** ms between two notes of the time. */
const CLOCK = 10_000
/** After so many failures for its own sake a happening is left out. */
const TRIES = 3

export interface KeeperOptions {
  readonly folder: string
  readonly settings: AlertSettings
  /** As {@link AlertsDatabase.prune} takes it. */
  readonly kept?: Millis | null
  readonly evaluationOf: EvaluationMaker
  readonly now?: () => Millis
  /** Happenings that are evaluated in one transaction. */
  readonly batch?: number
  /** For tests only. */
  readonly faults?: StoreFaults
}

interface Opened {
  readonly alerts: AlertsDatabase
  inventory: Inventory | null
  isWhole: boolean
  evaluation: Evaluation
}

/**
 * Owns the alerts: evaluates what happened, looks at how things stand, and answers questions. What it decides is
 * committed together with how far it has read, so that it can end anywhere; after a fault it tries again.
 */
export class AlertsKeeper {
  readonly #options: KeeperOptions
  readonly #source: InventorySource
  readonly #latency = new Latency()
  readonly #opening = new Retry()
  readonly #events = new Retry()
  readonly #ticks = new Retry()
  readonly #looks = new Retry()
  #settings: AlertSettings
  #kept: Millis | null
  #opened: Opened | null = null
  #vitals: Vitals | null = null
  #prunedAt: Millis = 0
  #mustTick = true
  /** When the oldest happening was recorded that is read and not yet evaluated; null when there is none. */
  #behindSince: Millis | null = null
  /** Since when nothing that happens can be evaluated, or not everything looked at; null while it can. */
  #blindSince: Millis | null = null
  #added: Notification[] = []
  #begun: RuleName[] = []
  readonly #began = new Map<RuleName, number>()
  /** Notifications that were put into the outbox since the start. */
  news = 0

  constructor(options: KeeperOptions) {
    this.#options = options
    this.#settings = options.settings
    this.#kept = options.kept ?? null
    this.#source = new InventorySource(options.folder)
  }

  /** Does what is to be done, up to one batch of happenings; true when there is more at once. Never throws. */
  step(): boolean {
    const opened = this.#ready()
    if (opened === null) {
      this.#noteSight(null)
      return false
    }
    // Time first: what was due before the next batch is not mixed with it, whenever the last run ended.
    this.#tick(opened)
    // A failure on the way closes what was open.
    const more = this.#opened === opened && this.#events.isReady && this.#evaluate(opened)
    if (this.#opened === opened) this.#look(opened)
    this.#noteSight(opened)
    if (this.#opened === opened && !more) return this.#prune(opened)
    return more
  }

  /** When there is something to do without anything new; null where that can't be said. */
  next(): Millis | null {
    try {
      return this.#opened?.evaluation.nextTick() ?? null
    } catch {
      return null
    }
  }

  /** True when the inventory was written since this was asked last, or may have been. */
  isInventoryNew(): boolean {
    try {
      return this.#source.current()?.hasChanged() ?? false
    } catch {
      return true
    }
  }

  use(settings: AlertSettings, kept = this.#kept): void {
    this.#settings = settings
    if (kept !== this.#kept) this.#prunedAt = 0
    this.#kept = kept
    const opened = this.#opened
    if (opened === null) return
    try {
      this.#inTransaction(opened.alerts, () => {
        opened.evaluation.use(settings, this.#now())
        opened.alerts.outbox.keepChannels(channelsOf(settings), this.#now())
      })
      this.#mustTick = true
    } catch (error) {
      this.#failed(this.#opening, error)
    }
  }

  vitals(vitals: Vitals): void {
    this.#vitals = vitals
  }

  /** Asks or changes what is kept, in one transaction. Throws SqliteError, StoreRefusal and what `question` throws. */
  ask<T>(question: (alerts: AlertsDatabase, now: Millis) => T): T {
    const { alerts } = this.#open()
    return question(alerts, this.#now())
  }

  change<T>(question: (alerts: AlertsDatabase, now: Millis) => T): T {
    const { alerts } = this.#open()
    try {
      const answer = this.#inTransaction(alerts, () => question(alerts, this.#now()))
      this.#mustTick = true
      return answer
    } catch (error) {
      // What was decided on the way is remembered, and was rolled back.
      if (!(error instanceof FilterRefused)) this.#close()
      throw error
    }
  }

  changeSilences<T>(question: (alerts: AlertsDatabase, now: Millis) => T): T {
    return this.change((alerts, now) => {
      const answer = question(alerts, now)
      this.#open().evaluation.silencesChanged(now)
      return answer
    })
  }

  /** Everything is opened anew after it: what the evaluator remembers may name the person. */
  forget(person: Person): number {
    try {
      return this.#open().alerts.forget(person)
    } finally {
      this.#close()
    }
  }

  progress(): AlertProgress {
    const opened = this.#opened
    const state = opened === null ? null : stateOf(opened.alerts)
    return {
      evaluated: state?.evaluated ?? 0,
      firing: state?.firing ?? 0,
      fault: this.#fault() ?? state?.fault ?? null,
      latency: this.#latency.quantiles(),
    }
  }

  /** For metrics. `began` counts from the start of this keeper. Throws as {@link ask}. */
  counts(): AlertCounts {
    const counted = this.ask(({ memory, outbox, endpoints }) => ({
      firing: memory.alerts.countFiring(),
      waiting: outbox.counts(),
      endpoints: endpoints.counts(),
    }))
    const began = [...this.#began].map(([rule, count]) => ({ rule, count }))
    return { ...counted, began, fault: this.#fault() }
  }

  close(): void {
    this.#close()
  }

  /** What keeps it from evaluating now. */
  #fault(): string | null {
    const work = [this.#opening, this.#events, this.#ticks, this.#looks]
    return work.find(({ fault }) => fault !== null)?.fault ?? this.#source.fault
  }

  #ready(): Opened | null {
    if (!this.#opening.isReady) return null
    try {
      this.#followClock(this.#open())
      const opened = this.#open()
      this.#follow(opened)
      this.#opening.succeeded()
      return opened
    } catch (error) {
      this.#failed(this.#opening, error)
      return null
    }
  }

  #open(): Opened {
    if (this.#opened !== null) return this.#opened
    const alerts = openAlertsDatabase(alertsFile(this.#options.folder), {
      onBegun: ({ rule }) => this.#begun.push(rule),
      onAdded: (notification) => this.#added.push(notification),
    })
    try {
      const evaluation = this.#options.evaluationOf(alerts, null, this.#settings)
      this.#inTransaction(alerts, () => {
        evaluation.use(this.#settings, this.#now())
        // Silences may have been made while nothing ran, and channels taken away.
        evaluation.silencesChanged(this.#now())
        alerts.outbox.keepChannels(channelsOf(this.#settings), this.#now())
      })
      this.#opened = { alerts, inventory: null, isWhole: false, evaluation }
    } catch (error) {
      alerts.close()
      throw error
    }
    this.#mustTick = true
    return this.#opened
  }

  /** A clock that was ahead has left times behind that are far off now, also over a restart. */
  #followClock({ alerts }: Opened): void {
    const now = this.#now()
    const last = alerts.position.clock()
    if (last !== null && now < last - SET_BACK) {
      this.#inTransaction(alerts, () => {
        clockSetBack(alerts.db, now)
        alerts.position.setClock(now)
      })
      // What was read before is no longer so.
      this.#close()
    } else if (last === null || now > last + CLOCK) alerts.position.setClock(now)
  }

  /** Goes over to the inventory that is there now, and to what can be asked of it. */
  #follow(opened: Opened): void {
    const inventory = this.#source.current()
    const isOther = inventory !== opened.inventory
    if (isOther && inventory !== null) {
      const last = inventory.lastFact()
      this.#inTransaction(opened.alerts, () => opened.alerts.position.begin(inventory.stream, last))
    }
    const evaluated = opened.alerts.position.get()?.fact ?? 0
    const isWhole = inventory?.hasTakenIn(evaluated) ?? false
    if (!isOther && isWhole === opened.isWhole) return
    opened.inventory = inventory
    opened.isWhole = isWhole
    this.#remake(opened)
  }

  #remake(opened: Opened): void {
    const inventory = opened.isWhole ? opened.inventory : null
    opened.evaluation = this.#options.evaluationOf(opened.alerts, inventory, this.#settings)
    this.#inTransaction(opened.alerts, () => opened.evaluation.use(this.#settings, this.#now()))
  }

  /** Evaluates one batch; true when there may be another. */
  #evaluate(opened: Opened): boolean {
    const { alerts, inventory, isWhole } = opened
    if (inventory === null || !isWhole) return false
    // One by one where one of them may be what fails.
    const limit = this.#events.failures > 0 ? 1 : (this.#options.batch ?? BATCH)
    let happenings: readonly Happening[] = []
    try {
      happenings = inventory.happenings.read(alerts.position.get()!, limit)
      const last = happenings.at(-1)
      if (last === undefined) {
        this.#behindSince = null
        this.#events.succeeded()
        return false
      }
      this.#behindSince = Date.parse(happenings[0]!.at)
      this.#inTransaction(alerts, () => {
        opened.evaluation.happened(happenings, this.#now())
        alerts.position.set(last)
      })
      this.#events.succeeded()
      return true
    } catch (error) {
      this.#failed(this.#events, error)
      if (happenings.length === 1 && this.#events.failures >= TRIES && !isOfStore(error))
        this.#leaveOut(happenings[0]!, error)
      return false
    }
  }

  #leaveOut(happening: Happening, error: unknown): void {
    try {
      const { alerts } = this.#open()
      this.#inTransaction(alerts, () => {
        alerts.position.leaveOut(happening, messageOf(error))
        alerts.position.set(happening)
      })
      this.#events.succeeded()
    } catch (fault) {
      this.#failed(this.#events, fault)
    }
  }

  #tick({ alerts, evaluation }: Opened): void {
    if (!this.#ticks.isReady) return
    try {
      const now = this.#now()
      const next = evaluation.nextTick()
      if (!this.#mustTick && (next === null || next > now)) return
      const since = [this.#behindSince, this.#blindSince].filter((time) => time !== null)
      const lag = Math.max(0, ...since.map((time) => now - time))
      this.#inTransaction(alerts, () => evaluation.tick(now, lag))
      this.#mustTick = false
      this.#ticks.succeeded()
    } catch (error) {
      this.#failed(this.#ticks, error)
    }
  }

  #look({ alerts, evaluation }: Opened): void {
    const now = this.#now()
    const vitals = this.#vitals
    if (vitals === null || !this.#looks.isReady) return
    try {
      const next = evaluation.nextLook(now)
      if (next === null || next > now) return
      const faults = this.#inTransaction(alerts, () => evaluation.look(now, vitals))
      if (faults.length > 0) throw new Error(faults.join('; '))
      this.#looks.succeeded()
    } catch (error) {
      this.#failed(this.#looks, error)
    }
  }

  /** A sign of life says that everything is evaluated: not while it can't be. */
  #noteSight(opened: Opened | null): void {
    const isBlind =
      opened === null || !opened.isWhole || [this.#events, this.#looks].some(({ fault }) => fault !== null)
    this.#blindSince = isBlind ? Math.min(this.#blindSince ?? this.#now(), this.#now()) : null
  }

  /** True when there is more that is old. */
  #prune({ alerts }: Opened): boolean {
    const now = this.#now()
    if (now - this.#prunedAt < PRUNE && now >= this.#prunedAt) return false
    try {
      const more = this.#inTransaction(alerts, () => alerts.prune(now, this.#kept))
      if (!more) this.#prunedAt = now
      return more
    } catch (error) {
      this.#prunedAt = now
      this.#failed(this.#opening, error)
      return false
    }
  }

  #inTransaction<T>(alerts: AlertsDatabase, run: () => T): T {
    this.#added = []
    this.#begun = []
    const transaction = alerts.db.transaction(run)
    let answer: T | undefined
    const commit = () => {
      answer = transaction.immediate()
    }
    const { faults } = this.#options
    if (faults) faults.commit(commit)
    else commit()
    this.#tell()
    return answer as T
  }

  #tell(): void {
    const now = this.#now()
    this.news += this.#added.length
    for (const rule of this.#begun) this.#began.set(rule, (this.#began.get(rule) ?? 0) + 1)
    this.#begun = []
    for (const { kind, alerts } of this.#added) {
      if (kind !== 'firing') continue
      for (const { told, since } of alerts) if (told <= 1) this.#latency.add(now - Date.parse(since))
    }
    this.#added = []
  }

  /** What was read or prepared may no longer be so: everything is opened anew. */
  #failed(retry: Retry, error: unknown): void {
    retry.failed(error)
    this.#close()
  }

  #close(): void {
    this.#source.close()
    const opened = this.#opened
    this.#opened = null
    if (opened?.alerts.db.open) opened.alerts.close()
  }

  #now(): Millis {
    return (this.#options.now ?? Date.now)()
  }
}

function channelsOf({ channels }: AlertSettings): string[] {
  return (channels ?? []).map(({ name }) => name)
}

function stateOf(alerts: AlertsDatabase): Pick<AlertProgress, 'evaluated' | 'firing' | 'fault'> {
  try {
    const aside = alerts.position.setAside()
    return {
      evaluated: alerts.position.get()?.fact ?? 0,
      firing: alerts.memory.alerts.countFiring().reduce((sum, { count }) => sum + count, 0),
      fault:
        alerts.position.leftOut() ??
        (aside === null ? null : `the alerts were damaged; they were put aside as ${aside}, and began anew`),
    }
  } catch (error) {
    return { evaluated: 0, firing: 0, fault: messageOf(error) }
  }
}

/** SQLite's own: not for the sake of what was to be written. */
function isOfStore(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' && code.startsWith('SQLITE_')
}
