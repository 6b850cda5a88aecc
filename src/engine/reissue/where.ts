/**
 * src/engine/reissue chooses certificates of the inventory, plans how each would be issued again, and does it.
 *
 * `--where` is a small language: `name~**.example.com and expires<14d and not (ca=pebble or managed)`. A condition is a
 * term, an operator and a value, or a single word. `and` binds tighter than `or`. Values with blanks, parentheses or
 * operators stand in quotes. A duration is a distance from now: `expires<14d` ends in less than 14 days, `issued>30d` was
 * issued more than 30 days ago; a date is a date.
 */
import type { Pattern } from '../../policy/names/pattern.ts'

export type Where =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Where[] }
  | { readonly kind: 'not'; readonly part: Where }
  | Condition

export type Condition =
  | { readonly kind: 'flag'; readonly flag: Flag }
  | {
      readonly kind: 'text'
      readonly term: TextTerm
      readonly operator: TextOperator
      readonly value: string
    }
  | { readonly kind: 'names'; readonly pattern: Pattern }
  | {
      readonly kind: 'time'
      readonly term: TimeTerm
      readonly operator: Comparison
      /** µs: a moment, or a distance from now. */
      readonly value: { readonly at: number } | { readonly distance: number }
    }
  | {
      readonly kind: 'key'
      /** `rsa`, `ec`, `ed25519`, or the kind as the inventory has it, in lower case. */
      readonly type: string
      readonly bits: { readonly operator: Comparison | '='; readonly value: number } | null
      readonly negated: boolean
    }

export type Comparison = '<' | '<=' | '>' | '>='
export type TextOperator = '=' | '!=' | '~'

export const FLAGS = [
  'valid',
  'expired',
  'revoked',
  'replaced',
  'managed',
  'observed',
  'imported',
  'overdue',
  'ari',
  'wildcard',
] as const
/** `valid`: neither expired, revoked nor replaced. `ari`: the window that its CA suggests has begun. */
export type Flag = (typeof FLAGS)[number]

export const TEXT_TERMS = [
  'name',
  'issuer',
  'ca',
  'account',
  'client',
  'label',
  'serial',
  'fingerprint',
  'profile',
] as const
export type TextTerm = (typeof TEXT_TERMS)[number]

export const TIME_TERMS = ['expires', 'issued'] as const
export type TimeTerm = (typeof TIME_TERMS)[number]

/** What can't be read, at which column (from 1), and what to write instead. One line. */
export class WhereError extends Error {
  readonly column: number

  constructor(column: number, message: string) {
    super(`column ${column}: ${message}`)
    this.name = 'WhereError'
    this.column = column
  }
}

/** Whether the expression speaks of this state: what has ended, was revoked or replaced is chosen only where it does. */
export function speaksOf(where: Where, flag: Flag): boolean {
  switch (where.kind) {
    case 'and':
    case 'or':
      return where.parts.some((part) => speaksOf(part, flag))
    case 'not':
      return speaksOf(where.part, flag)
    case 'flag':
      return where.flag === flag
    default:
      return false
  }
}

/** Whether it asks for this term at all. */
export function asksFor(where: Where, term: TextTerm): boolean {
  switch (where.kind) {
    case 'and':
    case 'or':
      return where.parts.some((part) => asksFor(part, term))
    case 'not':
      return asksFor(where.part, term)
    case 'text':
      return where.term === term
    default:
      return false
  }
}
