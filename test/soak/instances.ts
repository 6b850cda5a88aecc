import { setTimeout as sleep } from 'node:timers/promises'
import { createSecureContext, type SecureContext } from 'node:tls'
import type { RecordedExchange } from '../../src/audit/record-store.ts'
import {
  type ClientAnswer,
  TestAcmeClient,
  type Transport,
  UnexpectedAnswer,
} from '../support/acme-client.ts'
import { proxiedTransport } from '../support/proxied-transport.ts'
import { type AccountKeyPair, makeAccountKey } from '../support/sign-jws.ts'
import { random, type Soak } from './soak.ts'
import { type ExportedLine, openTwoInstances, type TwoInstances } from './two-instances.ts'

/** Directory, nonce, account, order, authorization, challenge, authorization, finalize, order, certificate. */
const ANSWERS = 10
/** Between one client's beginning and the next one's, on average. */
const APART_MS = 10
/** Half keep their connection. The others lose it while they wait, or open one for each request, as acme.sh does. */
const PER_CONNECTION = [Number.POSITIVE_INFINITY, 4, Number.POSITIVE_INFINITY, 1]
/** The kill comes when this part of all answers has arrived. */
const EARLIEST = 0.3
const LATEST = 0.6

interface Client {
  readonly name: string
  readonly key: AccountKeyPair
  readonly requestsPerConnection: number
  /** Milliseconds after the beginning of its first run. */
  readonly at: number
  account: string | null
  readonly runs: { readonly issued: boolean; readonly failure: string | null; readonly cutOff: boolean }[]
}

export const instances: Soak = {
  proves: 'two instances, one killed under load: all clients succeed by their next run, and nothing is lost',
  unit: 'issuances',
  size: 200,
  async run({ size, seed, progress }) {
    const next = random(seed)
    const clients = Array.from(
      { length: size },
      (_, i): Client => ({
        name: `host-${i}.instances.test`,
        key: makeAccountKey(),
        requestsPerConnection: PER_CONNECTION[i % PER_CONNECTION.length] ?? 1,
        at: next() * size * APART_MS,
        account: null,
        runs: [],
      }),
    )
    const killAt = Math.floor(size * ANSWERS * (EARLIEST + next() * (LATEST - EARLIEST)))
    const world = await openTwoInstances()
    try {
      const failures: string[] = []
      if (world.a.interceptionRoot !== world.b.interceptionRoot)
        failures.push('the two instances give clients different roots')
      const answers: ClientAnswer[] = []
      const entry: Entry = {
        directory: world.ca.directory,
        port: world.address.port,
        trust: createSecureContext({ ca: world.a.interceptionRoot }),
        answers,
      }
      progress(`${size} clients begin; instance a is killed after ${killAt} answers`)
      let underWay = 0
      let left = size
      const firstRuns = clients.map(async (client) => {
        await sleep(client.at)
        underWay += 1
        await runOnce(client, entry)
        underWay -= 1
        left -= 1
      })
      while (answers.length < killAt && left > 0) await sleep(1)
      const cut = underWay
      await world.a.kill()
      if (cut < size / 2)
        failures.push(`only ${cut} of ${size} issuances were under way at the kill: nothing is shown`)
      progress(`instance a is dead, ${cut} issuances were under way`)
      await Promise.all(firstRuns)
      const again = clients.filter(({ runs }) => !issued(runs))
      progress(`first runs are over, ${again.length} clients failed; their next scheduled run begins at once`)
      const given = [...world.address.given]
      await Promise.all(again.map((client) => runOnce(client, entry)))

      await world.end()
      const report = await world.check(answers)
      const lines = await world.exported()
      const listed = await world.listed(lines)
      failures.push(...report.violations)
      if (report.open > 0) failures.push(`${report.open} exchanges have no outcome after the restart`)
      for (const { name, runs } of clients) {
        if (!issued(runs)) failures.push(`${name} has no certificate: ${runs.at(-1)?.failure}`)
      }
      const cutOff = clients.flatMap(({ runs }) => runs).filter((run) => run.cutOff).length
      if (cutOff === 0) failures.push('no request was cut off: nothing is shown')
      for (const { failure, cutOff: broken } of clients.flatMap(({ runs }) => runs)) {
        if (failure !== null && !broken) failures.push(`a client was refused: ${failure}`)
      }
      failures.push(...whatExportLacks(lines, report.exchanges), ...whatTheListLacks(listed, lines))
      failures.push(...hindered(listed))
      const strange = listed.filter(({ intent }) => intent.operation === 'unrecognised')
      failures.push(...whatWasNotLearned(strange), ...signedTwice(listed))
      const succeeded = clients.filter(({ runs }) => runs.length === 1 && issued(runs)).length
      return {
        figures: {
          issuances: size,
          'under way at the kill': cut,
          'succeeded in the first run': succeeded,
          'succeeded in the second run': clients.filter(({ runs }) => runs.length === 2 && issued(runs))
            .length,
          'scheduled runs': 'compressed: the second begins when all first ones have ended',
          'requests cut off, waiting or connecting': cutOff,
          'connections to a, b before the second run': given.join(', '),
          'CA requests': report.caRequests,
          'answers to clients': report.answers,
          'exchanges in both records': report.exchanges,
          'lines of export, entries of exchanges': `${lines.length}, ${listed.length}`,
          'facts of a, b': report.factsOf.join(', '),
          ...Object.fromEntries(Object.entries(report.outcomes).map(([kind, n]) => [`outcome ${kind}`, n])),
          'URLs learned from the answer': strange.filter(({ outcome }) => outcome?.operation).length,
          'signed by a key not known yet': listed.filter(({ intent }) => intent.jws?.verdict === 'keyUnknown')
            .length,
          violations: report.violationCount,
        },
        failures,
        late: [],
      }
    } finally {
      await world.close()
    }
  },
}

