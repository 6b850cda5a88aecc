import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** What the recorder and the store say of themselves when they are asked. */
export interface RecordPressure {
  readonly inFlight: number
  readonly waiting: number
  /** µs. */
  readonly lastCommit: number
  readonly spillBytes: number
  readonly tunnels: number
}

/** Outcomes a sink has not sent yet. */
export interface SinkBacklog {
  readonly name: string
  readonly backlog: number
}

/**
 * All metrics, in one registry of their own. No label takes an unbounded value: `ca` is a configured name or
 * `none`, `type` is an RFC 8555 problem name or `other`.
 */
export function createMetrics(
  pressure: () => RecordPressure,
  sinks: () => Promise<readonly SinkBacklog[]> = async () => [],
  /** Facts of the record that the inventory has not taken in yet. */
  inventoryBacklog: () => Promise<number> = async () => 0,
) {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const lag = monitorEventLoopDelay({ resolution: 10 })
  lag.enable()

  const gauge = (name: string, help: string, read: () => number | Promise<number>) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        this.set(await read())
      },
    })
  gauge('acmetap_record_in_flight', 'Exchanges admitted and not yet completed', () => pressure().inFlight)
  gauge('acmetap_tunnels', 'Blind tunnels open or being opened', () => pressure().tunnels)
  new Gauge({
    name: 'acmetap_sink_backlog',
    help: 'Outcomes of the record that a sink has not sent yet',
    labelNames: ['sink'],
    registers: [registry],
    async collect() {
      for (const { name, backlog } of await sinks()) this.set({ sink: name }, backlog)
    },
  })
  gauge(
    'acmetap_inventory_backlog',
    'Facts of the record that the inventory has not taken in yet',
    inventoryBacklog,
  )
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
  new Gauge({
    name: 'acmetap_event_loop_lag_seconds',
    help: 'Event-loop delay since the last scrape, beyond the timer it is measured with',
    labelNames: ['quantile'],
    registers: [registry],
    collect() {
      for (const quantile of [50, 99]) {
        const nanoseconds = lag.percentile(quantile) - 10e6
        this.set({ quantile: String(quantile / 100) }, Math.max(0, nanoseconds) / 1e9)
      }
      lag.reset()
    },
  })

  return {
    exchanges: new Counter({
      name: 'acmetap_exchanges_total',
      help: 'Exchanges by how they came in, where they went, what they were and how they ended',
      labelNames: ['mode', 'ca', 'operation', 'outcome'],
      registers: [registry],
    }),
    problems: new Counter({
      name: 'acmetap_problems_total',
      help: 'Problem documents answered, by type',
      labelNames: ['ca', 'type'],
      registers: [registry],
    }),
    verdicts: new Counter({
      name: 'acmetap_signatures_total',
      help: 'Signed requests by the verdict on their signature',
      labelNames: ['ca', 'verdict'],
      registers: [registry],
    }),
    ambiguous: new Counter({
      name: 'acmetap_ambiguous_requests_total',
      help: 'Requests refused because they can be read two ways',
      labelNames: ['kind'],
      registers: [registry],
    }),
    duration: new Histogram({
      name: 'acmetap_exchange_duration_seconds',
      help: 'From receipt to the durable outcome',
      labelNames: ['mode', 'operation'],
      buckets: SECONDS,
      registers: [registry],
    }),
    durationCa: new Histogram({
      name: 'acmetap_ca_duration_seconds',
      help: "From sending to the CA's last byte",
      labelNames: ['ca'],
      buckets: SECONDS,
      registers: [registry],
    }),
    waited: new Histogram({
      name: 'acmetap_turn_wait_seconds',
      help: "Time a request waited for its turn under a CA's rates, where it waited",
      labelNames: ['ca', 'operation'],
      buckets: SECONDS,
      registers: [registry],
    }),
    sources: new Counter({
      name: 'acmetap_answers_total',
      help: "Answers of CAs by where they came from: the CA, the cache, or another client's equal request",
      labelNames: ['ca', 'source'],
      registers: [registry],
    }),
    tunnelBytes: new Counter({
      name: 'acmetap_tunnel_bytes_total',
      help: 'Bytes carried blindly, by direction as the client sees it',
      labelNames: ['direction'],
      registers: [registry],
    }),
    recordFailures: new Counter({
      name: 'acmetap_record_failures_total',
      help: 'Facts the store refused or did not write in time',
      labelNames: ['fact', 'reason'],
      registers: [registry],
    }),
    connectionEvents: new Counter({
      name: 'acmetap_connection_events_total',
      help: 'Connections that ended before they became a request',
      labelNames: ['kind'],
      registers: [registry],
    }),
    async exposition(): Promise<{ contentType: string; body: string }> {
      return { contentType: registry.contentType, body: await registry.metrics() }
    },
    close() {
      lag.disable()
      registry.clear()
    },
  }
}

export type Metrics = ReturnType<typeof createMetrics>
