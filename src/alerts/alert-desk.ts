import type { Page } from '../audit/inventory/values.ts'
import type { Person } from '../audit/person.ts'
import type { AlertCounts } from '../observability/standing.ts'
import type { Alert, AlertFilter, Silence, SilenceRequest } from './alert.ts'
import type { EndpointFilter, EndpointState } from './endpoint.ts'
import type { Delivery, DeliveryFilter, Notification } from './notification.ts'
import type { AlertSettings, Millis } from './rule.ts'
import type { Vitals } from './vitals.ts'

/** Alerts as they are kept: what the HTTP interface and commands ask. Lists are newest first. */
export interface AlertReader {
  alerts(filter: AlertFilter): Promise<Page<Alert>>
  /** By id; null when there is none. */
  alert(id: string): Promise<Alert | null>
  deliveries(filter: DeliveryFilter): Promise<Page<Delivery>>
  /** Those that hold now, and with `ended` those of the last 30 days that no longer do. */
  silences(ended: boolean): Promise<readonly Silence[]>
  endpoints(filter: EndpointFilter): Promise<Page<EndpointState>>
}

/** What people do to them. */
export interface AlertActions {
  /** Rejects with FilterRefused where `until` is past or more than a year ahead, or nothing is given to match. */
  silence(request: SilenceRequest, by: string): Promise<Silence>
  /** False when there is no such silence, or it has ended. */
  endSilence(id: string): Promise<boolean>
  addEndpoint(endpoint: string): Promise<EndpointState>
  /** False when it is not on the list, or comes from the configuration. */
  removeEndpoint(endpoint: string): Promise<boolean>
  /** Erases what names a person in alerts, messages and silences; how many there were. `dry` only counts. */
  forget(person: Person, dry: boolean): Promise<number>
}

/** What waits to be sent. One consumer. */
export interface Outbox {
  /**
   * Due at `now`: of each channel and key the oldest that is neither delivered nor refused, unless it waits for its
   * next attempt. At most `limit`.
   */
  due(now: Millis, limit: number): Promise<readonly Notification[]>
  settle(id: string, channel: string, settled: Settled): Promise<void>
  /** When the next one is due; null when none waits. */
  next(): Promise<Millis | null>
  /** What waits for its next attempt at these channels is due now. */
  hurry(channels: readonly string[], now: Millis): Promise<void>
  add(notification: Omit<Notification, 'number'>): Promise<Notification>
}

export type Settled =
  | { readonly state: 'delivered'; readonly at: Millis }
  | { readonly state: 'waiting'; readonly at: Millis; readonly next: Millis; readonly error: string }
  | { readonly state: 'refused'; readonly at: Millis; readonly error: string }

/** What the server tells the thread that evaluates. */
export interface AlertFeed {
  /** There is news in the inventory. Costs nothing, however often it is called. */
  wake(): void
  vitals(vitals: Vitals): void
  /** New settings; alerts of a rule that was switched off are resolved. `kept`: how long what names persons is kept. */
  use(settings: AlertSettings, kept: Millis | null): void
  /** What a probe found. */
  probed(state: EndpointState): Promise<void>
  /** What is watched now beside what was added by hand: what was found at any other place is forgotten. */
  watched(endpoints: readonly string[]): Promise<void>
}

export interface AlertProgress {
  /** The last fact that was evaluated; 0 before the first. */
  readonly evaluated: number
  /** Why nothing is evaluated, or not everything; null while all is well. */
  readonly fault: string | null
  readonly firing: number
  /** ms from what was recorded to the first notification of it, over the last 1,000; null before the first. */
  readonly latency: { readonly p50: number; readonly p99: number; readonly count: number } | null
}

export interface AlertDesk {
  readonly reader: AlertReader
  readonly actions: AlertActions
  readonly outbox: Outbox
  readonly feed: AlertFeed
  /** Told whenever something was put into the outbox. */
  onNews(listener: () => void): void
  progress(): Promise<AlertProgress>
  /** For metrics; asked with every scrape, so counts of SQL and of what the thread knows by heart. `began` counts from its start. */
  counts(): Promise<AlertCounts>
  close(): Promise<void>
}
