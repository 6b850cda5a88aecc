/** Policies that come and go under load: nothing fails but what a policy denies, and each decision is one policy's. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PolicyBundle } from '../../src/policy/bundle.ts'
import { bundleDigest } from '../../src/policy/document/bundle-digest.ts'
import { readBundle } from '../../src/policy/document/read-bundle.ts'
import { evaluate } from '../../src/policy/evaluate.ts'
import type { Policy } from '../../src/policy/policy.ts'
import { factsOf } from '../../src/policy/recorded-facts.ts'
import { policyOfDigest } from '../../src/policy/recorded-policy.ts'
import { usable } from '../../src/policy/workbench.ts'
import { openSqliteReader } from '../../src/store/sqlite/open.ts'
import { httpsTransport, TestAcmeClient } from '../support/acme-client.ts'
import { type Acmetap, askAdmin, startAcmetap } from '../support/acmetap-process.ts'
import { startTestCa } from '../support/test-ca/test-ca.ts'
import { quantile, random, type Soak } from './soak.ts'

/** Different policies in turn. */
const POLICIES = 20
const CLIENTS = 8
/** Requests a second, of all clients, whether or not earlier ones were answered. */
const RATE = 200

const BROKEN: readonly ((text: string) => string)[] = [
  (text) => text.replace('effect: deny', 'effect: dney'),
  (text) => text.replace('rules:', 'rulez:'),
  (text) => text.replace('version: 1', 'version: 2'),
  (text) => text.slice(0, text.length / 2).concat('\n  - {'),
  (text) => text.replace('@blocked', '@nowhere'),
  (text) => `${text}\n\t- tab`,
  (text) => text.replace('.blocked-', 'a..b-'),
  (text) => text.replace("'**.allowed.example'", "'**.allow*.example'"),
  () => '',
  () => '\u0000',
]

/** Which of the hosts `host-N.test.example` it denies depends on the version. `long`: with a list of so many names. */
function policyText(version: number, long: number): string {
  const blocked = Array.from({ length: 10 }, (_, at) => `host-${(version + at * 2) % 20}.test.example`)
  return `version: 1
mode: enforce
message: version ${version} denies {name}
lists:
  blocked: ${JSON.stringify([...blocked, `.blocked-${version}.example`])}
${long > 0 ? '  long: { file: ./long.txt }\n' : ''}rules:
  - { name: blocked-${version}, when: { names: '@blocked' }, effect: deny }
${long > 0 ? "  - { name: long, when: { names: '@long' }, effect: deny }\n" : ''}  - { name: allowed-${version}, when: { names: ['**.allowed.example', '**.test.example'] }, effect: allow }
`
}

interface ReloadAnswer {
  readonly ok: boolean
  readonly problems: readonly { readonly line: number; readonly column: number; readonly file: string }[]
}

/** By the API, over the control socket's HTTP twin: the token of the first start. */
function reloadByApi(acmetap: Acmetap, token: string): Promise<{ status: number; body: ReloadAnswer }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      `${acmetap.adminUrl}/api/v1/config/reload`,
      { method: 'POST', agent: false, headers: { Authorization: `Bearer ${token}` } },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => {
          text += part
        })
        response.on('end', () => {
          const body = JSON.parse(text === '' ? '{}' : text) as ReloadAnswer
          resolve({ status: response.statusCode ?? 0, body })
        })
      },
    )
    request.on('error', reject).end()
  })
}

