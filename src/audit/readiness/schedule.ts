import { type ClientHistory, DAY, lifetimeOf, type Renewal, renewalsOf } from './history.ts'
import type { Horizon } from './horizon.ts'
import { type KnownProgram, knownProgram } from './known-programs.ts'
import { type Habit, habitOf, habitText, judge, LEAST_LEFT, text } from './renewal-habit.ts'
import { type Finding, type Judgement, worst } from './verdict.ts'

const ANY_CLIENT =
  'renew at two thirds of the lifetime, or by renewal information (RFC 9773); not after a fixed number of days'
const EVIDENCE = 5

/** Whether the client renews in time once certificates live `lifetime` days. */
export function scheduleFinding(history: ClientHistory, { lifetime }: Pick<Horizon, 'lifetime'>): Finding {
  const renewals = renewalsOf(history)
  const program = knownProgram(history.client.userAgent)
  const { verdict, reason } = judgement(history, renewals, program, lifetime)
  return {
    check: 'schedule',
    lifetime,
    verdict,
    reason,
    evidence: renewals.slice(-EVIDENCE).map(renewalText),
    remedy: verdict === 'ready' ? null : (program?.remedy ?? ANY_CLIENT),
  }
}

function judgement(
  history: ClientHistory,
  renewals: readonly Renewal[],
  program: KnownProgram | null,
  lifetime: number,
): Judgement {
  const short = renewals.filter((renewal) => renewal.lifetime <= lifetime + 1)
  if (short.length > 0) return livedThrough(short)
  const windows = renewals.filter(({ inWindow }) => inWindow !== null)
  if (windows.length > 0 && windows.every(({ inWindow }) => inWindow === true)) {
    return {
      verdict: 'ready',
      reason: 'renews in the window that the CA suggests (RFC 9773), which follows the lifetime',
    }
  }
  const habit = habitOf(renewals)
  switch (habit.seen) {
    case 'none':
      return { verdict: 'not enough seen', reason: `${noRenewal(history)}${byDefault(program, lifetime)}` }
    case 'one':
      return {
        verdict: 'not enough seen',
        reason: `one renewal seen, at ${text(renewals[0]!.age)} of age: no habit can be told from one${byDefault(program, lifetime)}`,
      }
    case 'irregular':
      return irregular(habit.oldest, lifetime)
    case 'habit':
      return byHabit(habit.possible, renewals, program, lifetime)
  }
}

/** Certificates that lived no longer have been renewed already. */
function livedThrough(renewals: readonly Renewal[]): Judgement {
  const left = Math.min(...renewals.map(({ age, lifetime }) => lifetime - age))
  const lived = text(Math.max(...renewals.map(({ lifetime }) => lifetime)))
  if (left <= 0)
    return { verdict: 'breaks', reason: `a certificate of ${lived} was renewed ${text(-left)} after its end` }
  return {
    verdict: 'ready',
    reason: `renews certificates of ${lived} already, with ${text(left)} or more left`,
  }
}

function irregular(oldest: number, lifetime: number): Judgement {
  const left = lifetime - oldest
  if (left >= LEAST_LEFT)
    return { verdict: 'ready', reason: `renews at no constant age, but never after ${text(oldest)}` }
  return {
    verdict: 'at risk',
    reason: `renews at no constant age, once only after ${text(oldest)}: by hand, or on a schedule that fails at times`,
  }
}

function byHabit(
  possible: readonly Habit[],
  renewals: readonly Renewal[],
  program: KnownProgram | null,
  lifetime: number,
): Judgement {
  const judged = possible.map((habit) => ({ habit, ...judge(habit, lifetime) }))
  const verdicts = new Set(judged.map(({ verdict }) => verdict))
  const seen = `${renewals.length} renewals`
  if (verdicts.size === 1) return { verdict: judged[0]!.verdict, reason: `${seen}: ${judged[0]!.reason}` }
  if (program?.defaults.length === 0) {
    const own = judged.find(({ habit }) => habit.kind === 'age')!
    return {
      verdict: own.verdict,
      reason: `${program.name} renews whenever it is run; ${seen}: ${own.reason}`,
    }
  }
  const byProgram = program?.defaults.find((habit) => renewals.every((renewal) => explains(habit, renewal)))
  if (byProgram !== undefined) {
    const { verdict, reason } = judge(byProgram, lifetime)
    return { verdict, reason: `${seen} fit ${program!.name}'s default, ${habitText(byProgram)}: ${reason}` }
  }
  const worstOfAll = worst([...verdicts])
  const bad = judged.find(({ verdict }) => verdict === worstOfAll)!
  return {
    verdict: 'at risk',
    reason: `${seen} at ${text(renewals.at(-1)!.age)} of age, all of certificates that lived equally long: if it counts days ${bad.habit.kind === 'remaining' ? 'before the end' : 'after issuance'}, ${bad.reason}; that it counts otherwise cannot be told from them`,
  }
}

const EXPLAINED_DAYS = 3

function explains(habit: Habit, { age, lifetime }: Renewal): boolean {
  const expected =
    habit.kind === 'age'
      ? habit.days
      : habit.kind === 'remaining'
        ? lifetime - habit.days
        : lifetime * habit.share
  return Math.abs(age - expected) <= EXPLAINED_DAYS
}

function noRenewal({ certificates }: ClientHistory): string {
  const last = certificates.at(-1)
  if (last === undefined) return 'no certificate seen yet'
  return `no renewal seen yet; its last certificate lives ${text(lifetimeOf(last))}`
}

function byDefault(program: KnownProgram | null, lifetime: number): string {
  if (program === null || program.defaults.length === 0) return ''
  const { name, defaults } = program
  const { verdict } = judge(defaults[0]!, lifetime)
  return `. ${name}'s default, ${habitText(defaults[0]!)}, would be: ${verdict}`
}

function renewalText({ name, at, age, lifetime }: Renewal): string {
  return `${dateText(at)} ${name} at ${text(age)} of ${text(lifetime)}`
}

export function dateText(at: number): string {
  return new Date(Math.floor(at / DAY) * DAY).toISOString().slice(0, 10)
}
