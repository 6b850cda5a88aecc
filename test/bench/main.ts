/**
 * `npm run bench -- [--json FILE] [--seconds N] [--rounds N] [--connections N] [--targets a,b] [--loads a,b] [--profile FOLDER]`
 * One run: the same loads through every target in turn, several rounds, medians. Asserts nothing about time; fails
 * only where a target answered anything but 2xx.
 */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { firstJsonLine, type StartedProcess, startProcess } from '../support/child-process.ts'
import { makeRoot, makeServerCertificate } from '../support/test-ca/certificates.ts'
import { openConnection } from './client-connection.ts'
import { issuanceTable } from './issuance-table.ts'
import type { LoadKind, LoadMessage, RunOrder, RunReport } from './load-generator-process.ts'
import { threadsOf, usageOf } from './process-usage.ts'
import { readProfile } from './profile.ts'
import { INTERCEPT_COMPARISON, Missing, type Stub, TARGETS, type Target } from './targets.ts'

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '32' },
    targets: { type: 'string', default: Object.keys(TARGETS).join(',') },
    loads: { type: 'string', default: 'requests,sessions,issuances,runs' },
    profile: { type: 'string' },
  },
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const WARM_UP_MS = 2000
const seconds = Number(values.seconds)
const connections = Number(values.connections)

const LOADS: Readonly<Record<LoadKind, string>> = {
  requests: 'signed requests on kept connections',
  sessions: 'sessions: connection, CONNECT where there is a proxy, full TLS handshake, one GET newNonce',
  issuances:
    'issuances on kept connections, each with an account: order, authorization, finalize, certificate',
  runs: 'issuances with all that a client asks that is started for one: directory, nonce and account before, the order twice',
}

interface Round {
  readonly target: string
  readonly load: LoadKind
  readonly report: RunReport
  readonly cpu: number | null
  readonly cpuLoad: number
  readonly cpuStub: number
  /** Requests that reached the CA, for each that the load counts. */
  readonly askedOfCa: number
  /** CPU µs of acmetap's threads by name, for each that the load counts. */
  readonly threads: ReadonlyMap<string, number>
  readonly rss: number | null
  readonly lag: number | null
}

const folder = await mkdtemp(join(tmpdir(), 'acmetap-bench-'))
const profileFolder = values.profile
if (profileFolder !== undefined) await mkdir(profileFolder, { recursive: true })
const stops: (() => Promise<void>)[] = []
try {
  await bench()
} finally {
  for (const stop of stops.reverse()) await stop()
  await rm(folder, { recursive: true, force: true })
}
if (profileFolder !== undefined) await showProfiles(profileFolder)

async function bench(): Promise<void> {
  const stub = await startStub()
  const generator = startProcess(process.execPath, [join(import.meta.dirname, 'load-generator-process.ts')], {
    ipc: true,
  })
  stops.push(() => generator.stop())
  const targets: Target[] = []
  for (const name of values.targets.split(',')) {
    const start = TARGETS[name]
    if (!start) throw new Error(`no target ${name}; there are ${Object.keys(TARGETS).join(', ')}`)
    try {
      const target = await start(stub, profileFolder ?? folder, { profile: profileFolder !== undefined })
      targets.push(target)
      stops.push(() => target.stop())
    } catch (error) {
      if (!(error instanceof Missing)) throw error
      console.error(`*** ${name} IS NOT IN THE TABLE: ${error.message} ***`)
    }
  }
  const idle = new Map<string, number>()
  for (const target of targets) idle.set(target.name, await idleCpu(target))

  const all: Round[] = []
  for (let i = 1; i <= Number(values.rounds); i++) {
    for (const load of wantedLoads()) {
      for (const target of targets.filter(({ loads }) => loads.includes(load))) {
        const round = await runOnce(target, load, generator, stub, idle.get(target.name) ?? 0)
        all.push(round)
        const { report } = round
        const cpu = round.cpu === null ? '' : `, ${Math.round(round.cpu)} µs of CPU each`
        console.error(
          `round ${i} ${load} ${target.name}: ${Math.round(report.requests / report.seconds)} /s${cpu}`,
        )
      }
    }
  }
  await show(all)
}

function wantedLoads(): LoadKind[] {
  return values.loads.split(',').map((name) => {
    if (!(name in LOADS)) throw new Error(`no load ${name}; there are ${Object.keys(LOADS).join(', ')}`)
    return name as LoadKind
  })
}

