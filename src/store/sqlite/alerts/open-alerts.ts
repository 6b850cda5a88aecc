import { setTimeout as sleep } from 'node:timers/promises'
import type { AlertDesk, AlertProgress } from '../../../alerts/alert-desk.ts'
import type { AlertSettings, Millis } from '../../../alerts/rule.ts'
import type { Vitals } from '../../../alerts/vitals.ts'
import { FilterRefused } from '../../../audit/inventory/values.ts'
import type { AlertCounts } from '../../../observability/standing.ts'
import { Thread } from '../../thread.ts'
import { wakerOf } from '../../waker.ts'
import type { StoreFaults } from '../faults.ts'
import type { AlertAnswered, AlertAnswers, AlertQuestion, AskedOfAlerts } from './alert-questions.ts'
import type { AlertsData } from './alerts-worker.ts'

const SCRIPT = new URL(
  import.meta.url.endsWith('.ts') ? './alerts-worker.ts' : './alerts-worker.js',
  import.meta.url,
)
/** ms until a thread that ended is asked again. */
const AGAIN = 1_000

export interface AlertsOptions {
  readonly folder: string
  readonly settings: AlertSettings
  /** How long what names persons is kept; null, or left out: as long as everything. */
  readonly kept?: Millis | null
  /** For tests only. */
  readonly faults?: StoreFaults
}

/**
 * The alerts of a folder that this process serves from, in a thread of its own. What is wrong with their database does
 * not keep anything else from starting: it is told by `progress`, and questions reject with it.
 */
export async function openAlerts({
  folder,
  settings,
  kept = null,
  faults,
}: AlertsOptions): Promise<AlertDesk> {
  const data: AlertsData = { folder, settings, kept, faults: faults?.control ?? null }
  const thread = await Thread.start(SCRIPT, data)
  return new ThreadedDesk(thread, { settings, kept }).desk()
}

/** ms in which new facts are gathered. */
const WAKING = 250

/** The ports of the desk over its thread. One that ended is begun anew, and told again what it was told. */
class ThreadedDesk {
  readonly #thread: Thread
  readonly #listeners: (() => void)[] = []
  readonly #closing = new AbortController()
  #use: Pick<AlertsData, 'settings' | 'kept'>
  #vitals: Vitals | null = null
  readonly #wake: () => void
  #following: Promise<void>

  constructor(thread: Thread, use: Pick<AlertsData, 'settings' | 'kept'>) {
    this.#thread = thread
    this.#use = use
    this.#wake = wakerOf(() => thread.call<void>('wake', null), WAKING)
    this.#following = this.#followNews()
  }

  desk(): AlertDesk {
    const ask = askerOf((asked) => this.#thread.call<AlertAnswered>('ask', asked))
    return {
      ...portsOf(ask),
      feed: {
        wake: () => this.#wake(),
        vitals: (vitals) => {
          this.#vitals = vitals
          this.#send('vitals', vitals)
        },
        use: (settings, kept) => {
          this.#use = { settings, kept }
          this.#send('use', this.#use)
        },
        probed: ask('probed'),
        watched: ask('watched'),
      },
      onNews: (listener) => {
        this.#listeners.push(listener)
      },
      progress: () => this.#thread.call<AlertProgress>('progress', null),
      counts: () => this.#thread.call<AlertCounts>('counts', null),
      close: async () => {
        this.#closing.abort()
        await this.#thread.close()
        await this.#following
      },
    }
  }

  /** What does not arrive because the thread ended is told again when it is begun anew. */
  #send(name: 'vitals' | 'use', told: Vitals | Pick<AlertsData, 'settings' | 'kept'>): void {
    this.#thread.call<void>(name, told).catch(() => {})
  }

  async #followNews(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      try {
        await this.#thread.call<number>('news', null)
        for (const listener of this.#listeners) listener()
      } catch {
        if (signal.aborted) return
        await sleep(AGAIN, null, { signal, ref: false }).catch(() => {})
        if (signal.aborted) return
        this.#send('use', this.#use)
        if (this.#vitals !== null) this.#send('vitals', this.#vitals)
      }
    }
  }
}

/** Asks by name; rejects with FilterRefused where a filter was refused. */
export type Asker = <Name extends AlertQuestion>(
  name: Name,
) => (...given: Parameters<AlertAnswers[Name]>) => Promise<ReturnType<AlertAnswers[Name]>>

export function askerOf(call: (asked: AskedOfAlerts) => Promise<AlertAnswered>): Asker {
  return (name) =>
    async (...given) => {
      const answered = await call({ name, given })
      if ('refused' in answered) throw new FilterRefused(answered.refused.filter, answered.refused.reason)
      return answered.value as never
    }
}

export function portsOf(ask: Asker): Pick<AlertDesk, 'reader' | 'actions' | 'outbox'> {
  return {
    reader: {
      alerts: ask('alerts'),
      alert: ask('alert'),
      deliveries: ask('deliveries'),
      silences: ask('silences'),
      endpoints: ask('endpoints'),
    },
    actions: {
      silence: ask('silence'),
      endSilence: ask('endSilence'),
      addEndpoint: ask('addEndpoint'),
      removeEndpoint: ask('removeEndpoint'),
      forget: ask('forget'),
    },
    outbox: {
      due: ask('due'),
      settle: ask('settle'),
      next: ask('next'),
      hurry: ask('hurry'),
      add: ask('add'),
    },
  }
}
