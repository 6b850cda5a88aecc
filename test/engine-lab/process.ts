/**
 * The table, inside a network namespace of its own: `process.ts [--only WORD] [--way server|alone] [--ca NAME]
 * [--nonce-reject N] [--reuse N]`. Prints a line for each row as it ends, and at last one line of JSON.
 */
import { parseArgs } from 'node:util'
import { runTable } from './table.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    way: { type: 'string' },
    ca: { type: 'string' },
    'nonce-reject': { type: 'string', default: '30' },
    reuse: { type: 'string', default: '50' },
  },
})
const table = await runTable({
  only: values.only === undefined ? null : new RegExp(values.only),
  way: values.way ?? null,
  ca: values.ca === 'pebble' || values.ca === 'newest' ? values.ca : null,
  otherChains: 2,
  nonceReject: Number(values['nonce-reject']),
  authorizationReuse: Number(values.reuse),
  progress: (line) => process.stderr.write(`${line}\n`),
})
process.stdout.write(`${JSON.stringify(table)}\n`)
