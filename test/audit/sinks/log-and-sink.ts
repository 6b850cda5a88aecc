/** A process whose log and sink share standard output, until the sink has given so many lines. */
import { StreamOutput } from '../../../src/audit/sinks/stream-output.ts'
import { createLog } from '../../../src/observability/log.ts'

const total = Number(process.argv[2])
const log = createLog('info', 'test', 'json')
const output = new StreamOutput(process.stdout)
const logging = setInterval(() => log('info', 'config.reloaded', { digest: 'd'.repeat(100) }), 1)
for (let sent = 0; sent < total; sent += 100) {
  const lines = Array.from({ length: 100 }, (_, n) => ({
    text: JSON.stringify({ n: sent + n, text: 'a'.repeat(900) }),
    at: 0,
    severity: 6 as const,
  }))
  await output.write(lines, new AbortController().signal)
}
clearInterval(logging)
