import type { Happening } from './happening.ts'

/** Certificates neither replaced, revoked nor expired. `ca`: null of those of no configured CA. */
export interface CurrentCertificateCount {
  readonly ca: string | null
  readonly current: number
  /** How many of them end within so many days, for each number asked for. */
  readonly within: readonly number[]
}

/** A happening's place in their order. */
export interface HappeningPlace {
  readonly fact: number
  readonly n: number
}

/** What metrics are made of. */
export interface InventoryCounts {
  currentCertificates(days: readonly number[]): Promise<readonly CurrentCertificateCount[]>
  /** At most `limit` of those behind `after`, in order, and the place of the last one. Null: none, and where they end now. */
  happeningsAfter(
    after: HappeningPlace | null,
    limit: number,
  ): Promise<{ readonly happenings: readonly Happening[]; readonly place: HappeningPlace }>
}
