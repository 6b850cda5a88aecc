import type { Renewal } from './history.ts'
import type { Judgement } from './verdict.ts'

/** When a client renews: days after issuance, days before the end, or at a share of the lifetime. */
export type Habit =
  | { readonly kind: 'age'; readonly days: number }
  | { readonly kind: 'remaining'; readonly days: number }
  | { readonly kind: 'share'; readonly share: number }

/** What renewals show: habits that each explain all of them, or none. */
export type SeenHabit =
  | { readonly seen: 'none' | 'one' }
  | { readonly seen: 'irregular'; readonly oldest: number }
  | { readonly seen: 'habit'; readonly possible: readonly Habit[] }

/** Days between the youngest and the oldest that still count as the same age. */
const SAME_DAYS = 3
const SAME_SHARE = 0.05

/**
 * Which habits fit. Where all certificates lived equally long, days after issuance, days before the end and a share
 * cannot be told apart: then all three are possible.
 */
export function habitOf(renewals: readonly Renewal[]): SeenHabit {
  if (renewals.length < 2) return { seen: renewals.length === 0 ? 'none' : 'one' }
  const ages = renewals.map(({ age }) => age)
  const remaining = renewals.map(({ age, lifetime }) => lifetime - age)
  const shares = renewals.map(({ age, lifetime }) => age / lifetime)
  const possible: Habit[] = []
  if (spread(ages) <= SAME_DAYS) possible.push({ kind: 'age', days: middle(ages) })
  if (spread(remaining) <= SAME_DAYS) possible.push({ kind: 'remaining', days: middle(remaining) })
  const shortest = Math.min(...renewals.map(({ lifetime }) => lifetime))
  if (spread(shares) <= SAME_SHARE && spread(shares) * shortest <= SAME_DAYS)
    possible.push({ kind: 'share', share: middle(shares) })
  return possible.length === 0
    ? { seen: 'irregular', oldest: Math.max(...ages) }
    : { seen: 'habit', possible }
}

/** Days that must be left for what may go wrong. */
export const LEAST_LEFT = 7

/** What a habit means for certificates that live `lifetime` days. */
export function judge(habit: Habit, lifetime: number): Judgement {
  if (habit.kind === 'remaining' && habit.days >= lifetime) {
    return {
      verdict: 'at risk',
      reason: `renewing ${text(habit.days)} before the end is at every run: duplicates use up the CA's limits`,
    }
  }
  const left =
    habit.kind === 'age'
      ? lifetime - habit.days
      : habit.kind === 'remaining'
        ? habit.days
        : lifetime * (1 - habit.share)
  const when = habitText(habit)
  if (left <= 0) return { verdict: 'breaks', reason: `renewing ${when} is ${text(-left)} after the end` }
  if (left < LEAST_LEFT)
    return { verdict: 'at risk', reason: `renewing ${when} leaves ${text(left)} for what may fail` }
  return { verdict: 'ready', reason: `renewing ${when} leaves ${text(left)}` }
}

export function habitText(habit: Habit): string {
  if (habit.kind === 'age') return `${text(habit.days)} after issuance`
  if (habit.kind === 'remaining') return `${text(habit.days)} before the end`
  return `at ${Math.round(habit.share * 100)} % of the lifetime`
}

export function text(days: number): string {
  const rounded = Math.round(days * 10) / 10
  return `${rounded} day${rounded === 1 ? '' : 's'}`
}

function spread(values: readonly number[]): number {
  return Math.max(...values) - Math.min(...values)
}

function middle(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)]!
}
