/** The test CA as its own process: `node test/support/test-ca/main.ts [--port N] [--log FILE] [--nonces strict|ignore]`. */
import { parseArgs } from 'node:util'
import { startTestCa } from './test-ca.ts'

const { values } = parseArgs({
  options: { port: { type: 'string' }, log: { type: 'string' }, nonces: { type: 'string' } },
})
const ca = await startTestCa({
  port: Number(values.port ?? 0),
  nonces: values.nonces === 'ignore' ? 'ignore' : 'strict',
  ...(values.log === undefined ? {} : { log: values.log }),
})
console.log(JSON.stringify({ directory: ca.directory, port: ca.port, trust: ca.trust, issuer: ca.issuer }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void ca.close())
