import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import type { RecordedExchange } from '../../src/audit/record-store.ts'
import { openSqliteReader } from '../../src/store/sqlite/open.ts'
import { type CheckReport, checkRecord, type ReceivedAnswer } from '../support/checker.ts'
import { type InterceptingAcmetap, startIntercepting } from '../support/intercepting-acmetap.ts'
import { runMain } from '../support/run-main.ts'
import { startTestCa, type TestCa } from '../support/test-ca/test-ca.ts'
import { openVirtualAddress, type VirtualAddress } from '../support/virtual-address.ts'

/** One line of `acmetap export`, as far as it is looked at here. */
export interface ExportedLine {
  readonly exchange: string
  /** ISO 8601, UTC, of one length: texts sort as times do. */
  readonly at: string
  readonly instance: string
  readonly stream: string
  readonly sequence: { readonly intent: number }
}

export interface InstanceRecord extends CheckReport {
  /** Facts of `a`, and of `b`. */
  readonly factsOf: readonly number[]
}

/** A CA that takes its time, two instances before it that issue under one root, and one address before these. */
export interface TwoInstances {
  readonly ca: TestCa
  readonly a: InterceptingAcmetap
  readonly b: InterceptingAcmetap
  readonly address: VirtualAddress
  /** Starts `a` again where it was, then stops both: what was open when it was killed gets its outcome. */
  end(): Promise<void>
  /** After {@link end}: compares both records, CA and clients. */
  check(answers: readonly ReceivedAnswer[]): Promise<InstanceRecord>
  /** Every exchange of both, oldest first, as `acmetap export` has it. */
  exported(): Promise<readonly ExportedLine[]>
  /** The same as `acmetap exchanges --json` has it, by spans of time between some of these lines. */
  listed(lines: readonly ExportedLine[]): Promise<readonly RecordedExchange[]>
  close(): Promise<void>
}

/** How long the CA takes for an answer: at any moment most clients wait for one. */
const CA_MS = 250
/** Lines between two questions, and the most that `exchanges` gives for one. */
const SPAN = 500
const LIMIT = 1000

export async function openTwoInstances(): Promise<TwoInstances> {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-instances-'))
  const ca = await startTestCa()
  ca.script({}, { kind: 'slow', ms: CA_MS })
  const running: InterceptingAcmetap[] = []
  const start = async (name: string, before: Partial<InterceptingAcmetap> = {}) => {
    const started = await startIntercepting({
      folder: join(folder, name),
      directory: ca.directory,
      trust: ca.trust,
      sections: { instance: name },
      ...(before.ports ? { ports: before.ports } : {}),
      ...(before.proxyPort ? { proxy: { port: before.proxyPort } } : {}),
      ...(before.sniPort ? { sni: { port: before.sniPort } } : {}),
    })
    running.push(started)
    return started
  }
  const closing = async () => {
    for (const instance of running) await instance.stop()
    await ca.close()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    for (const name of ['a', 'b']) await mkdir(join(folder, name))
    const a = await start('a')
    await shareAuthority(folder, 'a', 'b')
    const b = await start('b')
    const address = await openVirtualAddress([a.proxyPort, b.proxyPort])
    const places = [a.dataFolder, b.dataFolder]
    const acmetap = (...words: string[]) => run(folder, ...words, ...places.flatMap((at) => ['--data', at]))
    return {
      ca,
      a,
      b,
      address,
      async end() {
        const again = await start('a', a)
        await Promise.all([again.stop(), b.stop()])
      },
      async check(answers) {
        const readers = places.map((place) => openSqliteReader(place))
        try {
          const report = await checkRecord(ca.log.requests, answers, ...readers)
          const tallies = await Promise.all(readers.map((reader) => reader.tally()))
          return { ...report, factsOf: tallies.map(({ sequence }) => sequence) }
        } finally {
          for (const reader of readers) await reader.close()
        }
      },
      async exported() {
        const lines = (await acmetap('export')).split('\n').filter((line) => line !== '')
        return lines.map((line) => JSON.parse(line) as ExportedLine)
      },
      async listed(lines) {
        const found = new Map<string, RecordedExchange>()
        const times = lines.map(({ at }) => Date.parse(at)).sort((a, b) => a - b)
        for (let i = 0; i < times.length; i += SPAN) {
          const [since, until] = [times[i], times[i + SPAN]]
          const from = i === 0 || since === undefined ? [] : ['--since', new Date(since).toISOString()]
          const to = until === undefined ? [] : ['--until', new Date(until + 1).toISOString()]
          const text = await acmetap('exchanges', '--json', '--limit', `${LIMIT}`, ...from, ...to)
          const page = JSON.parse(text) as RecordedExchange[]
          if (page.length === LIMIT) throw new Error('more exchanges in a span than exchanges gives')
          for (const exchange of page) found.set(exchange.id, exchange)
        }
        return [...found.values()]
      },
      async close() {
        address.close()
        await closing()
      },
    }
  } catch (error) {
    await closing()
    throw error
  }
}

/** As an operator would before the first start: export from the one, import into the other. */
async function shareAuthority(folder: string, from: string, to: string): Promise<void> {
  const [config, file] = [join(folder, from, 'acmetap.yaml'), join(folder, 'authority.pem')]
  const other = { ...parse(await readFile(config, 'utf8')), data: join(folder, to, 'data'), instance: to }
  await writeFile(join(folder, to, 'acmetap.yaml'), stringify(other))
  await run(folder, 'root', 'export', file, '--config', config)
  await run(folder, 'root', 'import', '--key', file, '--config', join(folder, to, 'acmetap.yaml'))
}

async function run(folder: string, ...words: string[]): Promise<string> {
  const { code, out, err } = await runMain(words, folder)
  if (code !== 0) throw new Error(`acmetap ${words.join(' ')} ended with ${code}: ${err}`)
  return out
}