async function startStub(): Promise<Stub & { readonly pid: number }> {
  const root = makeRoot('Benchmark Root')
  const certificate = makeServerCertificate({ names: ['localhost', '127.0.0.1'], issuer: root })
  const file = (name: string) => join(folder, name)
  await writeFile(file('root.pem'), root.pem)
  await writeFile(file('server.pem'), certificate.pem)
  await writeFile(file('server.key'), certificate.keyPem, { mode: 0o600 })
  const script = join(import.meta.dirname, 'stub-ca-process.ts')
  const started = startProcess(process.execPath, [script, file('server.pem'), file('server.key')])
  stops.push(() => started.stop())
  const { port } = await firstJsonLine<{ port: number }>(started)
  return {
    port,
    trust: root.pem,
    trustFile: file('root.pem'),
    certificateFile: file('server.pem'),
    keyFile: file('server.key'),
    pid: started.pid,
  }
}

/** CPU µs per second while nothing is asked of it. */
async function idleCpu({ pid }: Target): Promise<number> {
  if (pid === null) return 0
  const before = usageOf(pid).cpu
  await sleep(1000)
  return usageOf(pid).cpu - before
}

async function runOnce(
  target: Target,
  load: LoadKind,
  generator: StartedProcess,
  stub: Stub & { readonly pid: number },
  idle: number,
): Promise<Round> {
  const signed =
    load !== 'requests' ? 0 : Math.ceil((target.reads ? 5000 : 500) * (seconds + WARM_UP_MS / 1000))
  const { port, proxy, trust, name, pid } = target
  const authority = `localhost:${proxy ? stub.port : port}`
  const order: RunOrder = {
    target: name,
    load,
    port,
    tunnelTo: proxy ? authority : null,
    authority,
    trust,
    connections,
    warmUpMs: WARM_UP_MS,
    ms: seconds * 1000,
    signed,
    directory: target.directory ?? '',
  }
  generator.child.send(order)
  await message(generator, 'measuring')
  await target.lag()
  const used = () => ({
    proxy: pid === null ? null : usageOf(pid),
    threads: pid === null ? new Map<string, number>() : threadsOf(pid),
    load: usageOf(generator.pid),
    stub: usageOf(stub.pid),
  })
  const ca = await openConnection({ port: stub.port, tunnelTo: null, trust: stub.trust })
  const askedOf = async () => Number((await ca.askWhole(Buffer.from('GET /asked HTTP/1.1\r\n\r\n'))).body)
  const [before, askedBefore] = [used(), await askedOf()]
  const { report } = await message(generator, 'measured')
  const [after, askedAfter] = [used(), await askedOf()]
  ca.close()
  const lag = await target.lag()
  const per = (cpu: number) => cpu / report.requests
  return {
    target: name,
    load,
    report,
    cpu: before.proxy && after.proxy && per(after.proxy.cpu - before.proxy.cpu - idle * report.seconds),
    cpuLoad: per(after.load.cpu - before.load.cpu),
    cpuStub: per(after.stub.cpu - before.stub.cpu),
    threads: new Map(
      [...after.threads].map(([thread, cpu]) => [thread, per(cpu - (before.threads.get(thread) ?? 0))]),
    ),
    askedOfCa: per(askedAfter - askedBefore),
    rss: after.proxy && after.proxy.rss / 1e6,
    lag,
  }
}

async function message<Kind extends LoadMessage['kind']>(generator: StartedProcess, kind: Kind) {
  type Wanted = Extract<LoadMessage, { kind: Kind }>
  return await new Promise<Wanted>((resolve, reject) => {
    const ended = () => reject(new Error(`the load generator ended: ${generator.output()}`))
    generator.child.once('exit', ended)
    generator.child.once('message', (said: LoadMessage) => {
      generator.child.off('exit', ended)
      if (said.kind === kind) resolve(said as Wanted)
      else reject(new Error(said.kind === 'failed' ? said.message : `unexpected ${said.kind}`))
    })
  })
}

interface Row {
  readonly target: string
  readonly load: LoadKind
  /** Requests, or sessions, a second; their CPU beside. */
  readonly rps: number | null
  readonly p50_ms: number | null
  readonly p99_ms: number | null
  readonly cpu_us_per_request: number | null
  readonly rss_mb: number | null
  readonly event_loop_lag_p99_ms: number | null
  readonly stub_us: number | null
  readonly load_us: number | null
  readonly asked_by_client: number | null
  readonly asked_of_ca: number | null
  /** CPU µs by thread, for each that is counted; those that took next to nothing are left out. */
  readonly threads_us: Readonly<Record<string, number>>
  readonly non_2xx: number
  readonly sent_again: number
}

