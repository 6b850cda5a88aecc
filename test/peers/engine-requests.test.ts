/** A CA counts requests: acmetap's engine needs no more of them than lego, for the same orders at the same CA. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Pebble, startPebble } from '../../src/cli/demo/pebble.ts'
import { acmetap, type IssuingClient, lego } from '../bench/engine/issuing-clients.ts'
import { requestsOf } from '../bench/engine/requests-of.ts'
import { timedRun } from '../bench/engine/timed-run.ts'
import { acmetapMain } from '../support/acmetap-process.ts'

let folder: string
let pebble: Pebble

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmetap-engine-requests-'))
  pebble = await startPebble({ folder: join(folder, 'pebble'), nonceReject: 0 })
}, 60_000)

afterAll(async () => {
  await pebble?.stop()
  await rm(folder, { recursive: true, force: true })
})

/** Those of one issuance. */
async function requests(client: IssuingClient, names: readonly string[]): Promise<readonly string[]> {
  const before = pebble.log().length
  const { code, output } = await timedRun(client.issue(names.map((name) => `${client.name}-${name}`)))
  expect([code, code === 0 ? '' : output]).toEqual([0, ''])
  return requestsOf(pebble, before)
}

test('the engine makes at most as many requests as lego, with a new account and with one that is there', async () => {
  const own = acmetap(join(folder, 'acmetap'), acmetapMain()!, pebble)
  const other = await lego(join(folder, 'lego'), pebble)
  if (other === null) throw new Error('lego is not installed')
  const fewest = new Map<number, { ours: number; theirs: number }>()
  const orders = [
    ['first.example.com'],
    ['second.example.com'],
    ['third.example.com'],
    ['a.example.net', 'b.example.net'],
  ]
  for (const names of orders) {
    const [ours, theirs] = [await requests(own, names), await requests(other, names)]
    // Each authorization and each challenge once, no nonce asked for where an answer has brought one.
    const times = (part: string) => ours.filter((request) => request.includes(part)).length
    expect([times('/authZ/'), times('/chalZ/'), times('/order-plz'), times('/finalize-order/')]).toEqual([
      names.length,
      names.length,
      1,
      1,
    ])
    expect(times('/certZ/')).toBe(1)
    expect(times('/nonce-plz')).toBeLessThanOrEqual(names.length)
    // How often an order is looked at depends on how busy the CA is: the least of several tells.
    const known = fewest.get(names.length) ?? {
      ours: Number.POSITIVE_INFINITY,
      theirs: Number.POSITIVE_INFINITY,
    }
    fewest.set(names.length, {
      ours: Math.min(known.ours, ours.length),
      theirs: Math.min(known.theirs, theirs.length),
    })
  }
  const more = [...fewest].filter(([, { ours, theirs }]) => ours > theirs)
  expect(more).toEqual([])
}, 240_000)
