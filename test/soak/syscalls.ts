import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { httpsTransport, TestAcmeClient } from '../support/acme-client.ts'
import { findProgram, startProcess } from '../support/child-process.ts'
import { openRelayWorld } from './relay-world.ts'
import type { Soak } from './soak.ts'
import { checkTrace, readTrace } from './syscall-trace.ts'

const CALLS = 'fdatasync,fsync,write,writev,pwrite64,pwritev,sendto,sendmsg,read,readv,recvfrom,recvmsg'

export const syscalls: Soak = {
  proves:
    "by the system's own calls: the log is synced before the CA is sent anything and before the client is answered",
  unit: 'requests',
  size: 1000,
  async run({ size, progress }) {
    const strace = findProgram('strace')
    if (!strace) return { figures: {}, failures: ['strace is not installed'], late: [] }
    const world = await openRelayWorld()
    try {
      const client = new TestAcmeClient(httpsTransport(world.acmetap.trust, { sockets: 1 }))
      await client.discover(world.acmetap.directory)
      await client.newAccount()
      // Both connections are open now; what is traced from here on is requests and nothing else.
      const file = join(world.folder, 'trace')
      const args = [
        '-f',
        '-yy',
        '-s',
        '0',
        '-e',
        `trace=${CALLS}`,
        '-o',
        file,
        '-p',
        String(world.acmetap.pid),
      ]
      const tracer = startProcess(strace, args)
      while (!tracer.output().includes('attached')) {
        if (tracer.child.exitCode !== null)
          return { figures: {}, failures: [`strace: ${tracer.output()}`], late: [] }
        await sleep(20)
      }
      for (let i = 1; i <= size; i++) {
        await client.post(client.account ?? '')
        if (i % 200 === 0) progress(`${i} requests, trace of ${(await stat(file)).size} bytes`)
      }
      await tracer.stop('SIGINT')
      client.transport.close()

      const ports = { client: world.acmetap.ports.acme, ca: world.ca.port }
      const lines: string[] = []
      const reading = createInterface({ input: createReadStream(file) }).on('line', (line) =>
        lines.push(line),
      )
      await once(reading, 'close')
      const report = checkTrace(readTrace(lines, ports))
      const failures = report.violations.slice(0, 20)
      if (report.exchanges !== size)
        failures.push(`${report.exchanges} exchanges in the trace of ${size} requests`)
      if (report.syncs < 2 * size) failures.push(`${report.syncs} syncs of the log for ${size} requests`)
      return {
        figures: {
          requests: size,
          'exchanges in the trace': report.exchanges,
          'system calls': lines.length,
          'syncs of the log': report.syncs,
          'out of order': report.violations.length,
        },
        failures,
        late: [],
      }
    } finally {
      await world.close()
    }
  },
}
