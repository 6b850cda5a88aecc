import type { AlertDesk } from '../alerts/alert-desk.ts'
import type { Vitals } from '../alerts/vitals.ts'
import type { Happening } from '../audit/inventory/happening.ts'
import type { InventoryCounts } from '../audit/inventory/inventory-counts.ts'
import type { MoreSources } from '../observability/metrics.ts'
import { EXPIRY_DAYS } from '../observability/standing.ts'
import { HappeningCounter } from './happening-counter.ts'
import { VERSION } from './version.ts'

export interface MeasuredParts {
  readonly counts: InventoryCounts
  readonly alerts: Pick<AlertDesk, 'counts'>
  /** As they were measured last; null before the first time. */
  readonly vitals: () => Vitals | null
  /** Names of the configured CAs. */
  readonly cas: () => readonly string[]
  readonly report: (happening: Happening) => void
}

/** What metrics ask of parts that are opened after them: until `use` was called they show nothing of it. */
export class MetricSources {
  #parts: MeasuredParts | null = null
  #counter: HappeningCounter | null = null

  readonly sources: MoreSources = {
    version: VERSION,
    catchUp: async () => this.#counter?.catchUp(),
    certificates: () => this.#certificates(),
    alerts: async () => this.#opened().alerts.counts(),
    vitals: () => this.#parts?.vitals() ?? null,
  }

  /** From now on everything that happens is counted. */
  use(parts: MeasuredParts): void {
    this.#parts = parts
    const isConfigured = (ca: string | null) => ca !== null && parts.cas().includes(ca)
    this.#counter = new HappeningCounter(parts.counts, (happening) =>
      parts.report(isConfigured(happening.ca) ? happening : { ...happening, ca: null }),
    )
  }

  #opened(): MeasuredParts {
    if (this.#parts === null) throw new Error('nothing is open yet')
    return this.#parts
  }

  /** A row for each configured CA, and one for all others: CAs that went out of the configuration, or never were in it. */
  async #certificates() {
    const { counts, cas } = this.#opened()
    const found = await counts.currentCertificates(EXPIRY_DAYS)
    const rows = cas().map((ca) => {
      const { current, within } = found.find((one) => one.ca === ca) ?? NONE
      return { ca, current, within }
    })
    const others = found.filter(({ ca }) => ca === null || !cas().includes(ca))
    if (others.length === 0) return rows
    const sum = (of: (one: (typeof others)[number]) => number) =>
      others.reduce((total, one) => total + of(one), 0)
    return [
      ...rows,
      {
        ca: null,
        current: sum(({ current }) => current),
        within: EXPIRY_DAYS.map((_, at) => sum(({ within }) => within[at] ?? 0)),
      },
    ]
  }
}

const NONE = { current: 0, within: EXPIRY_DAYS.map(() => 0) }
