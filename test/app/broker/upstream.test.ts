/** The program as a process, over CAs by HTTPS: drills of operators, and acmetap's accounts that a CA no longer has. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import type { Operations } from '../../../src/api/operations.ts'
import { BrokerFleet, type FleetOptions, PEBBLE } from '../../support/broker/broker-fleet.ts'
import { type Issued, obtain } from '../../support/broker/persistent-client.ts'
import { certificateText } from '../../support/broker/troubled-ca.ts'
import { listening, type StartedProcess, startProcess } from '../../support/child-process.ts'
import { reasonWithout } from '../../support/missing.ts'

const ACTOR = { kind: 'local', token: null, name: null } as const
const pebbleMissing = await reasonWithout('pebble', 'pebble-challtestsrv')

const open: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
}, 60_000)

async function started(options: FleetOptions): Promise<BrokerFleet> {
  const fleet = await BrokerFleet.start(options)
  open.push(() => fleet.close())
  await fleet.serve()
  return fleet
}

/** Who issued it, by the CAs' own word. */
function issuerOf(fleet: BrokerFleet, { pem, error }: Issued): string {
  if (pem === null) return `${error}`
  return fleet.issued().get(certificateText(pem)!)?.join(' ') ?? PEBBLE
}

test('a drill moves the orders of its labels, those that are placed already too, and nobody else notices', {
  timeout: 300_000,
}, async () => {
  const fleet = await started({ cas: ['first', 'second'] })
  const [a, b] = [await fleet.client('team-a'), await fleet.client('team-b')]
  const { broker } = await fleet.operations()
  const begin = () => broker.startDrill({ ca: 'first', labels: ['team-a'], for: 600 }, ACTOR)
  const by = async (issued: Promise<Issued>) => issuerOf(fleet, await issued)
  expect(await by(obtain(a, 'before.example'))).toBe('first')
  const onPlaced = async () => void (await begin())
  expect(await by(obtain(a, 'placed.example', { patience: 0, onPlaced }))).toBe('second')
  const asked = fleet.cas.get('first')!.asked('newOrder')
  const names = ['one', 'two', 'three']
  const during = await Promise.all(
    [a, b].flatMap((client, team) => names.map((name) => by(obtain(client, `${name}${team}.example`)))),
  )
  expect(during).toEqual(['second', 'second', 'second', 'first', 'first', 'first'])
  expect(fleet.cas.get('first')!.asked('newOrder')).toBe(asked + 3)
  const { cas, drills } = await broker.status()
  expect(drills).toMatchObject([{ ca: 'first', labels: ['team-a'] }])
  expect(cas.map(({ state }) => state)).toEqual(['closed', 'closed'])
  await broker.stopDrills(null, ACTOR)
  expect(await by(obtain(a, 'after.example'))).toBe('first')
  expect([...fleet.issued().values()].every((issuers) => issuers.length === 1)).toBe(true)
})

test('an account that a CA has under another URL is found; one that it has ended is left alone, and orders go on elsewhere', {
  timeout: 300_000,
}, async () => {
  const fleet = await started({ cas: ['first', 'second'] })
  const client = await fleet.client('team-a')
  const { state } = fleet.cas.get('first')!.ca
  expect(issuerOf(fleet, await obtain(client, 'before.example'))).toBe('first')
  const [account] = [...state.accounts.values()]
  const moved = { ...account!, path: '/account/elsewhere' }
  state.accounts.clear()
  state.accounts.set(moved.path, moved)
  state.accountsByKey.set(moved.thumbprint, moved)
  expect(issuerOf(fleet, await obtain(client, 'moved.example'))).toBe('first')
  moved.status = 'deactivated'
  expect(issuerOf(fleet, await obtain(client, 'ended.example'))).toBe('second')
  expect(issuerOf(fleet, await obtain(client, 'again.example'))).toBe('second')
  expect(state.accounts.size).toBe(1)
  const { engine, alerts } = await restarted(fleet)
  expect(await lost(engine)).toEqual([['first', 'deactivated']])
  expect(await alerted(alerts)).toEqual(['first'])
  expect(issuerOf(fleet, await obtain(await fleet.client('team-a'), 'later.example'))).toBe('second')
  expect(state.accounts.size).toBe(1)
})

test.skipIf(pebbleMissing !== null)(
  'a CA that was set up anew is told of, is not registered at by itself, and is again when the operator says so',
  { timeout: 300_000 },
  async () => {
    const fleet = await started({
      cas: ['second'],
      pebble: true,
      endpoint: { cas: [PEBBLE, 'second'], routes: [{ names: ['.only.example'], cas: [PEBBLE] }] },
    })
    const client = await fleet.client('team-a')
    expect(issuerOf(fleet, await obtain(client, 'before.example'))).toBe(PEBBLE)
    const pebble = await anew(fleet)
    expect(issuerOf(fleet, await obtain(client, 'without.example'))).toBe('second')
    const refused = await obtain(client, 'www.only.example')
    expect(refused.error).toContain('engine accounts register pebble')
    const { engine } = await restarted(fleet)
    expect((await lost(engine)).map(([ca]) => ca)).toEqual([PEBBLE])
    const after = await fleet.client('team-a')
    expect(issuerOf(fleet, await obtain(after, 'still.example'))).toBe('second')
    expect(pebble.output()).not.toContain('accounts in memory')
    await engine.register({ ca: PEBBLE }, ACTOR)
    expect(issuerOf(fleet, await obtain(after, 'registered.only.example'))).toBe(PEBBLE)
    expect(pebble.output()).toContain('There are now 1 accounts in memory')
  },
)

async function restarted(fleet: BrokerFleet): Promise<Operations> {
  await fleet.acmetap.stop()
  await fleet.serve()
  return fleet.operations()
}

async function lost(engine: Operations['engine']) {
  const accounts = await engine.accounts()
  return accounts.filter(({ status }) => status !== 'valid').map(({ ca, status }) => [ca, status])
}

/** CAs of the alerts about accounts, once there are any: it is looked every minute. */
async function alerted(alerts: Operations['alerts']): Promise<readonly (string | null)[]> {
  for (let looks = 0; ; looks++) {
    const { items } = await alerts.alerts({ rule: 'ca-account', limit: 10 })
    if (items.length > 0 || looks > 1500) return items.map(({ subject }) => subject.ca)
    await sleep(100)
  }
}

/** The same Pebble at the same port; it has forgotten everything. */
async function anew({ pebble, folder }: BrokerFleet): Promise<StartedProcess> {
  process.kill(pebble!.pid, 'SIGKILL')
  const config = join(folder, 'pebble', 'pebble.json')
  for (;;) {
    const again = startProcess('pebble', ['-config', config, '-dnsserver', pebble!.dnsServer], {
      cwd: folder,
      env: { PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0' },
    })
    open.push(() => again.stop())
    await listening(pebble!.port, again)
    return again
  }
}
