import path from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { cleanEnvironment, runProgram } from '../../src/cli/demo/child.ts'
import { reasonWithout } from '../support/missing.ts'
import { insideNamespace, reasonWithoutNamespace } from '../support/namespace.ts'
import type { AcmeClient } from '../support/peers/client.ts'
import { ALL_CLIENTS } from '../support/peers/clients.ts'
import type { Told } from './broker-clients-process.ts'

/** One life each, from registering to deactivating; the whole of it is `npm run matrix -- --mode broker`. */
const RUNS = [
  ['certbot', 'policy', 'http-01'],
  ['lego', 'both', 'tls-alpn-01'],
  ['dehydrated', 'challenge', 'dns-01'],
  ['uacme', 'challenge', 'http-01'],
  ['acme-tiny', 'policy', 'http-01'],
  ['npm acme-client', 'both', 'http-01'],
] as const

const PROCESS = path.join(import.meta.dirname, 'broker-clients-process.ts')

function clientOf(name: string): AcmeClient {
  const client = ALL_CLIENTS.find((one) => one.name === name)
  if (client === undefined) throw new Error(`there is no client ${name}`)
  return client
}

const reason = (await reasonWithout('pebble', 'pebble-challtestsrv')) ?? (await reasonWithoutNamespace())
const missing = new Map<string, string | null>()
for (const [name] of RUNS) missing.set(name, await clientOf(name).missing())
let told: Told

beforeAll(async () => {
  if (reason !== null) return
  const runs = RUNS.filter(([name]) => missing.get(name) === null).map((run) => run.join(':'))
  const [program = '', ...args] = insideNamespace([process.execPath, PROCESS, ...runs])
  const folder = import.meta.dirname
  const { ACMETAP_MAIN } = process.env
  const done = await runProgram(program, args, {
    folder,
    environment: cleanEnvironment(folder, ACMETAP_MAIN === undefined ? {} : { ACMETAP_MAIN }),
    timeout: 290_000,
  })
  const line = done.output.split('\n').find((each) => each.startsWith('{"rows"'))
  if (line === undefined) throw new Error(`it ended with ${done.code}:\n${done.output}`)
  told = JSON.parse(line) as Told
}, 300_000)

describe('unmodified clients of the broker', () => {
  for (const [name, proof] of RUNS) {
    test(`${name} lives with proof ${proof}; the record and the inventory have all of it`, (context) => {
      const why = reason ?? missing.get(name) ?? null
      if (why !== null) return context.skip(why)
      const rows = told.rows.filter((one) => one.client === name)
      const wrong = rows.filter(({ result }) => result === 'failed')
      expect(wrong).toEqual([])
      const done = rows
        .filter(({ result }) => result === 'ok')
        .map(({ operation }) => operation.split(' ')[0])
      const client = clientOf(name)
      const can = (['issue', 'renew', 'rollKey', 'revoke', 'deactivate'] as const).filter(
        (operation) => client[operation] !== undefined,
      )
      expect(done).toEqual(can)
    })
  }

  test('what the CA got, and what came of it, is what is recorded', (context) => {
    if (reason !== null) return context.skip(reason)
    expect(told.wire.differences).toEqual([])
    expect(told.wire.requests).toBeGreaterThan(20)
    expect(told.inventory.differences).toEqual([])
  })
})
