import { runLab } from '../engine-lab/run-in-namespace.ts'
import type { TableReport, TableRow } from '../engine-lab/table.ts'
import { reasonWithoutNamespace } from '../support/namespace.ts'
import { fetchNewestPebble } from '../support/peers/newest-pebble.ts'
import type { Soak } from './soak.ts'

/** ms for the whole table. */
const LONGEST = 3_600_000

export const engineSolvers: Soak = {
  proves:
    'every operation and solver of the engine by command, with a server and without, at two Pebbles: BIND, Knot, nginx, Caddy, Apache, HAProxy, lego',
  unit: '% of nonces refused',
  size: 30,
  async run({ size, progress }) {
    const missing = await reasonWithoutNamespace()
    if (missing !== null) return { figures: {}, failures: [missing], late: [] }
    if ((await fetchNewestPebble()) === null)
      progress('LEFT OUT: the newest Pebble can be had neither by ACMETAP_NEW_PEBBLE nor through apt')
    const report = await runLab<TableReport>('process.ts', ['--nonce-reject', String(size)], LONGEST)
    const { rows, faults, exchanges, repeated } = report
    const tried = rows.filter(({ missing: reason }) => reason === null)
    const cells = new Map<string, string[]>()
    for (const row of rows) cells.set(row.title, [...(cells.get(row.title) ?? []), cellOf(row)])
    return {
      figures: {
        ...Object.fromEntries([...cells].map(([title, each]) => [title, each.join('\n')])),
        'rows tried': tried.length,
        'rows left out': rows.length - tried.length,
        exchanges,
        'commands given again after four refused nonces': repeated,
      },
      failures: [
        ...rows.flatMap(({ title, ca, way, faults: wrong }) =>
          wrong.map((one) => `${way}, ${ca}: ${title}: ${one}`),
        ),
        ...faults,
      ],
      late: [],
    }
  },
}

function cellOf({ ca, way, missing, faults, ms, requests }: TableRow): string {
  const outcome = missing === null ? (faults.length === 0 ? 'ok' : 'FAILED') : `left out: ${missing}`
  const figures = missing === null ? `, ${requests} requests, ${(ms / 1000).toFixed(1)} s` : ''
  return `${ca}, ${way}: ${outcome}${figures}`
}
