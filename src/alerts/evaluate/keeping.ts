import { hash } from 'node:crypto'
import type { Alert, Silence } from '../alert.ts'
import type { AlertSettings, Millis, Occurrence, Resolution, StateRule } from '../rule.ts'
import { RULES, type RuleName } from '../rule-names.ts'
import { alertId } from './ids.ts'
import { silenceOf } from './match-silence.ts'
import type { AlertMemory, KeptAlert } from './memory.ts'
import { isToldAgain, type Telling } from './telling.ts'
import { wakeOf } from './wake.ts'

/** Key of the alert that stands for those of a rule that are too many to be kept apart. */
const MORE = '(more)'

/** One alert for each rule and key: begins it, counts what comes again, ends it. */
export class Keeping {
  readonly #memory: AlertMemory
  readonly #telling: Telling
  /** Alerts of one rule that fire and are kept apart. */
  readonly #most: number
  /** Per rule, those that fire; as the memory has it. */
  readonly #counts = new Map<RuleName, number>()
  /** Rules where more fire than are kept apart. */
  readonly #overflowing = new Set<RuleName>()
  #settings: AlertSettings
  #silences: readonly Silence[] = []

  constructor(memory: AlertMemory, telling: Telling, settings: AlertSettings, most: number) {
    this.#memory = memory
    this.#telling = telling
    this.#settings = settings
    this.#most = most
    for (const { rule, firing } of memory.alerts.summary(0, 0)) {
      this.#counts.set(rule, firing)
      if (firing > 0 && memory.alerts.firing(rule, MORE) !== null) this.#overflowing.add(rule)
    }
  }

