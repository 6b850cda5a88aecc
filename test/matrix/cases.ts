import type { AcmeClient, Method } from '../support/peers/client.ts'
import { brokerCasesOf } from './broker-cases.ts'
import { BROKER_ONLY, type Case, OPERATIONS, type Operation } from './row.ts'
import { MODES, type Mode } from './world.ts'

const METHODS: readonly Method[] = ['http-01', 'dns-01', 'tls-alpn-01']

/** What the command line asks for; everything where it says nothing. */
export interface Wanted {
  readonly mode?: readonly string[]
  readonly client?: readonly string[]
  readonly challenge?: readonly string[]
  readonly operation?: readonly string[]
  /** Without the variants of a mode. */
  readonly plain?: boolean
}

export interface Choice {
  readonly modes: readonly Mode[]
  /** True where every client was asked for. */
  readonly everyone: boolean
  /** One client in one mode: its cases run one after the other. */
  readonly groups: readonly Group[]
}

export interface Group {
  readonly client: AcmeClient
  readonly mode: Mode
  readonly cases: readonly Case[]
}

/** @throws Error that names what is unknown and what is known. */
export function choose(clients: readonly AcmeClient[], wanted: Wanted): Choice {
  const names = clients.map(({ name }) => name)
  const modes = pick('mode', MODES, wanted.mode)
  const methods = pick('challenge', METHODS, wanted.challenge)
  const operations = pick('operation', OPERATIONS, wanted.operation)
  const chosen = pick('client', names, wanted.client)
  const groups = clients
    .filter(({ name }) => chosen.includes(name))
    .flatMap((client) =>
      modes.map((mode) => ({
        client,
        mode,
        cases:
          mode === 'broker'
            ? brokerCasesOf(client, clients.indexOf(client), methods, operations)
            : casesOf(client, mode, methods, operations, wanted.plain),
      })),
    )
  return {
    modes,
    everyone: wanted.client === undefined,
    groups: groups.filter(({ cases }) => cases.length > 0),
  }
}

function casesOf(
  client: AcmeClient,
  mode: Mode,
  methods: readonly Method[],
  asked: readonly Operation[],
  plain = false,
): Case[] {
  const operations = asked.filter((one) => !BROKER_ONLY.includes(one))
  if (operations.length === 0) return []
  const cases: Case[] = methods
    .filter((method) => client.methods.includes(method))
    .map((challenge) => ({ mode, challenge, operations }))
  if (mode !== 'intercept' || plain || !operations.includes('issue')) return cases
  if (methods.includes('http-01'))
    cases.push({ mode, challenge: 'http-01', operations: ['issue'], variant: 'https:// proxy' })
  if (methods.includes('dns-01') && client.name === 'lego')
    cases.push({ mode, challenge: 'dns-01', operations: ['issue'], variant: 'DNS API by proxy' })
  return cases
}

function pick<T extends string>(what: string, known: readonly T[], wanted?: readonly string[]): readonly T[] {
  if (wanted === undefined) return known
  const asked = wanted.flatMap((list) => list.split(','))
  const unknown = asked.filter((one) => !(known as readonly string[]).includes(one))
  if (unknown.length > 0) throw new Error(`unknown ${what} ${unknown.join(', ')}; known: ${known.join(', ')}`)
  return known.filter((one) => asked.includes(one))
}
