/**
 * `npm run matrix [-- --mode MODE --client NAME --challenge TYPE --operation NAME --json FILE]`: every client in every
 * mode, against a CA of its own in a network of its own. Ends with 1 when a case failed that should work.
 */
import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { findProgram } from '../../src/cli/demo/child.ts'
import { unmask } from '../support/environment.ts'
import { insideNamespace, reasonWithoutNamespace } from '../support/namespace.ts'
import { ALL_CLIENTS } from '../support/peers/clients.ts'
import { type Choice, choose } from './cases.ts'
import { runMatrix } from './run-matrix.ts'
import { printTable } from './table.ts'

const INSIDE = 'ACMETAP_MATRIX_INSIDE'

const { values } = parseArgs({
  options: {
    mode: { type: 'string', multiple: true },
    client: { type: 'string', multiple: true },
    challenge: { type: 'string', multiple: true },
    operation: { type: 'string', multiple: true },
    plain: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
})

function stop(message: string): never {
  console.error(`matrix: ${message}`)
  process.exit(2)
}

async function outside(): Promise<number> {
  if ((await findProgram('pebble')) === null) stop('pebble is not installed')
  const reason = await reasonWithoutNamespace()
  if (reason !== null) stop(reason)
  const [program = '', ...args] = insideNamespace([process.execPath, ...process.argv.slice(1)])
  // It gets the terminal's signals itself.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined)
  const done = spawnSync(program, args, { stdio: 'inherit', env: { ...process.env, [INSIDE]: '1' } })
  return done.status ?? 1
}

async function inside(): Promise<number> {
  unmask(process.env)
  const choice = chooseOrStop()
  const { rows, wire, inventory } = await runMatrix(choice, (line) => console.error(line))
  printTable(rows)
  for (const difference of wire.differences) console.log(difference)
  console.log(`the CA got ${wire.requests} requests, ${wire.differences.length} differences to the record`)
  const { accounts, orders, certificates, files, differences } = inventory
  for (const difference of differences) console.log(`inventory: ${difference}`)
  console.log(
    `the inventory against the truth, also after SIGKILL and rebuild: ${accounts} accounts, ${orders} orders, ${certificates} certificates, ${files} files of clients, ${differences.length} differences`,
  )
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(rows, null, 2)}\n`)
  return wire.differences.length > 0 ||
    differences.length > 0 ||
    rows.some(({ result }) => result === 'failed')
    ? 1
    : 0
}

function chooseOrStop(): Choice {
  try {
    return choose(ALL_CLIENTS, values)
  } catch (error) {
    return stop((error as Error).message)
  }
}

chooseOrStop()
process.exit(process.env[INSIDE] === undefined ? await outside() : await inside())