export async function runPolicyReload({
  size,
  seed,
  long,
  rate,
  progress,
}: {
  size: number
  seed: number
  long: number
  rate: number
  progress: (line: string) => void
}): Promise<{ figures: Record<string, number>; failures: string[] }> {
  const next = random(seed)
  const failures: string[] = []
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-reload-'))
  const ca = await startTestCa({ nonces: 'ignore' })
  const file = join(folder, 'policy.yaml')
  const put = async (text: string) => {
    await writeFile(`${file}.new`, text)
    await rename(`${file}.new`, file)
  }
  await writeFile(
    join(folder, 'long.txt'),
    Array.from({ length: long }, (_, at) => `n${at}.long.example`).join('\n'),
  )
  const textOf = (version: number) => policyText(version, version % 5 === 0 ? long : 0)
  await put(textOf(1))
  const acmetap = await startAcmetap({
    folder,
    directory: ca.directory,
    trust: ca.trust,
    sections: { policy: file, log: { level: 'error' } },
  })
  let stopped = false
  const latencies: number[] = []
  const statuses: Record<string, number> = {}
  try {
    const token = (await readFile(join(acmetap.dataFolder, 'first-admin-token'), 'utf8')).trim()
    const clients = await Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        const client = new TestAcmeClient(httpsTransport(acmetap.trust, { sockets: 4, timeoutMs: 120_000 }))
        await client.discover(acmetap.directory)
        await client.newAccount()
        return client
      }),
    )
    const sent: Promise<void>[] = []
    const send = async (client: TestAcmeClient) => {
      const url = client.directory?.newOrder ?? ''
      const names = Array.from(
        { length: 1 + Math.floor(next() * 3) },
        () => `host-${Math.floor(next() * 20)}.test.example`,
      )
      const identifiers = [...new Set(names)].map((value) => ({ type: 'dns', value }))
      const body = client.sign(url, { identifiers }, { nonce: randomBytes(9).toString('base64url') })
      try {
        const { status, ms, body: answer } = await client.transport.send('POST', url, body)
        statuses[status] = (statuses[status] ?? 0) + 1
        latencies.push(ms)
        if (status !== 201 && status !== 403 && failures.length < 20)
          failures.push(`answered ${status}: ${answer.toString().slice(0, 200)}`)
      } catch (error) {
        if (failures.length < 20) failures.push(`no answer: ${error}`)
      }
    }
    const load = (async () => {
      const began = performance.now()
      for (let at = 0; !stopped; at++) {
        const due = began + (at * 1000) / rate
        const early = due - performance.now()
        if (early > 1) await sleep(early)
        sent.push(send(clients[at % CLIENTS]!))
      }
      await Promise.all(sent)
    })()
    const lags: number[] = []
    const watching = (async () => {
      while (!stopped) {
        const lag = await lagOf(acmetap)
        if (lag === null) failures.push('the lag of the event loop is not told')
        else lags.push(lag)
        await sleep(1000)
      }
    })()
    let told = 0
    let versions = 1
    const files = Array.from({ length: 2 * size }, (_, at) => at < size)
    for (let at = files.length - 1; at > 0; at--) {
      const other = Math.floor(next() * (at + 1))
      ;[files[at], files[other]] = [files[other]!, files[at]!]
    }
    for (const [at, good] of files.entries()) {
      const version = 1 + (versions++ % POLICIES)
      const text = textOf(version)
      await put(good ? text : BROKEN[Math.floor(next() * BROKEN.length)]!(text))
      // A signal says nothing of when it was done: what the API answers next is about the same file.
      if (next() < 0.3)
        for (let more = Math.floor(next() * 4); more >= 0; more--) process.kill(acmetap.pid, 'SIGHUP')
      const { status, body } = await reloadByApi(acmetap, token)
      if (status !== 200 && status !== 422)
        failures.push(`reload was answered ${status}: ${JSON.stringify(body)}`)
      if (body.ok !== good)
        failures.push(`a ${good ? 'good' : 'broken'} file: ${JSON.stringify(body).slice(0, 300)}`)
      if (
        !good &&
        body.problems.every(({ line, column }) => line >= 1 && column >= 1) &&
        body.problems.length > 0
      )
        told++
      if (at % 100 === 99) progress(`${at + 1} files, ${latencies.length} requests`)
      await sleep(0)
    }
    await put(textOf(7))
    for (let storm = 0; storm < 50; storm++) process.kill(acmetap.pid, 'SIGHUP')
    const last = bundleDigest(await readBundle(file))
    await reloadByApi(acmetap, token)
    stopped = true
    await load
    for (const { transport } of clients) transport.close()
    await watching
    await acmetap.stop()
    const decided = await recompute(acmetap.dataFolder, failures)
    if (decided.last !== last) failures.push(`the newest file is ${last}, the last in force ${decided.last}`)
    if (told !== size) failures.push(`${told} of ${size} broken files were told with line and column`)
    return {
      figures: {
        'good files': size,
        'broken files': size,
        'of these told with line and column': told,
        requests: latencies.length,
        passed: statuses[201] ?? 0,
        denied: statuses[403] ?? 0,
        'recorded decisions, recomputed': decided.recomputed,
        'policies that decided': decided.policies,
        'mixed decisions': decided.mixed,
        'latency p50, ms': Math.round(quantile(latencies, 0.5)),
        'latency p99, ms': Math.round(quantile(latencies, 0.99)),
        'latency max, ms': Math.round(Math.max(...latencies)),
        'event loop lag, p99 of the worst second, ms': Math.round(Math.max(...lags)),
      },
      failures,
    }
  } finally {
    stopped = true
    await acmetap.stop()
    await ca.close()
    await rm(folder, { recursive: true, force: true })
  }
}

