import type { Habit } from './renewal-habit.ts'

export interface KnownProgram {
  readonly name: string
  /** Its defaults. None where it renews whenever it is run, so that the site's own schedule is the habit. */
  readonly defaults: readonly Habit[]
  /** How to have it renew in time whatever the lifetime. */
  readonly remedy: string
}

const thirds: Habit = { kind: 'share', share: 2 / 3 }
const remaining = (days: number): Habit => ({ kind: 'remaining', days })
const age = (days: number): Habit => ({ kind: 'age', days })

const WITH_CRON = 'run it daily'

type Row = readonly [
  pattern: RegExp,
  name: string,
  defaults: (version: number) => readonly Habit[],
  remedy: string,
]

/** docs/outage.md says where each default was checked. Traefik before lego, which it is built on. */
const PROGRAMS: readonly Row[] = [
  [
    /^CertbotACMEClient\/(\d+)/,
    'certbot',
    (v) => [v >= 4 ? thirds : remaining(30)],
    'update to certbot 4.1 or later, which asks the CA when to renew',
  ],
  [/traefik/i, 'Traefik', () => [remaining(30)], 'set certificatesDuration to the lifetime in hours'],
  [
    /xenolf-acme\/(\d+)|^lego/,
    'lego',
    (v) => [v >= 5 ? thirds : remaining(30)],
    'renew with --dynamic, or update to lego 5',
  ],
  [
    /^acme\.sh/,
    'acme.sh',
    () => [age(59), age(29)],
    'issue again with --days 30, or update to a release that asks for renewal information',
  ],
  [
    /^dehydrated/,
    'dehydrated',
    () => [remaining(30)],
    `set RENEW_DAYS to a third of the lifetime and ${WITH_CRON}`,
  ],
  [/^uacme/, 'uacme', () => [remaining(30)], `set --days to a third of the lifetime and ${WITH_CRON}`],
  [/^lacme/, 'lacme', () => [remaining(21)], `set min-days to a third of the lifetime and ${WITH_CRON}`],
  [/^acme-tiny/, 'acme-tiny', () => [], 'it renews at every run: run it weekly'],
  [/CertMagic|^Caddy/, 'Caddy', () => [thirds], 'leave renewal_window_ratio at its default'],
  [
    /^cert-manager/,
    'cert-manager',
    () => [thirds],
    'take renewBefore out of the Certificate, or use renewBeforePercentage',
  ],
  [/\bmod_md\//, 'mod_md', () => [thirds], 'write MDRenewWindow as a percentage'],
  [
    /^HAProxy/,
    'HAProxy',
    () => [{ kind: 'share', share: 11 / 12 }],
    'have its certificates renewed by another client',
  ],
  [/win-acme|simple-acme|\bwacs\b/i, 'win-acme', () => [age(55)], 'set RenewalDays in settings.json to 30'],
]

/** The program behind a User-Agent, where its way to renew is known. */
export function knownProgram(userAgent: string | null): KnownProgram | null {
  for (const [pattern, name, defaults, remedy] of PROGRAMS) {
    const found = pattern.exec(userAgent ?? '')
    if (found !== null) return { name, defaults: defaults(Number(found[1] ?? 0)), remedy }
  }
  return null
}
