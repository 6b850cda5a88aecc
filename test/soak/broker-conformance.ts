import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { findProgram } from '../../src/cli/demo/child.ts'
import { httpsTransport } from '../support/acme-client.ts'
import { Conversation, http2Transport, type Seen } from '../support/broker/conformance/conversation.ts'
import { differences, EXPLAINED, explanationOf } from '../support/broker/conformance/explained.ts'
import { talk } from '../support/broker/conformance/script.ts'
import {
  type AcmeServer,
  answerAt,
  serveEndpoint,
  servePebble,
} from '../support/broker/conformance/servers.ts'
import { startProcess } from '../support/child-process.ts'
import { fetchNewestPebble } from '../support/peers/newest-pebble.ts'
import type { Soak } from './soak.ts'

const PROJECT = path.resolve(import.meta.dirname, '..', '..')
const TOUR = path.join(PROJECT, 'test', 'support', 'peers', 'node-acme-client-tour.mjs')
/** Of golang.org/x/crypto, as Debian installs it. */
const PROBE = 'golang.org/x/crypto/acme/internal/acmeprobe'
const GOPATH = '/usr/share/gocode'
/** Of acme-client's tour. */
const CALLS = 22

export const brokerConformance: Soak = {
  proves:
    "an endpoint answers as Pebble does, over HTTP/1.1 and HTTP/2, or the manual says why not; acme-client's whole interface and Go's acmeprobe succeed at it",
  unit: 'rounds',
  size: 1,
  async run({ size, progress }) {
    const folder = await mkdtemp(path.join(tmpdir(), 'acmetap-conformance-'))
    const stops: (() => Promise<void>)[] = [() => rm(folder, { recursive: true, force: true })]
    try {
      const installed = await servePebble(path.join(folder, 'pebble'), null)
      stops.push(installed.stop)
      const newest = await fetchNewestPebble()
      if (newest === null)
        progress('LEFT OUT: the newest Pebble can be had neither by ACMETAP_NEW_PEBBLE nor through apt')
      const newer = newest === null ? null : await servePebble(path.join(folder, 'newest'), newest)
      if (newer) stops.push(newer.stop)
      const endpoint = await serveEndpoint(path.join(folder, 'endpoint'), installed.pebble!.dnsServer)
      stops.push(endpoint.stop)
      const figures: Record<string, number | string> = {}
      const failures: string[] = []
      for (let round = 0; round < size; round++) {
        progress('the same conversation with each server')
        const one = await conversation(endpoint, 'http/1.1')
        const two = await conversation(endpoint, 'h2')
        figures['answers compared'] = one.size
        failures.push(...unequal(one, two).map((line) => `HTTP/2: ${line}`))
        const explained = new Set<string>()
        for (const [name, pebble] of [
          ['Pebble', installed],
          ['newest Pebble', newer],
        ] as const) {
          if (pebble === null) continue
          const result = compared(one, await conversation(pebble, 'http/1.1'))
          for (const row of result.explained) explained.add(row)
          figures[`as ${name} answers`] = `${result.same} of ${result.steps}`
          failures.push(...result.unexplained.map((line) => `${name}: ${line}`))
        }
        figures['differences explained'] = explained.size
        if (newer !== null) {
          const stale = EXPLAINED.filter(({ row }) => !explained.has(row))
          failures.push(...stale.map(({ row }) => `there is no difference any more: ${row}`))
        }
        progress("acme-client's interface")
        for (const [name, server] of [
          ['endpoint', endpoint],
          ['Pebble', installed],
        ] as const) {
          const calls = await tour(server)
          const bad = calls.filter(({ fault }) => fault !== null)
          figures[`acme-client at ${name}`] = `${calls.length - bad.length} of ${calls.length} calls`
          // What the other does is for comparison.
          if (server !== endpoint) continue
          failures.push(...bad.map(({ call, fault }) => `acme-client: ${call}: ${fault}`))
          if (calls.length < CALLS) failures.push(`acme-client: only ${calls.length} calls`)
        }
        const probed = await probe(endpoint, folder)
        if (probed === null)
          progress('LEFT OUT: acmeprobe: neither golang-go nor golang-golang-x-crypto-dev is installed')
        figures['acmeprobe (x/crypto)'] = probed === null ? 'left out' : probed.length === 0 ? 'ok' : 'FAILED'
        failures.push(...(probed ?? []))
      }
      failures.push(...(await undocumented()))
      return { figures, failures, late: [] }
    } finally {
      for (const stop of stops.reverse()) await stop()
    }
  },
}