/** ms: 99 % of the time since it was asked last it was less. Null where it is not told. */
async function lagOf({ adminUrl }: Acmetap): Promise<number | null> {
  const answer = await askAdmin(`${adminUrl}/metrics`)
  const seconds = /^acmetap_event_loop_lag_seconds\{percentile="99"\} (\S+)/m.exec(answer?.body ?? '')?.[1]
  return seconds === undefined ? null : Number(seconds) * 1000
}

/** Each recorded newOrder decided again, by the policy that its digest names. */
async function recompute(
  data: string,
  failures: string[],
): Promise<{ recomputed: number; mixed: number; policies: number; last: string | null }> {
  const reader = openSqliteReader(data)
  const policies = new Map<string, Policy>()
  let [recomputed, mixed] = [0, 0]
  let last: string | null = null
  try {
    for (let after = 0; ; ) {
      const page = await reader.exchanges({ after, operation: 'newOrder' }, 500)
      if (page.length === 0) break
      for (const { id, intent, personal } of page) {
        after = Math.max(after, intent.sequence)
        const { policyDigest, decision } = intent
        last = policyDigest
        const facts = factsOf(intent, personal)
        if (policyDigest === null || facts === null || !decision.policy) {
          failures.push(`${id} has no decision of a policy`)
          continue
        }
        let policy = policies.get(policyDigest)
        if (policy === undefined) {
          const bundle: PolicyBundle | null = await policyOfDigest(reader, id, policyDigest)
          if (bundle === null) {
            failures.push(`${id}: no policy ${policyDigest}`)
            continue
          }
          policy = await usable(bundle)
          policies.set(policyDigest, policy)
        }
        const result = evaluate(policy, facts)
        recomputed++
        const same =
          'verdict' in result &&
          result.verdict.decided.effect === decision.policy.decided.effect &&
          result.verdict.decided.rule === decision.policy.decided.rule &&
          result.verdict.decided.effect === decision.effect
        if (same) continue
        mixed++
        if (failures.length < 20)
          failures.push(`mixed: ${id} by ${policyDigest}: ${JSON.stringify(decision)}`)
      }
    }
  } finally {
    await reader.close()
  }
  return { recomputed, mixed, policies: policies.size, last }
}

export const policyReload: Soak = {
  proves:
    'policies that come and go under 200 requests/s fail no request and mix no decision (must show 6, threat H9)',
  unit: 'good files, and as many broken ones',
  size: 1000,
  async run({ size, seed, progress }) {
    const { figures, failures } = await runPolicyReload({ size, seed, long: 100_000, rate: RATE, progress })
    return { figures: { seed, ...figures }, failures, late: [] }
  },
}
