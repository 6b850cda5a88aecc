/** The limited CA as its own process: `node test/support/limited-ca-process.ts OPTIONS.json`; asked over IPC for its counts. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { firstJsonLine, startProcess } from './child-process.ts'
import { type Counts, type LimitedCaOptions, startLimitedCa } from './limited-ca.ts'

export interface LimitedCaProcess {
  readonly pid: number
  readonly directory: string
  readonly trust: string
  counts(): Promise<Counts>
  stop(): Promise<void>
}

export async function startLimitedCaProcess(
  folder: string,
  options: LimitedCaOptions,
): Promise<LimitedCaProcess> {
  const file = join(folder, 'limited-ca.json')
  await writeFile(file, JSON.stringify(options))
  const started = startProcess(process.execPath, [fileURLToPath(import.meta.url), file], { ipc: true })
  const { directory, trust } = await firstJsonLine<{ directory: string; trust: string }>(started)
  return {
    pid: started.pid,
    directory,
    trust,
    async counts() {
      const answered = once(started.child, 'message')
      started.child.send('counts')
      return (await answered)[0] as Counts
    },
    stop: () => started.stop(),
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const ca = await startLimitedCa(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as LimitedCaOptions)
  process.on('message', () => process.send?.(ca.counts()))
  process.once('SIGTERM', () => process.exit(0))
  console.log(JSON.stringify({ directory: ca.directory, trust: ca.trust }))
}