function rowOf(all: readonly Round[]): Row {
  const { target, load } = all[0]!
  const middle = (value: (round: Round) => number | null) => median(all.map(value))
  const lag = middle((round) => round.lag)
  return {
    target,
    load,
    rps: middle(({ report }) => report.requests / report.seconds),
    p50_ms: middle(({ report }) => report.p50),
    p99_ms: middle(({ report }) => report.p99),
    cpu_us_per_request: middle((round) => round.cpu),
    rss_mb: middle((round) => round.rss),
    event_loop_lag_p99_ms: lag === null ? null : lag * 1000,
    stub_us: middle((round) => round.cpuStub),
    load_us: middle((round) => round.cpuLoad),
    asked_by_client: middle(({ report }) => report.asked / report.requests),
    asked_of_ca: middle((round) => round.askedOfCa),
    threads_us: threadRow(all),
    non_2xx: all.reduce((sum, { report }) => sum + report.non2xx, 0),
    sent_again: all.reduce((sum, { report }) => sum + report.sentAgain, 0),
  }
}

function threadRow(all: readonly Round[]): Record<string, number> {
  const names = new Set(all.flatMap(({ threads }) => [...threads.keys()]))
  const figures = [...names].map((name): [string, number] => [
    name,
    median(all.map(({ threads }) => threads.get(name) ?? 0)) ?? 0,
  ])
  return Object.fromEntries(figures.filter(([, us]) => us >= 5).sort(([, a], [, b]) => b - a))
}

async function show(all: readonly Round[]): Promise<void> {
  const groups = Object.groupBy(all, ({ target, load }) => `${load} ${target}`)
  const rows = Object.values(groups).map((rounds) => rowOf(rounds ?? []))
  for (const load of wantedLoads()) {
    const ofLoad = rows.filter((row) => row.load === load)
    console.log(LOADS[load])
    if (load === 'issuances' || load === 'runs') console.log(issuanceTable(ofLoad, figure))
    else {
      console.log(requestTable(ofLoad, load === 'sessions' ? 'session' : 'req'))
      compare(ofLoad)
    }
    for (const { target, non_2xx } of ofLoad) {
      if (non_2xx === 0) continue
      const last = all.findLast((round) => round.target === target && round.load === load)
      console.error(`*** ${target}: ${non_2xx} were not 2xx: ${JSON.stringify(last?.report.statuses)} ***`)
      process.exitCode = 1
    }
  }
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(rows, null, 2)}\n`)
}

function requestTable(rows: readonly Row[], one: string): string {
  const head = ['target', `${one}/s`, 'p50 ms', 'p99 ms', `CPU µs/${one}`, 'RSS MB', 'lag p99 ms']
  const table = new Table({
    head: [...head, 'not 2xx', 'stub µs', 'load µs'],
    style: { head: [], border: [] },
  })
  for (const row of rows) {
    const { rps, p50_ms, p99_ms, cpu_us_per_request, rss_mb, event_loop_lag_p99_ms } = row
    const cells = [rps, p50_ms, p99_ms, cpu_us_per_request, rss_mb, event_loop_lag_p99_ms].map(figure)
    table.push([row.target, ...cells, row.non_2xx, figure(row.stub_us), figure(row.load_us)])
  }
  return table.toString()
}

function compare(rows: readonly Row[]): void {
  const { ours, theirs, asked } = INTERCEPT_COMPARISON
  const of = (name: string) => rows.find(({ target }) => target === name)
  const [mine, other] = [of(ours), of(theirs)]
  if (!mine || !other) return
  const ratio = (over: number | null, under: number | null) => (over ?? Number.NaN) / (under ?? Number.NaN)
  const faster = ratio(mine.rps, other.rps)
  const cheaper = ratio(other.cpu_us_per_request, mine.cpu_us_per_request)
  console.log(
    `${ours} beside ${theirs}: ${faster.toFixed(2)} × as many a second, ${cheaper.toFixed(2)} × as little CPU (${asked} × asked)\n`,
  )
}

function median(numbers: readonly (number | null)[]): number | null {
  const sorted = numbers.filter((n) => n !== null).sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  if (sorted.length === 0) return null
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

function figure(value: number | null): string {
  if (value === null) return '–'
  return value >= 100 ? String(Math.round(value)) : value.toFixed(2)
}

async function showProfiles(where: string): Promise<void> {
  for (const file of (await readdir(where)).filter((name) => name.endsWith('.cpuprofile'))) {
    const { busy, groups, functions } = await readProfile(join(where, file))
    const lines = (shares: typeof groups) =>
      shares.map(({ name, share }) => `  ${(share * 100).toFixed(1).padStart(5)} %  ${name}`).join('\n')
    console.log(
      `\n${join(where, file)}: ${(busy / 1e6).toFixed(1)} s busy\n${lines(groups)}\n\n${lines(functions)}`,
    )
  }
}
