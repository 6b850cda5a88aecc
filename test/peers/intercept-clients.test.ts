import path from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { cleanEnvironment, runProgram } from '../../src/cli/demo/child.ts'
import { reasonWithout } from '../support/missing.ts'
import { insideNamespace, reasonWithoutNamespace } from '../support/namespace.ts'
import type { AcmeClient } from '../support/peers/client.ts'
import { ALL_CLIENTS } from '../support/peers/clients.ts'
import type { Told } from './intercept-clients-process.ts'

/** One issuance each; the whole of it is `npm run matrix`. */
const RUNS = [
  ['intercept', 'certbot'],
  ['intercept', 'lego'],
  ['intercept', 'dehydrated'],
  ['intercept', 'uacme'],
  ['intercept', 'caddy'],
  ['intercept', 'acme-tiny'],
  ['sni', 'lacme'],
] as const

const PROCESS = path.join(import.meta.dirname, 'intercept-clients-process.ts')

function clientOf(name: string): AcmeClient {
  const client = ALL_CLIENTS.find((one) => one.name === name)
  if (client === undefined) throw new Error(`there is no client ${name}`)
  return client
}

const reason = (await reasonWithout('pebble', 'pebble-challtestsrv')) ?? (await reasonWithoutNamespace())
const missing = new Map<string, string | null>()
for (const [, name] of RUNS) missing.set(name, await clientOf(name).missing())
let told: Told

beforeAll(async () => {
  if (reason !== null) return
  const runs = RUNS.filter(([, name]) => missing.get(name) === null).map((run) => run.join(':'))
  const [program = '', ...args] = insideNamespace([process.execPath, PROCESS, ...runs])
  const folder = import.meta.dirname
  const { ACMETAP_MAIN } = process.env
  const done = await runProgram(program, args, {
    folder,
    environment: cleanEnvironment(folder, ACMETAP_MAIN === undefined ? {} : { ACMETAP_MAIN }),
    timeout: 170_000,
  })
  const line = done.output.split('\n').find((each) => each.startsWith('{"rows"'))
  if (line === undefined) throw new Error(`it ended with ${done.code}:\n${done.output}`)
  told = JSON.parse(line) as Told
}, 180_000)

describe('unmodified clients that keep their CA URL', () => {
  for (const [mode, name] of RUNS) {
    test(`${name} issues in ${mode}; requests and answers are equal on both sides`, (context) => {
      const why = reason ?? missing.get(name) ?? null
      if (why !== null) return context.skip(why)
      const [row] = told.rows.filter((one) => one.client === name && one.mode === mode)
      expect(row?.result, row?.reason).toBe('ok')
      const sides = told.sides[name]
      expect(sides?.differences).toEqual([])
      expect(sides?.pairs).toBeGreaterThanOrEqual(9)
    })
  }
})
