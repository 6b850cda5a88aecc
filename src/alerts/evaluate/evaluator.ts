import { hash } from 'node:crypto'
import type { Happening } from '../../audit/inventory/happening.ts'
import { messageOf } from '../../exchange/message-of.ts'
import type { Look } from '../look.ts'
import type { AlertSettings, EventRule, Millis, Occurrence, StateRule } from '../rule.ts'
import { RULES } from '../rule-names.ts'
import type { Vitals } from '../vitals.ts'
import { beat, nextBeat } from './heartbeat.ts'
import { Keeping } from './keeping.ts'
import type { AlertMemory } from './memory.ts'
import { Telling } from './telling.ts'
import { escalateUndelivered, nextOverdue } from './undelivered.ts'
import { type IssuedIn, nextReport, report } from './weekly-report.ts'

interface EvaluatorParts {
  readonly memory: AlertMemory
  readonly look: Look
  readonly eventRules: readonly EventRule[]
  readonly stateRules: readonly StateRule[]
  readonly settings: AlertSettings
  /** For the weekly report; null: it says nothing of certificates. */
  readonly issued: IssuedIn | null
  /** Alerts of one rule that fire at once and are kept apart; what is beyond is counted in one. */
  readonly most?: number
}

/**
 * Makes alerts of what happened and of how things stand, and notifications of alerts. Everything is synchronous. What it
 * keeps outside of its memory is a copy: an evaluator made anew over the same memory goes on as this one would.
 */
export class Evaluator {
  readonly #memory: AlertMemory
  readonly #look: Look
  readonly #eventRules: ReadonlyMap<Happening['kind'], readonly EventRule[]>
  readonly #stateRules: readonly StateRule[]
  readonly #issued: IssuedIn | null
  readonly #telling: Telling
  readonly #keeping: Keeping
  #settings: AlertSettings

  constructor({ memory, look, eventRules, stateRules, settings, issued, most = 100_000 }: EvaluatorParts) {
    this.#memory = memory
    this.#look = look
    this.#eventRules = byKind(eventRules)
    this.#stateRules = stateRules
    this.#issued = issued
    this.#settings = settings
    this.#telling = new Telling(memory, settings)
    this.#keeping = new Keeping(memory, this.#telling, settings, most)
  }

  /** Alerts that fire. */
  get firing(): number {
    return this.#keeping.firing
  }

  /**
   * To be called once at the start too. Where rules, routes or channels differ from those used last: alerts of rules
   * that are off now end, and what fires is told to those who are to be told now and were not.
   */
  use(settings: AlertSettings, now: Millis): void {
    this.#settings = settings
    this.#telling.use(settings)
    this.#keeping.use(settings)
    const digest = digestOf(settings)
    if (this.#memory.notes.get('settings') === digest) return
    this.#memory.notes.set('settings', digest)
    for (const { name } of this.#stateRules) this.#memory.notes.set(noteOf(name), null)
    this.silencesChanged(now)
  }

  /** What happened, in the order of (fact, n), each once. */
  happened(happenings: readonly Happening[], now: Millis): void {
    this.#keeping.refresh(now)
    for (const happening of happenings)
      for (const rule of this.#eventRules.get(happening.kind) ?? []) {
        if (!this.#settings.rules[rule.name].enabled) continue
        const { occurrences, resolutions } = rule.signals(happening, this.#settings, this.#look)
        for (const resolution of resolutions) this.#keeping.resolved(resolution, now)
        for (const occurrence of occurrences) this.#keeping.occurred(occurrence, now)
      }
  }

  /**
   * Runs the state rules whose time has come. Gives what was wrong with any of them: its alerts stay as they are, and
   * the others are looked after.
   */
  look(now: Millis, vitals: Vitals): readonly string[] {
    this.#keeping.refresh(now)
    const faults: string[] = []
    for (const rule of this.#stateRules) {
      if (!this.#settings.rules[rule.name].enabled || now < this.#nextLookOf(rule, now)) continue
      let found: readonly Occurrence[]
      try {
        // Whole, because the memory is written to while they are taken in.
        found = [...rule.occurrences(now, this.#settings, this.#look, vitals)]
      } catch (error) {
        faults.push(`${rule.name}: ${messageOf(error)}`)
        continue
      }
      this.#memory.notes.set(noteOf(rule.name), String(now))
      for (const occurrence of found) this.#keeping.occurred(occurrence, now)
      const isTooEarly = now - vitals.since < (rule.settles ?? 0)
      if (!isTooEarly) this.#keeping.onlyThese(rule, new Set(found.map(({ key }) => key)), now)
    }
    return faults
  }

  /** When {@link look} has something to do. */
  nextLook(now: Millis): Millis | null {
    const times = this.#stateRules
      .filter(({ name }) => this.#settings.rules[name].enabled)
      .map((rule) => this.#nextLookOf(rule, now))
    return times.length === 0 ? null : Math.min(...times)
  }

  /** Somebody made a silence, or took one back. */
  silencesChanged(now: Millis): void {
    this.#keeping.refresh(now)
    this.#keeping.review(now)
  }

  /**
   * What time alone brings: alerts that lapse, repeat or escalate; groups that are told; what was not delivered; signs of
   * life and the weekly report. `lag` says how far evaluation is behind the record.
   */
  tick(now: Millis, lag: Millis): void {
    this.#keeping.refresh(now)
    while (this.#keeping.wake(now));
    this.#telling.flush(now)
    escalateUndelivered(this.#memory, this.#telling, this.#settings, now)
    beat(this.#memory, this.#settings, lag, now)
    report(this.#memory, this.#settings, this.#issued, now)
  }

  /** When {@link tick} has something to do; it may have passed. Null: not until something else happens. */
  nextTick(): Millis | null {
    const { alerts, queue } = this.#memory
    const times = [
      alerts.nextWake(),
      queue.nextDue(),
      nextOverdue(this.#memory, this.#settings),
      nextBeat(this.#memory, this.#settings),
      nextReport(this.#memory, this.#settings),
    ].filter((time) => time !== null)
    return times.length === 0 ? null : Math.min(...times)
  }

  #nextLookOf({ name, every }: StateRule, now: Millis): Millis {
    const last = this.#memory.notes.get(noteOf(name))
    // A clock that was set back must not put rules to sleep.
    return last === null || Number(last) > now ? now : Number(last) + every
  }
}

function noteOf(rule: StateRule['name']): string {
  return `look ${rule}`
}

function byKind(rules: readonly EventRule[]): ReadonlyMap<Happening['kind'], readonly EventRule[]> {
  const map = new Map<Happening['kind'], EventRule[]>()
  for (const rule of rules) for (const kind of rule.kinds) map.set(kind, [...(map.get(kind) ?? []), rule])
  return map
}

/** Of what decides who is told what. Digests alone are kept: channels hold credentials. */
function digestOf({ channels, routes, teams, rules }: AlertSettings): string {
  const receivers = (channels ?? []).map(({ name, resolved, email }) => [name, resolved, email?.digest ?? 0])
  const on = RULES.map((rule) => rules[rule])
  return hash('sha256', JSON.stringify([receivers, routes ?? null, teams ?? null, on]))
}
