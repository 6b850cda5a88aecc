/**
 * The table of texts: one file per topic, one row per wording. Texts are matched after `normalise.ts` (straight double
 * quotes, single spaces, at most 4 KiB), without regard to case, anywhere in the text. A pattern has bounded
 * quantifiers only, so that no text makes it slow; a test checks that of every row. Named groups become details.
 */
import type { DiagnosisClass } from '../classes.ts'

export interface Row {
  readonly class: DiagnosisClass
  readonly pattern: RegExp
  /** The same for a text in lower case: several times faster where it does not match. */
  readonly lower: RegExp
  /** Short names of problem types. Left out: any; a type that is no ACME type fits every row. */
  readonly types?: readonly string[]
  readonly operations?: readonly string[]
  readonly challenges?: readonly string[]
  /** What is known beside what the pattern finds. */
  readonly details?: Readonly<Record<string, string>>
}

type Conditions = Omit<Row, 'class' | 'pattern' | 'lower'>

/** Rows of one class, from the sources of their patterns, which hold no escape in upper case. */
export function rows(name: DiagnosisClass, patterns: readonly string[], conditions: Conditions = {}): Row[] {
  return patterns.map((source) => ({
    class: name,
    pattern: new RegExp(source, 'i'),
    lower: new RegExp(source.toLowerCase()),
    ...conditions,
  }))
}

/** A DNS name or address, with or without quotes. */
export const named = (group: string) => `"?(?<${group}>[\\w.*:-]{1,255}[\\w*])"?`
/** What stands in quotes; the closing one may have been cut off. */
export const quoted = (group: string) => `"(?<${group}>[^"]{0,300})`
