/** What the process of hostile peers is told and tells. */
export const HOSTILE_KINDS = [
  'silent',
  'halfConnect',
  'halfHandshake',
  'idleAfterTls',
  'drippingHeader',
  'drippingBody',
  'keptIdle',
  'notReading',
  'idleTunnel',
] as const
export type HostileKind = (typeof HOSTILE_KINDS)[number]

export interface HostileOrder {
  readonly proxyPort: number
  /** `host:port` of the CA, and its path that may be asked for. */
  readonly authority: string
  readonly path: string
  /** `host:port` that may be reached blindly. */
  readonly blind: string
  readonly trust: string
  readonly counts: Readonly<Record<HostileKind, number>>
  /** Connections opened a second. */
  readonly rate: number
  /** Connections from one address. */
  readonly perAddress: number
}

export interface HostileState {
  /** Those that are where they want to be. */
  readonly open: Readonly<Record<HostileKind, number>>
  /** ms from being there to being cut by the other side, the longest and the shortest. */
  readonly longest: Readonly<Record<HostileKind, number>>
  readonly shortest: Readonly<Record<HostileKind, number>>
  readonly cut: Readonly<Record<HostileKind, number>>
  /** Attempts that did not get where they wanted. */
  readonly turnedAway: number
}