  get firing(): number {
    return [...this.#counts.values()].reduce((sum, n) => sum + n, 0)
  }

  use(settings: AlertSettings): void {
    this.#settings = settings
  }

  /** To be called before anything else at a new time. */
  refresh(now: Millis): void {
    this.#silences = this.#memory.silences(now)
  }

  occurred(occurrence: Occurrence, now: Millis): void {
    if (!this.#settings.rules[occurrence.rule].enabled) return
    const kept = this.#memory.alerts.firing(occurrence.rule, occurrence.key)
    if (kept === null) this.#begin(occurrence, now)
    else if (kept.until !== null && kept.until <= occurrence.at) {
      this.#end(kept, kept.until, LAPSED, now)
      this.#begin(occurrence, now)
    } else this.#again(kept, occurrence, now)
  }

  resolved({ rule, by, at, why }: Resolution, now: Millis): void {
    if ('key' in by) {
      const kept = this.#memory.alerts.firing(rule, by.key)
      if (kept !== null) this.#end(kept, at, why, now)
    } else
      for (const kept of this.#memory.alerts.firingAbout(rule, by.name, by.client))
        if (isOf(by.ca, kept.alert.subject.ca) && isOf(by.account, kept.alert.subject.account))
          this.#end(kept, at, why, now)
  }

  /** Ends those of the rule that fire and are not among `keys`. */
  onlyThese(
    { name: rule, resolution, settles = 0 }: Pick<StateRule, 'name' | 'resolution' | 'settles'>,
    keys: ReadonlySet<string>,
    now: Millis,
  ): void {
    const isTooMany = keys.size > this.#most
    for (const { id, key } of this.#memory.alerts.firingOf(rule)) {
      if (keys.has(key) || (key === MORE && isTooMany)) continue
      const kept = this.#memory.alerts.byId(id)
      if (kept?.alert.state !== 'firing' || this.#maySwing(kept.alert, settles, now)) continue
      if (settles > 0) this.#memory.notes.set(overNote(kept.alert), String(now))
      this.#end(kept, now, resolution, now)
    }
  }

  /** It was over shortly before it began, and may come again: nobody wants to be told of each swing. */
  #maySwing(alert: Alert, settles: Millis, now: Millis): boolean {
    const over = settles === 0 ? null : this.#memory.notes.get(overNote(alert))
    if (over === null) return false
    const [since, last] = [Date.parse(alert.since), Date.parse(alert.last)]
    return since - Number(over) < settles && last <= now && now - last < settles
  }

  /** Looks at those whose time has come; true when there are more. */
  wake(now: Millis): boolean {
    const due = this.#memory.alerts.due(now, BATCH)
    for (const { alert } of due) {
      const kept = this.#memory.alerts.byId(alert.id)
      if (kept?.alert.state !== 'firing') continue
      if (kept.until !== null && kept.until <= now) this.#end(kept, kept.until, LAPSED, now)
      else this.#lookAt(kept, now)
    }
    return due.length === BATCH
  }

  /** Looks at all that fire: silences, routes or rules are others now. */
  review(now: Millis): void {
    for (const rule of RULES) {
      const isOn = this.#settings.rules[rule].enabled
      for (const { id } of this.#memory.alerts.firingOf(rule)) {
        const kept = this.#memory.alerts.byId(id)
        if (kept?.alert.state !== 'firing') continue
        if (isOn) this.#lookAt(this.#telling.prune(kept), now)
        else this.#end(this.#telling.prune(kept), now, 'The rule was switched off.', now)
      }
    }
  }

  #begin(occurrence: Occurrence, now: Millis): void {
    const { rule, key } = occurrence
    const count = this.#counts.get(rule) ?? 0
    if (count >= this.#most && key !== MORE) {
      this.occurred(inPlaceOf(occurrence, this.#most), now)
      return
    }
    this.#counts.set(rule, count + 1)
    if (key === MORE) this.#overflowing.add(rule)
    const at = new Date(occurrence.at).toISOString()
    const alert: Alert = {
      id: alertId(rule, key, at),
      rule,
      key,
      severity: occurrence.severity,
      state: 'firing',
      since: at,
      last: at,
      resolved: null,
      resolution: null,
      count: 1,
      ...said(occurrence),
      silenced: null,
      told: 0,
    }
    const { group, isNotice, until } = occurrence
    this.#lookAt({ alert, group, isNotice, until, wake: null, channels: {} }, now)
  }

  #again(kept: KeptAlert, occurrence: Occurrence, now: Millis): void {
    const at = new Date(occurrence.at).toISOString()
    const { alert: before } = kept
    const alert: Alert = {
      ...before,
      ...said(occurrence),
      severity: occurrence.severity,
      last: at > before.last ? at : before.last,
      count: before.count + 1,
    }
    const { group, isNotice, until } = occurrence
    const next = { ...kept, alert, group, isNotice, until }
    const isTold = alert.silenced === null && !isNotice && this.#mayTell(next, before, now)
    if (isTold) this.#lookAt(next, now)
    else {
      const silence = this.#silences.find(({ id }) => id === alert.silenced) ?? null
      this.#memory.alerts.put({ ...next, wake: wakeOf(next, this.#settings, silence, now) })
    }
  }

  /** Cheap: most of what comes again changes nothing for anybody. */
  #mayTell(kept: KeptAlert, before: Alert, now: Millis): boolean {
    return (
      kept.alert.severity !== before.severity ||
      Object.values(kept.channels).some((told) => isToldAgain(told, kept, this.#settings, now))
    )
  }

  #lookAt(kept: KeptAlert, now: Millis): void {
    const silence = silenceOf(kept.alert, this.#silences)
    const alert = { ...kept.alert, silenced: silence?.id ?? null }
    const known = { ...kept, alert }
    const next = silence === null ? this.#telling.tell(known, now) : this.#telling.hush(known)
    this.#memory.alerts.put({ ...next, wake: wakeOf(next, this.#settings, silence, now, true) })
  }

  #end(kept: KeptAlert, at: Millis, why: string, now: Millis): void {
    const { rule, key } = kept.alert
    const alert: Alert = {
      ...kept.alert,
      state: 'resolved',
      resolved: new Date(at).toISOString(),
      resolution: why,
      silenced: null,
    }
    const next = this.#telling.over({ ...kept, alert, until: null, wake: null }, now)
    this.#memory.alerts.put(next)
    const left = (this.#counts.get(rule) ?? 1) - 1
    this.#counts.set(rule, left)
    if (key === MORE) this.#overflowing.delete(rule)
    else if (left <= this.#most * FEW && this.#overflowing.has(rule)) {
      const more = this.#memory.alerts.firing(rule, MORE)
      if (more !== null) this.#end(more, at, 'They are few enough to be kept apart again.', now)
    }
  }
}

function overNote({ rule, key }: Alert): string {
  return `over ${rule} ${hash('sha256', key).slice(0, 16)}`
}

const LAPSED = 'It was not seen again.'
const BATCH = 1000
/** So far below the most that are kept apart, that of the others ends. */
const FEW = 0.9

/** What either does not know is no condition. */
function isOf(wanted: string | null, known: string | null): boolean {
  return wanted === null || known === null || wanted === known
}

function said({ subject, title, cause, remedy, fixer, said: words, evidence }: Occurrence) {
  return { subject, title, cause, remedy, fixer, said: words, evidence }
}

/** What is beyond the number that is kept apart is counted in one alert. */
function inPlaceOf(occurrence: Occurrence, most: number): Occurrence {
  return {
    ...occurrence,
    key: MORE,
    group: MORE,
    title: `More than ${most} alerts of ${occurrence.rule}; the others are counted here`,
    cause: `The one seen last: ${occurrence.title}. ${occurrence.cause}`,
    isNotice: false,
  }
}
