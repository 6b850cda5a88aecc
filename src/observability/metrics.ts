import { monitorEventLoopDelay } from 'node:perf_hooks'
import {
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram,
  type OpenMetricsContentType,
  Registry,
} from 'prom-client'
import { type Exposition, exposition } from './exposition.ts'
import { kept } from './kept.ts'
import { describeStanding, type RecordPressure, type SinkBacklog, type StandingSources } from './standing.ts'

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const DECIDING_SECONDS = [0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 5]
const ALERT_SECONDS = [0.5, 1, 2, 3, 5, 10, 30, 60, 300, 900, 3600]

export interface DeclaredMetric {
  readonly name: string
  readonly type: string
  readonly labels: readonly string[]
  readonly exemplars: boolean
}

/** What prom-client's types leave out of a metric. */
interface Declared extends Pick<DeclaredMetric, 'name' | 'type'> {
  readonly labelNames: readonly string[]
  readonly enableExemplars: boolean
}

export interface MoreSources extends Omit<StandingSources, 'pressure' | 'sinks' | 'inventoryBacklog'> {
  readonly version?: string
  /** Counts what has happened and is not counted yet. */
  readonly catchUp?: () => Promise<void>
}

/**
 * All metrics, in one registry of their own; docs/metrics.md says of each what it means. No label takes an unbounded
 * value: `ca`, `sink` and `channel` are configured names (or `none`), all others of closed lists (or `other`). Where a
 * metric has exemplars, they name an exchange of the record.
 */
