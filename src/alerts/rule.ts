import type { Happening } from '../audit/inventory/happening.ts'
import type { Config } from '../config/schema.ts'
import type { Alert, Subject } from './alert.ts'
import type { Look } from './look.ts'
import type { Millis } from './millis.ts'
import type { RuleName, Severity } from './rule-names.ts'
import type { Vitals } from './vitals.ts'

export type { Millis }

/** Seen now. An alert fires, or the one that fires with this key is seen again. */
export interface Occurrence {
  readonly rule: RuleName
  /** Bounded and stable: the same trouble has the same key. At most 400 characters. */
  readonly key: string
  readonly severity: Severity
  readonly at: Millis
  /** Who is told together: one notification tells what came up with the same group. Empty: all of the rule. */
  readonly group: string
  readonly subject: Subject
  readonly title: string
  readonly cause: string
  readonly remedy: string
  readonly fixer: Alert['fixer']
  readonly said: string | null
  readonly evidence: Alert['evidence']
  /** Resolved by itself when it was not seen again until then; null: only by a resolution. */
  readonly until: Millis | null
  /** What is merely to be known is told once; that it is over is told to nobody. */
  readonly isNotice: boolean
}

/** Ends the alert of that key, or all of the rule that are about the name, if they fire. */
export interface Resolution {
  readonly rule: RuleName
  readonly by: { readonly key: string } | AboutName
  readonly at: Millis
  /** One sentence. */
  readonly why: string
}

/** What is null is no condition; neither is a CA or an account that the alert does not know. */
export interface AboutName {
  readonly name: string
  readonly client: string | null
  readonly ca: string | null
  readonly account: string | null
}

export interface Signals {
  readonly occurrences: readonly Occurrence[]
  readonly resolutions: readonly Resolution[]
}

export type AlertSettings = Config['alerts']
export type RuleSettings<Name extends RuleName> = AlertSettings['rules'][Name]

/** Asked about everything that happened, in order, once. Pure but for `look`. */
export interface EventRule {
  readonly name: RuleName
  readonly kinds: readonly Happening['kind'][]
  signals(happening: Happening, settings: AlertSettings, look: Look): Signals
}

/**
 * Asked now and then how things stand: gives everything that is wrong at `now`. What fired before and is not among it is
 * resolved. Pure but for `look`.
 */
export interface StateRule {
  readonly name: RuleName
  /** ms between two looks. */
  readonly every: Millis
  /** Why what is no longer among them counts as resolved. One sentence. */
  readonly resolution: string
  /**
   * ms. What came again so soon after it was over is over only when it was not found for as long; and nothing is over
   * before the vitals were measured for as long. For few keys.
   */
  readonly settles?: Millis
  occurrences(now: Millis, settings: AlertSettings, look: Look, vitals: Vitals): Iterable<Occurrence>
}