interface Entry {
  readonly directory: TwoInstances['ca']['directory']
  readonly port: number
  readonly trust: SecureContext
  /** Every answer that arrived whole. */
  readonly answers: ClientAnswer[]
}

/** One scheduled run: ends at the first error, as certbot's does. The account is kept, an order is not. */
async function runOnce(client: Client, { directory, port, trust, answers }: Entry): Promise<void> {
  const userAgent = `fleet/1 (${client.name})`
  const open = () => proxiedTransport({ port, trust, from: '127.0.0.1', userAgent, timeoutMs: 60_000 })
  const transport = reopening(open, client.requestsPerConnection)
  const acme = new TestAcmeClient(noting(transport, answers), client.key)
  acme.account = client.account
  try {
    await acme.discover(directory)
    if (acme.account === null) await acme.newAccount()
    client.account = acme.account
    const { pem } = await acme.issue([client.name])
    if (!pem.startsWith('-----BEGIN CERTIFICATE')) throw new Error('what was delivered is no certificate')
    client.runs.push({ issued: true, failure: null, cutOff: false })
  } catch (error) {
    const cutOff = !(error instanceof UnexpectedAnswer)
    client.runs.push({ issued: false, failure: String(error).slice(0, 300), cutOff })
  } finally {
    transport.close()
  }
}

function issued(runs: Client['runs']): boolean {
  return runs.some((run) => run.issued)
}

function noting(transport: Transport, answers: ClientAnswer[]): Transport {
  return {
    async send(...request) {
      const answer = await transport.send(...request)
      answers.push(answer)
      return answer
    },
    close: () => transport.close(),
  }
}

/** Opens the next connection, which may lead to the other instance, after so many requests. */
function reopening(open: () => Transport, requests: number): Transport {
  let transport = open()
  let used = 0
  return {
    async send(...request) {
      if (used === requests) {
        transport.close()
        transport = open()
        used = 0
      }
      used += 1
      return await transport.send(...request)
    },
    close: () => transport.close(),
  }
}

/** Each exchange once, in order of time, each record in its own order, and every line says whose it is. */
function whatExportLacks(lines: readonly ExportedLine[], exchanges: number): string[] {
  const failures: string[] = []
  const distinct = new Set(lines.map(({ exchange }) => exchange)).size
  if (lines.length !== exchanges || distinct !== exchanges)
    failures.push(`export: ${lines.length} lines of ${distinct} exchanges, and ${exchanges} in the records`)
  const labels = new Map(lines.map(({ stream, instance }) => [stream, instance]))
  if ([...labels.values()].sort().join() !== 'a,b') failures.push(`export: instances ${[...labels.values()]}`)
  for (const [i, line] of lines.entries()) {
    const before = lines[i - 1]
    if (line.instance !== labels.get(line.stream)) failures.push(`export: line ${i + 1} has another instance`)
    if (!before) continue
    // A line that follows one of the other record was next in its own when that one was chosen before it.
    const inOrder =
      before.stream === line.stream
        ? before.sequence.intent < line.sequence.intent
        : Date.parse(before.at) <= Date.parse(line.at)
    if (!inOrder) failures.push(`export: line ${i + 1} stands after what came later`)
  }
  return failures
}

function whatTheListLacks(listed: readonly RecordedExchange[], lines: readonly ExportedLine[]): string[] {
  const [shown, exported] = [listed.map(({ id }) => id), lines.map(({ exchange }) => exchange)]
  const equal = shown.length === exported.length && new Set([...shown, ...exported]).size === shown.length
  const unlabelled = listed.filter(({ intent }) => !['a', 'b'].includes(intent.instance)).length
  return [
    ...(equal ? [] : [`exchanges: ${shown.length} entries, and export has ${exported.length} lines`]),
    ...(unlabelled === 0 ? [] : [`exchanges: ${unlabelled} entries of no instance`]),
  ]
}

/** Nothing that a client asked was refused or failed, whatever the instance knew of it. */
function hindered(listed: readonly RecordedExchange[]): string[] {
  return listed
    .filter(({ intent }) => intent.mode === 'intercept')
    .filter(({ outcome }) => outcome && !['response', 'unknown'].includes(outcome.outcome))
    .map(({ id, intent, outcome }) => `${id}: ${intent.operation} is recorded as ${outcome?.outcome}`)
}

/** What one instance has not learned it learns: a URL it has not seen is what the CA's answer shows. */
function whatWasNotLearned(strange: readonly RecordedExchange[]): string[] {
  return strange
    .filter(({ outcome }) => outcome?.outcome === 'response' && outcome.operation === null)
    .map(({ id, intent }) => `${id}: ${intent.request.target} was answered and is still unrecognised`)
}

/** Every signed request has a nonce of its own: its bytes are in one intent, in one of the two records. */
function signedTwice(listed: readonly RecordedExchange[]): string[] {
  const signed = listed.filter(({ intent }) => intent.jws !== null)
  const byBytes = Map.groupBy(signed, ({ intent }) => intent.request.digest)
  return [...byBytes.values()]
    .filter((same) => same.length > 1)
    .map(
      (same) => `${same.length} intents of the same signed request: ${same.map(({ id }) => id).join(', ')}`,
    )
}
