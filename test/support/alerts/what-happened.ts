/** Happenings with everything that a test does not care about, and what the rules make of them. */
import type { Look } from '../../../src/alerts/look.ts'
import type { AlertSettings, Occurrence, Resolution } from '../../../src/alerts/rule.ts'
import { EVENT_RULES } from '../../../src/alerts/rules/event-rules.ts'
import type { DiagnosisClass } from '../../../src/audit/diagnosis/classes.ts'
import { describe } from '../../../src/audit/diagnosis/describe.ts'
import type { Happening, HappeningOf } from '../../../src/audit/inventory/happening.ts'
import { lookAt, SETTINGS } from './how-things-stand.ts'

type Part<Kind extends Happening['kind']> = Partial<Omit<HappeningOf<Kind>, 'kind'>>

/** ms. */
export const NOW = Date.parse('2026-03-02T10:00:00.000Z')
export const CLIENT = { id: 'c'.repeat(16), program: 'lego', source: '192.0.2.7', label: 'web-1' }
export const OTHER = { id: 'd'.repeat(16), program: 'certbot', source: '192.0.2.8', label: null }
export const ACCOUNT = { id: 'a'.repeat(16), url: 'https://ca.example/acct/1' }

let facts = 0

function about(given: Part<Happening['kind']>) {
  facts += 1
  return {
    fact: facts,
    n: 0,
    at: new Date(NOW).toISOString(),
    exchange: `exchange ${facts}`,
    ca: 'letsencrypt',
    mode: 'intercept',
    operation: 'newOrder',
    account: ACCOUNT,
    client: CLIENT,
    order: 'e'.repeat(16),
    names: ['www.example.com'],
    ...given,
  }
}

export function failed(
  name: DiagnosisClass,
  given: Part<'failed'> & { readonly details?: Readonly<Record<string, string>> } = {},
): HappeningOf<'failed'> {
  const { details = {}, ...rest } = given
  return {
    kind: 'failed',
    failure: 'f'.repeat(16),
    validation: false,
    shownBy: 'exchange',
    challengeType: null,
    outcome: 'response',
    status: 403,
    problem: { type: 'urn:ietf:params:acme:error:unauthorized', detail: `it said ${name}` },
    diagnosis: describe(name, details),
    ...about(rest),
  } as HappeningOf<'failed'>
}

/** A failed challenge. */
export function unvalidated(name: DiagnosisClass, given: Parameters<typeof failed>[1] = {}) {
  return failed(name, {
    operation: 'authorization',
    validation: true,
    shownBy: 'challenge',
    challengeType: 'http-01',
    status: 200,
    ...given,
  })
}

export function limited(limit: string, given: Part<'limited'> = {}): HappeningOf<'limited'> {
  const own = { by: 'ca', limit, key: null, until: null, status: 429, detail: `it said ${limit}` }
  return { kind: 'limited', ...own, ...about(given) } as HappeningOf<'limited'>
}

export function warned(given: Part<'warned'> = {}): HappeningOf<'warned'> {
  const warnings = [
    { rule: 'soon-forbidden', message: 'use your own zone' },
    { rule: 'weak-key', message: 'RSA 2048 ends with the year' },
  ]
  return { kind: 'warned', policy: 'd'.repeat(64), warnings, ...about(given) } as HappeningOf<'warned'>
}

export function accountSeen(given: Part<'accountSeen'> = {}): HappeningOf<'accountSeen'> {
  return {
    kind: 'accountSeen',
    created: true,
    ...about({ operation: 'newAccount', order: null, names: [], ...given }),
  } as HappeningOf<'accountSeen'>
}

export function ordered(given: Part<'ordered'> = {}): HappeningOf<'ordered'> {
  return { kind: 'ordered', replaces: null, profile: null, ...about(given) } as HappeningOf<'ordered'>
}

export function validated(given: Part<'validated'> = {}): HappeningOf<'validated'> {
  return { kind: 'validated', ...about({ operation: 'authorization', ...given }) } as HappeningOf<'validated'>
}

/** `life` in days. */
export function issued(given: Part<'issued'> = {}, life = 90): HappeningOf<'issued'> {
  return {
    kind: 'issued',
    fingerprint: '9'.repeat(64),
    serial: '3f2a',
    notBefore: new Date(NOW).toISOString(),
    notAfter: new Date(NOW + life * 86_400_000).toISOString(),
    spki: '5'.repeat(64),
    ...about({ operation: 'certificate', ...given }),
  } as HappeningOf<'issued'>
}

export interface Signalled {
  readonly occurrences: readonly Occurrence[]
  readonly resolutions: readonly Resolution[]
}

/** What all rules say of it. */
export function signals(
  happening: Happening,
  look: Partial<Look> = {},
  settings: AlertSettings = SETTINGS,
): Signalled {
  const all = EVENT_RULES.filter(({ kinds }) => kinds.includes(happening.kind)).map((rule) =>
    rule.signals(happening, settings, { ...lookAt({}), ...look }),
  )
  return {
    occurrences: all.flatMap((one) => one.occurrences),
    resolutions: all.flatMap((one) => one.resolutions),
  }
}

/** Rule and key of the alerts that it begins. */
export function begun(happening: Happening, look: Partial<Look> = {}): string[] {
  return signals(happening, look).occurrences.map(({ rule, key }) => `${rule}: ${key}`)
}

/** Whether it ends an alert that was begun so, as far as its key and names tell. */
export function ends(happening: Happening, alert: Occurrence): boolean {
  return signals(happening).resolutions.some(({ rule, by }) => {
    if (rule !== alert.rule) return false
    if ('key' in by) return by.key === alert.key
    const { names, client, ca, account } = alert.subject
    const is = (wanted: string | null, known: string | null) => wanted === null || wanted === known
    return names.includes(by.name) && is(by.client, client) && is(by.ca, ca) && is(by.account, account)
  })
}