export function createMetrics(
  pressure: () => RecordPressure,
  sinks: () => Promise<readonly SinkBacklog[]> = async () => [],
  inventoryBacklog: () => Promise<number> = async () => 0,
  more: MoreSources = {},
) {
  // Metrics with exemplars are only taken by a registry of this type. What is written is decided by `exposition`.
  const registry = new Registry<OpenMetricsContentType>()
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
  collectDefaultMetrics({ register: registry })
  // Sums of gauges that are there by type, under names that only counters may have.
  for (const sum of ['handles', 'requests', 'resources'])
    registry.removeSingleMetric(`nodejs_active_${sum}_total`)
  const lag = monitorEventLoopDelay({ resolution: 10 })
  lag.enable()
  const catchUp = kept(more.catchUp ?? (async () => {}), 0)
  // Asked before what has happened is counted: for that the inventory takes in what is behind.
  const backlog = kept(inventoryBacklog, 0)
  let behind: number | undefined
  describeStanding(registry, { ...more, pressure, sinks, inventoryBacklog: () => behind })

  new Gauge({
    name: 'acmetap_build_info',
    help: 'Always 1: which version runs',
    labelNames: ['version', 'node'],
    registers: [registry],
  }).set({ version: more.version ?? 'unknown', node: process.versions.node }, 1)
  new Gauge({
    name: 'acmetap_event_loop_lag_seconds',
    help: 'Event-loop delay since the last scrape, beyond the timer it is measured with',
    labelNames: ['percentile'],
    registers: [registry],
    collect() {
      for (const percentile of [50, 99]) {
        const nanoseconds = lag.percentile(percentile) - 10e6
        this.set({ percentile: String(percentile) }, Math.max(0, nanoseconds) / 1e9)
      }
      lag.reset()
    },
  })
  const counter = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name, help, labelNames, registers: [registry] })
  const gauge = (name: string, help: string, labelNames: string[]) =>
    new Gauge({ name, help, labelNames, registers: [registry] })
  const countedWithExemplars = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name, help, labelNames, registers: [registry], enableExemplars: true })
  const timed = (name: string, help: string, labelNames: string[], buckets = SECONDS) =>
    new Histogram({ name, help, labelNames, buckets, registers: [registry] })
  const timedWithExemplars = (name: string, help: string, labelNames: string[]) =>
    new Histogram({ name, help, labelNames, buckets: SECONDS, registers: [registry], enableExemplars: true })

  return {
    // Exchanges
    exchanges: countedWithExemplars(
      'acmetap_exchanges_total',
      'Exchanges by how they came in, where they went, what they were and how they ended',
      ['mode', 'ca', 'operation', 'outcome'],
    ),
    problems: countedWithExemplars('acmetap_problems_total', 'Problem documents answered, by type', [
      'ca',
      'type',
    ]),
    refusals: countedWithExemplars(
      'acmetap_refusals_total',
      'Requests acmetap refused, by the rule that did',
      ['ca', 'rule'],
    ),
    failures: countedWithExemplars(
      'acmetap_failures_total',
      'Exchanges that got no answer from the CA, by what went wrong on the way',
      ['ca', 'cause'],
    ),
    policyDecisions: countedWithExemplars(
      'acmetap_policy_decisions_total',
      'Requests a policy decided: in force, and as if every rule were enforced',
      ['ca', 'operation', 'effect', 'would'],
    ),
    policyWarnings: countedWithExemplars(
      'acmetap_policy_warnings_total',
      'Requests that passed though the policy has a warning for them',
      ['ca', 'operation'],
    ),
    policyDuration: timed(
      'acmetap_policy_duration_seconds',
      'What deciding by the policy took, looking things up included',
      [],
      DECIDING_SECONDS,
    ),
    policyWebhooks: counter(
      'acmetap_policy_webhooks_total',
      'Questions to webhooks of the policy, by what they answered',
      ['webhook', 'outcome'],
    ),
    policyLoads: counter('acmetap_policy_loads_total', 'Policies that were read: taken, or refused', [
      'outcome',
    ]),
    policyRules: gauge('acmetap_policy_rules', 'Rules of the policy in force, by the mode they have', [
      'mode',
    ]),
    verdicts: counter('acmetap_signatures_total', 'Signed requests by the verdict on their signature', [
      'ca',
      'verdict',
    ]),
    ambiguous: counter(
      'acmetap_ambiguous_requests_total',
      'Requests refused because they can be read two ways',
      ['kind'],
    ),
    duration: timedWithExemplars('acmetap_exchange_duration_seconds', 'From receipt to the durable outcome', [
      'mode',
      'operation',
    ]),
    waited: timed(
      'acmetap_turn_wait_seconds',
      "Time a request waited for its turn under a CA's rates, where it waited",
      ['ca', 'operation'],
    ),
    // CAs
    durationCa: timedWithExemplars('acmetap_ca_duration_seconds', "From sending to the CA's last byte", [
      'ca',
    ]),
    responses: counter(
      'acmetap_ca_responses_total',
      'Answers of CAs by the class of their status: 2xx, 4xx …',
      ['ca', 'status'],
    ),
    sources: counter(
      'acmetap_answers_total',
      "Answers of CAs by where they came from: the CA, the cache, or another client's equal request",
      ['ca', 'source'],
    ),
    // Issuance, as the inventory saw it first
    accounts: countedWithExemplars('acmetap_accounts_total', 'Accounts seen for the first time', [
      'ca',
      'mode',
    ]),
    orders: countedWithExemplars('acmetap_orders_total', 'Orders a CA made', ['ca', 'mode']),
    certificates: countedWithExemplars(
      'acmetap_certificates_issued_total',
      'Certificates seen for the first time in the answer of a CA',
      ['ca', 'mode'],
    ),
    validations: countedWithExemplars('acmetap_validations_total', 'Challenges found valid', ['ca']),
    validationFailures: countedWithExemplars(
      'acmetap_validation_failures_total',
      'Failed validations, by the class of their diagnosis',
      ['ca', 'class'],
    ),
    issuanceFailures: countedWithExemplars(
      'acmetap_issuance_failures_total',
      'Other failures on the way to a certificate, by the class of their diagnosis',
      ['ca', 'class'],
    ),
    rateLimits: countedWithExemplars(
      'acmetap_rate_limits_total',
      'Rate limits applied by a CA or by acmetap itself',
      ['ca', 'by', 'limit'],
    ),
    // The engine
    engineJobs: counter('acmetap_engine_jobs_total', 'Jobs of the engine that have ended: done, failed', [
      'outcome',
    ]),
    engineFailures: counter(
      'acmetap_engine_failures_total',
      'Attempts at managed certificates that failed and are made again',
      ['ca'],
    ),
    // The broker
    brokerOrders: counter(
      'acmetap_broker_orders_total',
      'Orders of the ACME server: placed at a CA, left one (for another or for good), issued, failed',
      ['endpoint', 'ca', 'outcome'],
    ),
    brokerIssuance: timed(
      'acmetap_broker_issuance_seconds',
      'From finalize to the certificate, of orders of the ACME server',
      ['endpoint', 'ca'],
    ),
    dnsQueries: counter(
      'acmetap_dns_queries_total',
      'Queries to the DNS responder, by how they were answered',
      ['outcome'],
    ),
    dnsApiCalls: counter(
      'acmetap_dns_api_calls_total',
      "Calls of acme-dns's HTTP API, by how they were answered",
      ['operation', 'outcome'],
    ),
    // Alerts
    notifications: counter(
      'acmetap_notifications_total',
      'Attempts to tell a channel: delivered, failed (tried again later), refused (never taken)',
      ['channel', 'outcome'],
    ),
    alertLatency: timed(
      'acmetap_alert_latency_seconds',
      'From what an alert saw first to the notification that told it first',
      [],
      ALERT_SECONDS,
    ),
    probes: counter(
      'acmetap_probes_total',
      'Looks at places of the watch list: ok, untrusted (what is served does not verify), unreachable',
      ['outcome'],
    ),
    // The record, the proxy itself
    recordFailures: counter(
      'acmetap_record_failures_total',
      'Facts the store refused or did not write in time',
      ['fact', 'reason'],
    ),
    pruned: counter('acmetap_retention_removed_total', 'What was removed from the record for its age', [
      'kind',
    ]),
    tunnelBytes: counter(
      'acmetap_tunnel_bytes_total',
      'Bytes carried blindly, by direction as the client sees it',
      ['direction'],
    ),
    connectionEvents: counter(
      'acmetap_connection_events_total',
      'Connections that ended before they became a request',
      ['kind'],
    ),

    /** All metrics, in the order they are shown. */
    declared(): readonly DeclaredMetric[] {
      const metrics = registry.getMetricsAsArray() as unknown as Declared[]
      return metrics.map(({ name, type, labelNames, enableExemplars }) => ({
        name,
        type,
        labels: labelNames,
        exemplars: enableExemplars,
      }))
    },
    /** `accept`: that field of the request. */
    async exposition(accept?: string): Promise<Exposition> {
      behind = await backlog()
      await catchUp()
      return exposition(registry, accept)
    },
    close() {
      lag.disable()
      registry.clear()
    },
  }
}

export type Metrics = ReturnType<typeof createMetrics>
