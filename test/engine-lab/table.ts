import type { RecordedExchange } from '../../src/audit/record-store.ts'
import { type LabCa, startLab, WAYS, type Way } from './lab.ts'
import { FIRST, LAST, OPERATIONS } from './operations.ts'
import { faultsOfRecord, type SeenByCa, seenBy } from './record.ts'
import { type Row, Stage } from './row.ts'
import { SOLVERS } from './solvers.ts'

export interface TableOptions {
  /** Titles of the rows that are wanted beside the account's; null: all. */
  readonly only: RegExp | null
  readonly way: string | null
  readonly ca: LabCa['name'] | null
  readonly otherChains: number
  readonly nonceReject: number
  readonly authorizationReuse: number
  readonly progress: (line: string) => void
}

export interface TableRow {
  readonly title: string
  readonly ca: LabCa['name']
  readonly way: Way
  /** null: it was tried. */
  readonly missing: string | null
  readonly faults: readonly string[]
  readonly ms: number
  /** What the CA was asked, as the record has it. */
  readonly requests: number
}

export interface TableReport {
  readonly rows: readonly TableRow[]
  /** Commands given again after four refused nonces in a row. */
  readonly repeated: number
  readonly exchanges: number
  /** What the record and the CAs' own logs disagree about, and what is left behind. */
  readonly faults: readonly string[]
  readonly hasNewest: boolean
}

export async function runTable(options: TableOptions): Promise<TableReport> {
  const lab = await startLab(options)
  try {
    const timed: (Omit<TableRow, 'requests'> & { from: number; to: number })[] = []
    const faults: string[] = []
    let repeated = 0
    const wanted = ({ title }: Row) => options.only?.test(title) ?? true
    for (const way of WAYS) {
      if (options.way !== null && options.way !== way) continue
      if (way === 'server') await lab.serve()
      for (const ca of lab.cas) {
        const stage = new Stage(lab, ca, way)
        const rows = [...FIRST, ...SOLVERS.filter(wanted), ...OPERATIONS.filter(wanted), ...LAST]
        for (const row of rows) {
          const from = Date.now()
          const missing = row.missing?.(stage) ?? null
          const wrong = missing === null ? await faultsOf(row, stage) : []
          const to = Date.now()
          timed.push({ title: row.title, ca: ca.name, way, missing, faults: wrong, ms: to - from, from, to })
          options.progress(
            `${wrong.length > 0 ? 'FAILED' : missing === null ? 'ok' : 'left out'} ${way} ${ca.name}: ${row.title}${wrong.map((one) => `\n    ${one}`).join('')}${missing === null ? '' : ` (${missing})`}`,
          )
        }
        repeated += stage.repeated
      }
      await lab.stopServing()
    }
    const { out } = await lab.acmetap('exchanges', '--mode', 'engine', '--all', '--json')
    const exchanges = (JSON.parse(out) as RecordedExchange[]).toReversed()
    const seen = new Map<string, SeenByCa>(lab.cas.map((ca) => [ca.name, seenBy(ca.pebble.log())]))
    faults.push(...faultsOfRecord(exchanges, seen))
    const verified = await lab.acmetap('record', 'verify')
    if (verified.code !== 0) faults.push(`record verify: ${verified.out}${verified.err}`)
    faults.push(...lab.dns.leftovers().map((line) => `left in the DNS: ${line}`))
    return {
      rows: timed.map(({ from, to, ...row }) => ({
        ...row,
        requests: exchanges.filter(({ intent }) => {
          const at = intent.at / 1000
          return intent.ca === row.ca && at >= from && at <= to
        }).length,
      })),
      repeated,
      exchanges: exchanges.length,
      faults,
      hasNewest: lab.cas.length > 1,
    }
  } finally {
    await lab.close()
  }
}

async function faultsOf(row: Row, stage: Stage): Promise<readonly string[]> {
  try {
    return await row.run(stage)
  } catch (error) {
    return [(error as Error).stack ?? String(error)]
  }
}
