import type { Silence } from '../../../src/alerts/alert.ts'
import { Evaluator } from '../../../src/alerts/evaluate/evaluator.ts'
import type { KeptAlert } from '../../../src/alerts/evaluate/memory.ts'
import type { IssuedIn } from '../../../src/alerts/evaluate/weekly-report.ts'
import type { Look } from '../../../src/alerts/look.ts'
import type { Notification } from '../../../src/alerts/notification.ts'
import type { EventRule, Occurrence, Resolution, Signals, StateRule } from '../../../src/alerts/rule.ts'
import type { Vitals } from '../../../src/alerts/vitals.ts'
import type { Happening } from '../../../src/audit/inventory/happening.ts'
import { MemoryAlertMemory } from './memory-alert-memory.ts'
import { type AlertConfig, alertSettings, type Given, occurrence, T0 } from './occurrences.ts'

export interface DeskOptions {
  readonly config?: AlertConfig
  readonly stateRules?: readonly StateRule[]
  readonly issued?: IssuedIn
  readonly most?: number
  readonly memory?: MemoryAlertMemory
  readonly now?: number
}

/** An evaluator under a clock of its own, whose rules say what the test says. */
export class SimulatedDesk {
  readonly memory: MemoryAlertMemory
  now: number
  lag = 0
  #options: DeskOptions
  #evaluator: Evaluator
  #silences = 0

  constructor(options: DeskOptions = {}) {
    this.#options = options
    this.memory = options.memory ?? new MemoryAlertMemory()
    this.now = options.now ?? T0
    this.#evaluator = this.#made()
  }

  get evaluator(): Evaluator {
    return this.#evaluator
  }

  get notifications(): readonly Notification[] {
    return this.memory.notifications
  }

  /** `kind channel count title` of each notification; from the one at that place on. */
  told(from = 0): readonly string[] {
    return this.notifications
      .slice(from)
      .map(({ kind, channel, count, title }) => `${kind} ${channel} ${count} ${title}`)
  }

  /** What an alert is, by its key: the one that began last. */
  kept(key: string): KeptAlert {
    return this.memory.all().findLast(({ alert }) => alert.key === key)!
  }

  /** Seen now. */
  occur(...given: readonly (Given | undefined)[]): void {
    this.signal({ occurrences: given.map((one) => occurrence({ at: this.now, ...one })), resolutions: [] })
  }

  resolve(key: string, rule: Resolution['rule'] = 'validation-failed'): void {
    this.signal({
      occurrences: [],
      resolutions: [{ rule, by: { key }, at: this.now, why: 'It works again.' }],
    })
  }

  signal(...signals: readonly Signals[]): void {
    this.#evaluator.happened(signals as unknown as readonly Happening[], this.now)
  }

  /** `since`: when the vitals began to be measured. */
  look(since = 0): void {
    this.#evaluator.look(this.now, { ...VITALS, since })
  }

  /** Lets time pass, and the evaluator work when it wants to. */
  pass(ms: number): void {
    const end = this.now + ms
    for (let turns = 0; ; turns += 1) {
      const next = this.#evaluator.nextTick()
      if (next === null || next > end) break
      if (turns > 10_000) throw new Error(`the evaluator wants to work without end at ${this.now}`)
      this.now = Math.max(this.now, next)
      this.#evaluator.tick(this.now, this.lag)
    }
    this.now = end
  }

  silence(given: Partial<Silence>, ms = 3_600_000): Silence {
    this.#silences += 1
    const silence: Silence = {
      id: `5${String(this.#silences).padStart(15, '0')}`,
      until: new Date(this.now + ms).toISOString(),
      reason: 'maintenance',
      by: 'root',
      made: new Date(this.now).toISOString(),
      ended: null,
      ...given,
    }
    this.memory.keepSilence(silence)
    this.#evaluator.silencesChanged(this.now)
    return silence
  }

  endSilence(silence: Silence): void {
    this.memory.keepSilence({ ...silence, ended: new Date(this.now).toISOString() })
    this.#evaluator.silencesChanged(this.now)
  }

  use(config: AlertConfig): void {
    this.#options = { ...this.#options, config }
    this.#evaluator.use(alertSettings(config), this.now)
  }

  /** The process ends, and another goes on. */
  restart(): void {
    this.#evaluator = this.#made()
  }

  #made(): Evaluator {
    const settings = alertSettings(this.#options.config)
    const evaluator = new Evaluator({
      memory: this.memory,
      look: NOTHING_TO_SEE,
      eventRules: [SAYS_WHAT_IT_IS_GIVEN],
      stateRules: this.#options.stateRules ?? [],
      settings,
      issued: this.#options.issued ?? null,
      ...(this.#options.most !== undefined && { most: this.#options.most }),
    })
    evaluator.use(settings, this.now)
    return evaluator
  }
}

const NOTHING_TO_SEE = {} as unknown as Look
const VITALS = {} as unknown as Vitals

/** What happened is given as the signals themselves. */
const SAYS_WHAT_IT_IS_GIVEN: EventRule = {
  name: 'validation-failed',
  kinds: [undefined as unknown as Happening['kind']],
  signals: (happening) => happening as unknown as Signals,
}

export function stateRule(
  name: StateRule['name'],
  every: number,
  occurrences: (now: number) => Iterable<Occurrence>,
): StateRule {
  return { name, every, resolution: 'It is as it should be.', occurrences }
}

const SECRET = 'https://hooks.example.net/x'

/** Channels by name; what a channel is beside a webhook is given. */
export function channels(
  ...names: readonly (
    | string
    | (Partial<NonNullable<AlertConfig['channels']>[number]> & { readonly name: string })
  )[]
): NonNullable<AlertConfig['channels']> {
  return names.map((one) =>
    typeof one === 'string' ? { name: one, webhook: { url: SECRET } } : { webhook: { url: SECRET }, ...one },
  )
}

export function mail(name: string, digest = '0s') {
  return {
    name,
    webhook: undefined,
    email: { smtp: 'smtp://127.0.0.1:25', from: 'a@example.net', to: ['b@example.net'], digest },
  }
}
