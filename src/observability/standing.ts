import { Counter, Gauge, type OpenMetricsContentType, type Registry } from 'prom-client'
import { kept } from './kept.ts'

/** What the recorder and the store say of themselves when they are asked. */
export interface RecordPressure {
  readonly inFlight: number
  readonly waiting: number
  /** µs. */
  readonly lastCommit: number
  readonly spillBytes: number
  readonly tunnels: number
  /** Facts can be written; true where it is left out. */
  readonly writable?: boolean
}

export interface SinkBacklog {
  readonly name: string
  /** Outcomes it has not sent yet. */
  readonly backlog: number
  /** Of the last attempt; null or left out where that worked. */
  readonly lastError?: string | null
}

/** Certificates neither replaced, revoked nor expired, of a CA. Null: of no configured one. */
export interface CurrentCertificates {
  readonly ca: string | null
  readonly current: number
  /** How many of them end within so many days: a count for each of {@link EXPIRY_DAYS}. */
  readonly within: readonly number[]
}

export const EXPIRY_DAYS = [1, 3, 7, 14, 21, 30] as const

/** Counts of what the alerts' database holds. */
export interface AlertCounts {
  readonly firing: readonly { readonly rule: string; readonly severity: string; readonly count: number }[]
  /** That began since the server started. */
  readonly began: readonly { readonly rule: string; readonly count: number }[]
  /** Notifications no channel has taken yet. */
  readonly waiting: readonly { readonly channel: string; readonly count: number }[]
  readonly endpoints: readonly { readonly state: EndpointStanding; readonly count: number }[]
  /** Why rules are not evaluated; null while they are. */
  readonly fault: string | null
}

/** Of a place of the watch list: `outdated` serves a certificate older than the newest one for its names. */
export const ENDPOINT_STANDINGS = ['ok', 'outdated', 'untrusted', 'unreachable', 'unknown'] as const
export type EndpointStanding = (typeof ENDPOINT_STANDINGS)[number]

/** As the server measured last; the shape of `Vitals`, as far as it is shown. Times: ms since 1970. */
export interface MeasuredVitals {
  readonly cas: readonly {
    readonly ca: string
    readonly exchanges: number
    readonly failed: number
    readonly serverErrors: number
    /** ms. */
    readonly skew: number | null
  }[]
  readonly roots: readonly { readonly name: string; readonly notAfter: number }[]
}

/** What is asked when metrics are read. Answers are kept for some seconds; one that comes late holds nobody up. */
export interface StandingSources {
  readonly pressure: () => RecordPressure
  readonly sinks?: () => Promise<readonly SinkBacklog[]>
  /** Facts of the record that the inventory has not taken in yet; undefined where that is not known. */
  readonly inventoryBacklog: () => number | undefined
  readonly certificates?: () => Promise<readonly CurrentCertificates[]>
  readonly alerts?: () => Promise<AlertCounts>
  readonly vitals?: () => MeasuredVitals | null
}

/** ms that an answer serves. Counts over many rows are not made for every scrape. */
const AT_ONCE = 0
const COUNTED = 15_000
const ALERTS = 1000