async function conversation(server: AcmeServer, over: 'http/1.1' | 'h2'): Promise<ReadonlyMap<string, Seen>> {
  const answers = new Map<string, string>()
  const transport = over === 'h2' ? http2Transport(server.trust) : httpsTransport(server.trust)
  const stop = await answerAt(server.httpPort, answers)
  try {
    const client = await Conversation.begin(server.directory, transport)
    await talk(client, answers)
    return client.seen
  } finally {
    transport.close()
    await stop()
  }
}

function unequal(one: ReadonlyMap<string, Seen>, two: ReadonlyMap<string, Seen>): readonly string[] {
  return [...one].flatMap(([step, seen]) =>
    differences(seen, two.get(step)!).map(({ line }) => `${step}: ${line}`),
  )
}

/** Of ours with theirs, at the steps that both have. */
function compared(ours: ReadonlyMap<string, Seen>, theirs: ReadonlyMap<string, Seen>) {
  const explained = new Set<string>()
  const unexplained: string[] = []
  let same = 0
  let steps = 0
  for (const [step, seen] of ours) {
    const other = theirs.get(step)
    if (other === undefined) continue
    steps += 1
    const found = differences(seen, other)
    if (found.length === 0) same += 1
    for (const { field, line } of found) {
      const explanation = explanationOf(step, field)
      if (explanation) explained.add(explanation.row)
      else unexplained.push(`${step}: ${line}`)
    }
  }
  return { explained, unexplained, same, steps }
}

async function undocumented(): Promise<readonly string[]> {
  const manual = await readFile(path.join(PROJECT, 'docs', 'broker.md'), 'utf8')
  return EXPLAINED.filter(({ row }) => !manual.includes(`\n${row}`)).map(
    ({ row }) => `docs/broker.md has no row ${row}`,
  )
}

async function tour({ directory, trust, httpPort }: AcmeServer) {
  const folder = await mkdtemp(path.join(tmpdir(), 'acmetap-tour-'))
  const file = path.join(folder, 'trust.pem')
  await writeFile(file, trust)
  const started = startProcess(process.execPath, [TOUR], {
    cwd: folder,
    env: { ACME_DIRECTORY: directory, ACME_HTTP_PORT: String(httpPort), NODE_EXTRA_CA_CERTS: file },
  })
  const code = await started.ended
  await rm(folder, { recursive: true, force: true })
  const calls = started
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{"call"'))
    .map((line) => JSON.parse(line) as { readonly call: string; readonly fault: string | null })
  return code === 0
    ? calls
    : [...calls, { call: 'the program', fault: `ended with ${code}: ${started.output().slice(-500)}` }]
}

/** Faults; null: it cannot be had here. It is run where it is installed, and left as it is. */
async function probe(
  { directory, trust, httpPort }: AcmeServer,
  folder: string,
): Promise<readonly string[] | null> {
  const go = await findProgram('go')
  if (go === null) return null
  const cache = path.join(folder, 'go')
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    GOCACHE: cache,
    GOPATH,
    GO111MODULE: 'off',
    GOFLAGS: '',
  }
  const program = path.join(folder, 'acmeprobe')
  const built = spawnSync(go, ['build', '-o', program, PROBE], { cwd: folder, env, timeout: 240_000 })
  if (built.status !== 0) return null
  const file = path.join(folder, 'probe-trust.pem')
  await writeFile(file, trust)
  const words = ['-d', directory, '-f', 'order', '-t', 'http-01', '-a', `127.0.0.1:${httpPort}`]
  const started = startProcess(program, [...words, '-domain', 'probe.test www.probe.test'], {
    cwd: folder,
    env: { SSL_CERT_FILE: file },
  })
  const code = await started.ended
  return code === 0 ? [] : [`acmeprobe ended with ${code}: ${started.output().slice(-500)}`]
}
