import Table from 'cli-table3'
import type { LoadKind } from './load-generator-process.ts'

/** What an issuance costs acmetap at most, ms of CPU of all its threads, where it is the ACME server. */
export const ISSUANCE_ASKED = 8

export interface IssuanceRow {
  readonly target: string
  readonly load: LoadKind
  readonly rps: number | null
  readonly p50_ms: number | null
  readonly p99_ms: number | null
  readonly cpu_us_per_request: number | null
  readonly rss_mb: number | null
  readonly event_loop_lag_p99_ms: number | null
  readonly stub_us: number | null
  readonly load_us: number | null
  readonly asked_by_client: number | null
  readonly asked_of_ca: number | null
  readonly threads_us: Readonly<Record<string, number>>
  readonly non_2xx: number
}

/** A line for each target, and what a brokered issuance costs beside what is asked and beside a relayed one. */
export function issuanceTable(
  rows: readonly IssuanceRow[],
  figure: (value: number | null) => string,
): string {
  const ms = (us: number | null) => figure(us === null ? null : us / 1000)
  const head = [
    'target',
    'issuances/s',
    'p50 ms',
    'p99 ms',
    'CPU ms each',
    'requests in',
    'to the CA',
    'RSS MB',
  ]
  const table = new Table({
    head: [...head, 'lag p99 ms', 'failed', 'stub ms', 'load ms'],
    style: { head: [], border: [] },
  })
  for (const row of rows) {
    table.push([
      row.target,
      ...[row.rps, row.p50_ms, row.p99_ms].map(figure),
      ms(row.cpu_us_per_request),
      ...[row.asked_by_client, row.asked_of_ca, row.rss_mb, row.event_loop_lag_p99_ms].map(figure),
      row.non_2xx,
      ...[row.stub_us, row.load_us].map(ms),
    ])
  }
  const relayed = rows.find(({ target }) => target === 'acmetap-relay')?.cpu_us_per_request ?? null
  const lines = rows
    .filter(({ target }) => target.startsWith('acmetap-broker'))
    .map(({ target, cpu_us_per_request: cpu }) => {
      const beside = cpu === null || relayed === null ? '' : `, ${(cpu / relayed).toFixed(2)} × a relayed one`
      return `${target}: ${ms(cpu)} ms of CPU for an issuance (at most ${ISSUANCE_ASKED} asked)${beside}`
    })
  const threads = rows
    .filter(({ threads_us }) => Object.keys(threads_us).length > 0)
    .map(({ target, threads_us }) => {
      const each = Object.entries(threads_us).map(([name, us]) => `${name} ${ms(us)}`)
      return `${target}, ms by thread: ${each.join(', ')}`
    })
  return [table.toString(), ...threads, ...lines, ''].join('\n')
}
