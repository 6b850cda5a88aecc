import type { Operation } from '../acme/operation.ts'
import type { ProblemName } from '../acme/problem-types.ts'
import type { Effect, PolicyMode } from '../exchange/decision.ts'
import type { PolicyDocument } from './document.ts'
import type { PolicyFacts } from './facts.ts'
import type { HistoryQuestion } from './history.ts'
import type { Judged } from './judged.ts'
import type { Judging, Rooms } from './judging.ts'
import type { Possible } from './possible.ts'
import type { RuleFinder } from './rule-finder.ts'
import type { Steady } from './steady.ts'
import type { Truth } from './truth.ts'

/** A policy ready to decide: the compiled form of a document. */
export interface Policy {
  readonly document: PolicyDocument
  /** SHA-256 (hex) of what it was made from: its file and the files of its lists. */
  readonly digest: string
  readonly rules: readonly Rule[]
  readonly needs: Needs
  /** How many answers an evaluation keeps: see policy/judging.ts. */
  readonly slots: number
  readonly rooms: Rooms
  readonly finder: RuleFinder
}

/** One compiled rule, every null of its document resolved. */
export interface Rule {
  readonly index: number
  readonly name: string
  readonly effect: Effect | 'warn'
  readonly mode: PolicyMode
  /** Whether it does more than to say what would be: decides in force, or warns. */
  readonly acts: boolean
  readonly when: Condition
  /** What `when` asks of the request whatever the name, cheap parts only: where it is false, no name has to be judged. */
  readonly first: Condition | null
  /** Fills the placeholders in. */
  readonly message: (values: MessageValues) => string
  readonly link: string | null
  readonly owner: string | null
  readonly expires: number | null
  readonly unknown: 'match' | 'skip'
  readonly problem: ProblemName | null
  /** Names of the webhooks that it asks, each once. */
  readonly webhooks: readonly string[]
}

/** What placeholders stand for; docs/policy.md lists them. */
export type MessageValues = Readonly<Record<string, string>>

export interface Condition {
  /** Whether its answer depends on the name that is judged; else it is asked once for a request. */
  readonly perName: boolean
  /** As a person wrote it, on one line. */
  readonly text: string
  /** For requests without names a condition on names is `false`. Never throws. */
  test(facts: PolicyFacts, name: Judged): Truth
  /** The same within one evaluation, and what is still open while a webhook was not asked. */
  judge(judging: Judging, name: Judged): Possible
  /** All that it may turn out to be at this operation, whatever the request is. */
  possibleAt(operation: Operation): Possible
  /** The parts of `all`, `any`, `not`; empty for a plain one. For traces. */
  readonly parts: readonly Condition[]
  /** Conditions of which none may be false where this is to be true: itself, or its parts and theirs. */
  readonly needed: readonly Condition[]
  readonly steady: Steady | null
}

/** What has to be looked up before the policy can decide; nothing is asked that no rule reads. */
export interface Needs {
  /** Contacts and external account binding of the account. */
  readonly account: boolean
  /** What the newOrder asked for, at later requests. */
  readonly order: boolean
  readonly history: readonly HistoryQuestion[]
  readonly keyUses: boolean
  readonly accountKey: boolean
}