/** The metrics that say how things stand, rather than what happened. They are read when somebody asks for them. */
export function describeStanding(registry: Registry<OpenMetricsContentType>, sources: StandingSources): void {
  const { pressure } = sources
  const { labelled, gauge } = gaugesIn(registry)
  const sinks = kept(sources.sinks ?? (async () => []), AT_ONCE)
  const certificates = kept(sources.certificates ?? (async () => []), COUNTED)
  const alerts = kept(sources.alerts ?? (async () => null), ALERTS)
  const cas = () => sources.vitals?.()?.cas.filter(({ exchanges }) => exchanges > 0) ?? []

  gauge('acmetap_record_in_flight', 'Exchanges admitted and not yet completed', () => pressure().inFlight)
  gauge('acmetap_record_queue', 'Entries waiting for the store', () => pressure().waiting)
  gauge(
    'acmetap_record_spill_bytes',
    'Bytes of outcomes waiting in the spill file',
    () => pressure().spillBytes,
  )
  gauge(
    'acmetap_record_last_commit_seconds',
    'Duration of the last commit',
    () => pressure().lastCommit / 1e6,
  )
  gauge('acmetap_record_writable', 'Whether facts can be written: 1 or 0. At 0 nothing is forwarded', () =>
    pressure().writable === false ? 0 : 1,
  )
  gauge('acmetap_tunnels', 'Blind tunnels open or being opened', () => pressure().tunnels)
  gauge(
    'acmetap_inventory_backlog',
    'Facts of the record that the inventory has not taken in yet',
    sources.inventoryBacklog,
  )
  labelled(
    'acmetap_sink_backlog',
    'Outcomes of the record that a sink has not sent yet',
    ['sink'],
    async () => ((await sinks()) ?? []).map(({ name, backlog }) => [{ sink: name }, backlog]),
  )
  labelled('acmetap_sink_up', 'Whether a sink took what it was sent last: 1 or 0', ['sink'], async () =>
    ((await sinks()) ?? []).map(({ name, lastError }) => [{ sink: name }, lastError ? 0 : 1]),
  )

  labelled(
    'acmetap_certificates_current',
    'Certificates neither replaced, revoked nor expired',
    ['ca'],
    async () => ((await certificates()) ?? []).map(({ ca, current }) => [{ ca: ca ?? 'none' }, current]),
  )
  labelled(
    'acmetap_certificates_expiring',
    'Current certificates that end within the time given, those of shorter times among them',
    ['ca', 'within'],
    async () =>
      ((await certificates()) ?? []).flatMap(({ ca, within }) =>
        EXPIRY_DAYS.map((days, at) => [{ ca: ca ?? 'none', within: `${days}d` }, within[at] ?? 0] as const),
      ),
  )

  labelled(
    'acmetap_ca_up',
    'Whether a CA answered more than half of the exchanges of the last five minutes without a server error: 1 or 0',
    ['ca'],
    () => cas().map((one) => [{ ca: one.ca }, errorRatio(one) < 0.5 ? 1 : 0]),
  )
  labelled(
    'acmetap_ca_error_ratio',
    'Share of the exchanges of the last five minutes that a CA did not answer, or answered with a server error',
    ['ca'],
    () => cas().map((one) => [{ ca: one.ca }, errorRatio(one)]),
  )
  labelled('acmetap_clock_skew_seconds', "The CA's clock less that of this machine", ['ca'], () =>
    cas().flatMap(({ ca, skew }) => (skew === null ? [] : [[{ ca }, skew / 1000] as const])),
  )
  labelled(
    'acmetap_root_not_after_seconds',
    "End of acmetap's own roots, in seconds since 1970",
    ['root'],
    () => (sources.vitals?.()?.roots ?? []).map(({ name, notAfter }) => [{ root: name }, notAfter / 1000]),
  )

  labelled('acmetap_alerts_firing', 'Alerts that fire now', ['rule', 'severity'], async () =>
    ((await alerts())?.firing ?? []).map(({ rule, severity, count }) => [{ rule, severity }, count]),
  )
  new Counter({
    name: 'acmetap_alerts_total',
    help: 'Alerts that began',
    labelNames: ['rule'],
    registers: [registry],
    async collect() {
      const counts = (await alerts())?.began ?? []
      this.reset()
      for (const { rule, count } of counts) this.inc({ rule }, count)
    },
  })
  labelled('acmetap_alerts_evaluated', 'Whether alert rules are evaluated: 1 or 0', [], async () => {
    const counts = await alerts()
    return counts === null || counts === undefined ? [] : [[{}, counts.fault === null ? 1 : 0]]
  })
  labelled(
    'acmetap_notifications_waiting',
    'Notifications that a channel has not taken yet',
    ['channel'],
    async () => ((await alerts())?.waiting ?? []).map(({ channel, count }) => [{ channel }, count]),
  )
  labelled(
    'acmetap_endpoints',
    'Places of the watch list by how they stand: ok, outdated, untrusted, unreachable, unknown',
    ['state'],
    async () => ((await alerts())?.endpoints ?? []).map(({ state, count }) => [{ state }, count]),
  )
}

function errorRatio({ exchanges, failed, serverErrors }: MeasuredVitals['cas'][number]): number {
  return (failed + serverErrors) / exchanges
}

type Labels = Readonly<Record<string, string>>
type Samples = readonly (readonly [labels: Labels, value: number])[]

function gaugesIn(registry: Registry<OpenMetricsContentType>) {
  /** What `read` does not give is gone: a sample of something that is no more would stand still for ever. */
  const labelled = (
    name: string,
    help: string,
    labelNames: string[],
    read: () => Samples | Promise<Samples>,
  ) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers: [registry],
      async collect() {
        const samples = await read()
        this.reset()
        if (labelNames.length === 0 && samples.length === 0) this.remove()
        for (const [labels, value] of samples) this.set(labels, value)
      },
    })
  const gauge = (name: string, help: string, read: () => number | undefined | Promise<number | undefined>) =>
    labelled(name, help, [], async () => {
      const value = await read()
      return value === undefined ? [] : [[{}, value]]
    })
  return { labelled, gauge }
}
