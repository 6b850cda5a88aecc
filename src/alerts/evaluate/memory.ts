/**
 * src/alerts/evaluate makes alerts of what rules say, and notifications of alerts. Start with `evaluator.ts`. It is
 * deterministic: the same memory, input and time give the same alerts and notifications. What it must remember is in
 * {@link AlertMemory}, so that a process that ends at any point loses nothing.
 *
 * Every call answers at once. The caller runs each call of the evaluator in one transaction, together with the position
 * it has read to; where that is rolled back, the evaluator is to be made anew. Lists are whole, never cursors: the
 * evaluator writes while it reads them.
 */
import type { Alert, Silence } from '../alert.ts'
import type { Delivery, Notification } from '../notification.ts'
import type { Millis } from '../rule.ts'
import type { RuleName, Severity } from '../rule-names.ts'
import type { Tally } from './tally.ts'

/** What the evaluator needs to remember. */
export interface AlertMemory {
  readonly alerts: AlertBook
  readonly queue: TellingQueue
  readonly outbox: OutboxBook
  readonly notes: Notes
  /** Silences that are not taken back and whose `until` is after `now`; the oldest first. */
  silences(now: Millis): readonly Silence[]
}

/** An alert with what only the evaluator knows about it. */
export interface KeptAlert {
  readonly alert: Alert
  /** Who is told together: the `group` of the occurrence. */
  readonly group: string
  readonly isNotice: boolean
  /** Resolved by itself then, unless it is seen again; null: only by a resolution. */
  readonly until: Millis | null
  /** When the evaluator must look at it again; null: when it is seen again. Always null once resolved. */
  readonly wake: Millis | null
  /** By channel: those it was routed to. */
  readonly channels: Readonly<Record<string, Told>>
}

/** What one channel was told of one alert. */
export interface Told {
  /** When it was told last that it fires; null: not yet. */
  readonly at: Millis | null
  /** The alert's, when it was told last. */
  readonly count: number
  readonly severity: Severity
  readonly step: string | null
  /** The lane where it waits to be told; null while it does not. */
  readonly waits: string | null
  /** It was named in a notification, not only counted. */
  readonly listed: boolean
  /** It is told here because it was not resolved in time, or because another channel did not take it. */
  readonly escalated: boolean
}

export interface AlertBook {
  /** The one that fires with this rule and key. There is at most one. */
  firing(rule: RuleName, key: string): KeptAlert | null
  byId(id: string): KeptAlert | null
  /** Keeps it under `alert.id`, new or in place of what is there. */
  put(kept: KeptAlert): void
  /** All of the rule that fire, in the order they were put first. */
  firingOf(rule: RuleName): readonly { readonly id: string; readonly key: string }[]
  /** Those that fire and whose `subject.names` hold the name; of this client alone, where one is given. */
  firingAbout(rule: RuleName, name: string, client: string | null): readonly KeptAlert[]
  /** Those whose `wake` is at or before `now`; by `wake`, then id; at most `limit`. */
  due(now: Millis, limit: number): readonly KeptAlert[]
  /** The soonest `wake`. */
  nextWake(): Millis | null
  /** Per rule with alerts: how many fire now, and how many began (`since`) in [from, to), with the sum of their counts. */
  summary(from: Millis, to: Millis): readonly RuleSummary[]
}

export interface RuleSummary {
  readonly rule: RuleName
  readonly firing: number
  readonly began: number
  readonly occurrences: number
}

export type TellingKind = 'firing' | 'resolved' | 'escalation'

/** An alert that waits to be told to a channel. At most one for each channel and alert. */
export interface Waiting {
  readonly channel: string
  /** Id of the alert. */
  readonly alert: string
  readonly kind: TellingKind
  /** {@link Lane.id} */
  readonly lane: string
  readonly group: string
  readonly due: Millis
}

/** What one channel is told under one allowance: of one rule, of one kind; or the digest. */
export interface Lane {
  /** At most 100 characters. */
  readonly id: string
  readonly channel: string
  /** Null: the digest. */
  readonly rule: RuleName | null
  readonly kind: TellingKind | 'digest'
  /** When it is to be looked at; null while nothing waits. */
  readonly due: Millis | null
  /** When notifications were made, the last ones. */
  readonly sends: readonly Millis[]
  /** Something waits because the allowance is used up. */
  readonly held: boolean
  /** What was told since the first notification of this burst; null before. */
  readonly total: Tally | null
}

export interface TellingQueue {
  /** In place of what waits for the same channel and alert; it then counts as put now. */
  put(waiting: Waiting): void
  drop(channel: string, alert: string): void
  /** In the order they were put. */
  waiting(lane: string): readonly Waiting[]
  lane(id: string): Lane | null
  /** Under its id, new or in place of what is there. */
  putLane(lane: Lane): void
  /** Whose `due` is at or before `now`; by `due`, then id. */
  dueLanes(now: Millis): readonly Lane[]
  /** The soonest `due`. */
  nextDue(): Millis | null
  /** Forgets what waits for a channel that is no more, and its lanes. */
  forget(channel: string): void
}

export interface OutboxBook {
  /** The largest number ever given; 0 at first. */
  lastNumber(): number
  /** To be sent at once. `number` is larger than {@link lastNumber}. */
  add(notification: Notification): void
  /**
   * Of the channel: refused, or made at or before `before` and still waiting; and not yet escalated. The oldest first;
   * at most `limit`.
   */
  overdue(
    channel: string,
    before: Millis,
    limit: number,
  ): readonly { readonly notification: Notification; readonly state: Delivery['state'] }[]
  /** It was told to the second channel, or there is none: {@link overdue} no longer gives it. */
  escalated(id: string): void
  /** When the oldest that {@link overdue} may give was made; 0 where one is refused; null without any. */
  oldest(channel: string): Millis | null
  /** One with this key waits to be sent to the channel. */
  isWaiting(channel: string, key: string): boolean
}

/** Small values by name (at most 100 characters): when the last report was made, and such. */
export interface Notes {
  get(name: string): string | null
  /** Null forgets it. */
  set(name: string, value: string | null): void
}
