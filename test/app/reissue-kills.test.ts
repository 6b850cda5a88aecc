/** A plan that is killed again and again, one that fails, and what the CA's own log says of both. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { controlSocketPath } from '../../src/api/control-socket-path.ts'
import type { ShownPlan } from '../../src/api/engine-operations.ts'
import { connectControl } from '../../src/cli/control-client.ts'
import { LOCAL } from '../../src/cli/local-actor.ts'
import { httpsTransport, TestAcmeClient } from '../support/acme-client.ts'
import { type Acmetap, type AcmetapOptions, startAcmetap } from '../support/acmetap-process.ts'
import { freePort } from '../support/child-process.ts'
import { Refusal } from '../support/test-ca/answer.ts'
import { startTestCa, type TestCa } from '../support/test-ca/test-ca.ts'

const LINES = 30
const WHERE = 'name~.fleet.example and observed'

let folder: string
let ca: TestCa
let options: AcmetapOptions
let acmetap: Acmetap

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reissue-kills-'))
  await mkdir(join(folder, 'web'))
  ca = await startTestCa()
  options = {
    folder,
    directory: ca.directory,
    trust: ca.trust,
    ports: { acme: await freePort(), admin: await freePort() },
    sections: {
      engine: {
        accounts: [{ ca: 'test', agree_terms: true }],
        solvers: [{ name: 'web', webroot: { folder: join(folder, 'web') } }],
        reissue: { pace: '0s' },
      },
    },
  }
  acmetap = await startAcmetap(options)
  const transport = httpsTransport(acmetap.trust)
  const client = new TestAcmeClient(transport)
  await client.discover(acmetap.directory)
  await client.newAccount()
  for (let n = 1; n <= LINES; n++) await client.issue([nameOf(n)])
  transport.close()
}, 120_000)

afterEach(async () => {
  await acmetap.stop()
  await ca.close()
  await rm(folder, { recursive: true, force: true })
}, 60_000)

const nameOf = (n: number) => `s${n}.fleet.example`

async function engine() {
  const operations = await connectControl(controlSocketPath(acmetap.dataFolder))
  if (operations === null) throw new Error(`acmetap does not answer: ${acmetap.process.output()}`)
  return operations.engine
}

/** The plan as it stands when it ended; null where the server was gone before. */
async function apply(id: string, onDone: (lines: number) => void = () => {}): Promise<ShownPlan | null> {
  let done = 0
  try {
    for await (const event of (await engine()).applyPlan(id, LOCAL, new AbortController().signal)) {
      if (event.kind === 'end') return event.plan
      if (event.kind === 'line' && event.line.state === 'done') onDone(++done)
    }
  } catch {
    // It was killed.
  }
  return null
}

async function plan(): Promise<ShownPlan> {
  for (;;) {
    const made = await (await engine()).makePlan({ where: WHERE }, LOCAL)
    // The inventory follows the record.
    if (made.lines.length === LINES) return made
    await sleep(100)
  }
}

/** By name: orders of the fleet at the CA, and how often each was finalized. */
function atTheCa(): ReadonlyMap<string, readonly number[]> {
  const orders = new Map<string, number[]>()
  for (const { identifiers, finalize } of ca.state.orders.values()) {
    const name = identifiers[0]!.value
    const times = ca.log.requests.filter(({ target }) => target === finalize).length
    orders.set(name, [...(orders.get(name) ?? []), times])
  }
  return orders
}

test('a plan of 30 lines that is killed four times issues every line once', {
  timeout: 600_000,
}, async () => {
  const { id, lines } = await plan()
  expect(lines.map(({ way }) => way)).toEqual(Array.from({ length: LINES }, () => 'repeat'))
  for (let kills = 1; kills <= 4; kills++) {
    // The moment differs: after a line, or in the midst of the next.
    const killed = Promise.withResolvers<void>()
    const kill = () => void acmetap.kill().then(killed.resolve)
    const ended = await apply(id, (done) => {
      if (done === 3) setTimeout(kill, kills * 7)
    })
    expect(ended, 'it is killed before it is done').toBeNull()
    await killed.promise
    acmetap = await startAcmetap(options)
  }
  const over = await apply(id)
  expect(over?.state).toBe('done')
  expect(over?.lines.map(({ state }) => state)).toEqual(Array.from({ length: LINES }, () => 'done'))
  for (const [name, finalized] of atTheCa()) expect([name, finalized]).toEqual([name, [1, 1]])
  expect(atTheCa().size).toBe(LINES)
  // One that the client made, and one of acmetap's own.
  expect(ca.state.accounts.size).toBe(2)
  const fingerprints = new Set(over?.lines.map(({ replacedBy }) => replacedBy))
  expect(fingerprints.size).toBe(LINES)
})

test('a plan whose names fail stops, and goes on when they no longer do', { timeout: 600_000 }, async () => {
  const { id } = await plan()
  ca.validate(({ value }) =>
    Number(/^s(\d+)\./.exec(value)?.[1]) <= 26 && Number(/^s(\d+)\./.exec(value)?.[1]) > 15
      ? new Refusal('connection', 'no route to host')
      : null,
  )
  const first = await apply(id)
  expect(first?.state).toBe('stopped')
  expect(first?.stoppedBecause).toMatch(/^\d+ of the last \d+ lines failed, and it stops at 20 percent$/)
  const failed = first!.lines.filter(({ state }) => state === 'failed')
  expect(failed.length).toBeGreaterThanOrEqual(1)
  expect(failed.every(({ error }) => error?.includes('no route to host'))).toBe(true)
  expect(first!.lines.some(({ state }) => state === 'planned')).toBe(true)
  ca.validate(() => null)
  const over = await apply(id)
  expect([over?.state, over?.stoppedBecause]).toEqual(['done', null])
  const issued = new Map(
    [...atTheCa()].map(([name, times]) => [name, times.reduce((sum, each) => sum + each, 0)]),
  )
  expect([...issued.values()]).toEqual(Array.from({ length: LINES }, () => 2))
})
