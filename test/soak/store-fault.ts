import { execFile } from 'node:child_process'
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { findProgram, startProcess } from '../support/child-process.ts'

const run = promisify(execFile)

/** Something that keeps the store from working, from outside acmetap. */
export interface StoreFault {
  /** Where acmetap's data must be for it. */
  readonly dataFolder: string | null
  begin(acmetap: { readonly pid: number; readonly dataFolder: string }): Promise<void>
  end(): Promise<void>
  /** Called when acmetap has ended. */
  cleanUp(): Promise<void>
}

/** Why a fault cannot be made here. */
export class CannotBeMade extends Error {}

export type StoreFaultName = 'disk-full' | 'locked' | 'slow' | 'io-error'

export const STORE_FAULTS: Readonly<Record<StoreFaultName, (folder: string) => Promise<StoreFault>>> = {
  'disk-full': diskFull,
  locked,
  slow: async () => tracedSync('delay_enter=4s', 'a sync takes four seconds'),
  'io-error': async () => tracedSync('error=EIO', 'a sync fails'),
}

/** A tmpfs of its own, filled to the last byte. */
async function diskFull(folder: string): Promise<StoreFault> {
  const mounted = join(folder, 'small')
  await mkdir(mounted)
  await run('mount', ['-t', 'tmpfs', '-o', 'size=96m,mode=0700', 'tmpfs', mounted]).catch((error: Error) => {
    throw new CannotBeMade(`a tmpfs can only be mounted as root: ${error.message}`)
  })
  const filler = join(mounted, 'filler')
  return {
    dataFolder: join(mounted, 'data'),
    async begin() {
      for (let size = 1 << 20; size >= 4096; size = size >> 4) await fill(filler, size)
    },
    end: () => rm(filler, { force: true }),
    cleanUp: async () => {
      await run('umount', [mounted])
    },
  }
}

async function fill(file: string, size: number): Promise<void> {
  const block = Buffer.alloc(size)
  for (;;) {
    try {
      await writeFile(file, block, { flag: 'a' })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return
      throw error
    }
  }
}

/** Another process writes and does not commit. */
async function locked(): Promise<StoreFault> {
  let holder: ReturnType<typeof startProcess> | null = null
  return {
    dataFolder: null,
    async begin({ dataFolder }) {
      const script = join(import.meta.dirname, 'lock-database-process.ts')
      holder = startProcess(process.execPath, [script, await databaseIn(dataFolder)])
      while (!holder.output().includes('locked')) {
        if (holder.child.exitCode !== null) throw new Error(holder.output())
        await sleep(10)
      }
    },
    async end() {
      await holder?.stop('SIGKILL')
      holder = null
    },
    cleanUp: async () => undefined,
  }
}

/** Every sync of the database's log is held up, or made to fail, by strace. Other files, the spill among them, are let be. */
function tracedSync(injection: string, what: string): StoreFault {
  const strace = findProgram('strace')
  if (!strace) throw new CannotBeMade(`${what} only under strace, which is not installed`)
  let tracer: ReturnType<typeof startProcess> | null = null
  return {
    dataFolder: null,
    async begin({ pid, dataFolder }) {
      const calls = ['-e', 'trace=fdatasync,fsync', '-e', `inject=fdatasync,fsync:${injection}`]
      const only = ['-P', `${await databaseIn(dataFolder)}-wal`]
      tracer = startProcess(strace, ['-f', '-o', '/dev/null', ...only, ...calls, '-p', String(pid)])
      while (!tracer.output().includes('attached')) {
        if (tracer.child.exitCode !== null) throw new CannotBeMade(`strace: ${tracer.output()}`)
        await sleep(10)
      }
    },
    async end() {
      await tracer?.stop('SIGINT')
      tracer = null
    },
    cleanUp: async () => undefined,
  }
}

/** The record's database: the largest SQLite file of the data folder. */
async function databaseIn(folder: string): Promise<string> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.sqlite'))
  const sizes = await Promise.all(
    files.map(async (name) => ({ name, size: (await stat(join(folder, name))).size })),
  )
  const [largest] = sizes.sort((a, b) => b.size - a.size)
  if (!largest) throw new Error(`no database in ${folder}`)
  return join(folder, largest.name)
}
