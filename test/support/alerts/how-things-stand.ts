import type { EndpointState } from '../../../src/alerts/endpoint.ts'
import type { ClientRhythm, CurrentCertificate, Look } from '../../../src/alerts/look.ts'
import type { AlertSettings, Millis, Occurrence, StateRule } from '../../../src/alerts/rule.ts'
import type { CaVitals, Vitals } from '../../../src/alerts/vitals.ts'
import { alerts } from '../../../src/config/alerts.ts'

export const SECOND = 1_000
export const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR
/** 2026-01-01 00:00 UTC. */
export const BEGIN = 1_767_225_600_000

/** How things stand, said by hand: what is left out is nothing. */
export interface Standing {
  readonly certificates?: readonly CurrentCertificate[]
  /** By the names, joined with a blank; at the CA of the certificates, or at the one behind an `@`. */
  readonly orders?: Readonly<Record<string, Millis>>
  readonly clients?: readonly ClientRhythm[]
  readonly endpoints?: readonly EndpointState[]
  readonly vitals?: Partial<Vitals>
}

export function lookAt({ certificates = [], orders = {}, clients = [], endpoints = [] }: Standing): Look {
  return {
    isNew: () => false,
    recordBegan: () => null,
    accountsMade: () => 0,
    refusedNonces: () => 0,
    issuances: () => ({ orders: 0, certificates: 0, keys: 0, undelivered: 0 }),
    currentCertificates: () => certificates,
    currentWith: (name) => certificates.filter(({ names }) => names.includes(name)),
    lastOrder(names, ca) {
      const at = ca === 'alpha' ? orders[names.join(' ')] : orders[`${names.join(' ')}@${ca}`]
      return at === undefined ? null : { at, status: 'valid' }
    },
    clients: () => clients,
    endpoints: () => endpoints,
  }
}

export const SETTINGS: AlertSettings = alerts.parse({})

/** Settings as a file would say them. */
export function settingsOf(rules: Readonly<Record<string, unknown>>): AlertSettings {
  return alerts.parse({ rules })
}

/** What a rule finds at that moment. */
export function found(
  rule: StateRule,
  now: Millis,
  standing: Standing,
  settings: AlertSettings = SETTINGS,
): Occurrence[] {
  return [...rule.occurrences(now, settings, lookAt(standing), vitalsOf(now, standing.vitals))]
}

/** Everything is well, but for what is given. */
export function vitalsOf(at: Millis, given: Partial<Vitals> = {}): Vitals {
  return {
    at,
    since: 0,
    cas: [],
    record: WELL,
    roots: [],
    endingRules: [],
    failingRenewals: [],
    sinks: [],
    channels: [],
    ...given,
  }
}

export const WELL: Vitals['record'] = {
  unwritableSince: null,
  detail: null,
  backlog: 0,
  behindSince: null,
  spillBytes: 0,
}

export function caOf(ca: string, given: Partial<CaVitals> = {}): CaVitals {
  return {
    ca,
    exchanges: 100,
    failed: 0,
    serverErrors: 0,
    p50: 100,
    p95: 400,
    error: null,
    lastExchange: null,
    skew: 0,
    ...given,
  }
}

/** Of 90 days from {@link BEGIN}, got by a client that was seen asking. */
export function certificateOf(names: string, given: Partial<CurrentCertificate> = {}): CurrentCertificate {
  return {
    fingerprint: `fingerprint of ${names}`,
    serial: '0a',
    ca: 'alpha',
    names: names.split(' '),
    notBefore: BEGIN,
    notAfter: BEGIN + 90 * DAY,
    isForTests: false,
    window: null,
    source: 'observed',
    imported: null,
    order: '00000000000000aa',
    account: 'https://alpha.example/account/1',
    client: '00000000000000cc',
    clientText: 'certbot from 192.0.2.7',
    label: null,
    replacedPredecessorAt: null,
    ...given,
  }
}

export function clientOf(given: Partial<ClientRhythm> = {}): ClientRhythm {
  return {
    client: '00000000000000cc',
    text: 'certbot from 192.0.2.7',
    label: null,
    first: BEGIN,
    last: BEGIN + 30 * DAY,
    silentFrom: given.last ?? BEGIN + 30 * DAY,
    longestPause: 13 * HOUR,
    soonestExpiry: BEGIN + 90 * DAY,
    names: ['www.example.com'],
    ...given,
  }
}

export function endpointOf(
  given: Partial<Omit<EndpointState, 'served'>> & { readonly served?: Partial<Served> | null } = {},
): EndpointState {
  const { served, ...rest } = given
  return {
    endpoint: 'www.example.com:443',
    source: 'config',
    probed: new Date(BEGIN).toISOString(),
    served: served === null ? null : { ...SERVED, ...served },
    error: null,
    failingSince: null,
    newer: null,
    ...rest,
  }
}

type Served = NonNullable<EndpointState['served']>

const SERVED: Served = {
  fingerprint: 'served',
  serial: '0a',
  names: ['www.example.com'],
  issuer: 'CN=Alpha R1',
  notBefore: new Date(BEGIN).toISOString(),
  notAfter: new Date(BEGIN + 90 * DAY).toISOString(),
  chain: ['CN=www.example.com', 'CN=Alpha R1'],
  trusted: true,
  fault: null,
}
