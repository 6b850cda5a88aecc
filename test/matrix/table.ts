import Table from 'cli-table3'
import type { Row } from './row.ts'
import { MODES } from './world.ts'

/** A line for each client, challenge and variant; a column for each mode; below it the reasons. */
export function printTable(rows: readonly Row[]): void {
  const run = rows.filter(({ result }) => result !== 'documented, not run')
  const modes = MODES.filter((mode) => rows.some((row) => row.mode === mode))
  const table = new Table({ head: ['client', 'challenge', ...modes], style: { head: [], border: [] } })
  const lines = new Map<string, Row[]>()
  for (const row of run) {
    const key = [row.client, row.challenge, variantOf(row)].join('\n')
    lines.set(key, [...(lines.get(key) ?? []), row])
  }
  for (const [key, own] of lines) {
    const [client = '', challenge = '', variant = ''] = key.split('\n')
    const cells = modes.map((mode) =>
      own.filter((row) => row.mode === mode).map((row) => `${verbOf(row)} ${row.result}`),
    )
    table.push([client, `${challenge} ${variant}`.trim(), ...cells.map((cell) => cell.join('\n') || '-')])
  }
  console.log(table.toString())
  const reasons = run.filter(({ result }) => result === 'cannot' || result === 'failed')
  for (const { mode, client, challenge, operation, result, reason } of reasons)
    console.log(`${result}: ${mode}, ${client}, ${challenge}, ${operation}: ${reason}`)
  const documented = new Map(
    rows
      .filter(({ result }) => result === 'documented, not run')
      .map(({ client, reason }) => [client, reason]),
  )
  for (const [client, reason] of documented) console.log(`documented, not run: ${client}: ${reason}`)
  const count = (result: Row['result']) => rows.filter((row) => row.result === result).length
  console.log(`${count('ok')} ok, ${count('failed')} failed, ${count('cannot')} cannot`)
}

const variantOf = ({ operation }: Row): string => /\(.*\)/.exec(operation)?.[0] ?? ''
const verbOf = ({ operation }: Row): string => operation.split(' ')[0] ?? ''
