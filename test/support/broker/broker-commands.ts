import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { brokerOrderExample, brokerStatusExample, eabKeyExample } from '../../../src/api/broker-examples.ts'
import { openControlSocket } from '../../../src/api/control-socket.ts'
import type { Application } from '../../../src/cli/application.ts'
import { FakeOperations } from '../fake-operations.ts'
import { runHere } from '../run-here.ts'
import type { Ran } from '../run-main.ts'
import { applicationOver } from '../run-over.ts'

export const BROKER_CONFIG = `version: 1
# A comment that stays.
cas:
  letsencrypt: { preset: letsencrypt }
  zerossl: { preset: zerossl }
broker:
  - { name: fleet, cas: [letsencrypt, zerossl], url: "https://acme.example.net", labels: [{ name: team-a, names: [.a.example], from: [10.0.0.0/8] }], staging: [zerossl] }
`

export interface BrokerCommands {
  readonly folder: string
  readonly operations: FakeOperations
  /** How often EAB keys were opened without a server, and closed. */
  readonly alone: { opened: number; closed: number }
  run(...words: string[]): Promise<Ran>
  end(): Promise<void>
}

export const BROKER_NOW = Date.parse('2026-12-01T00:00:00Z') * 1000

/** Runs commands against a broker that holds the examples: over a control socket, or opened by the command itself. */
export async function brokerCommands(
  kind: 'server' | 'offline',
  config = BROKER_CONFIG,
): Promise<BrokerCommands> {
  const folder = mkdtempSync(path.join(tmpdir(), 'broker-cli-'))
  writeFileSync(path.join(folder, 'acmetap.yaml'), config)
  const operations = new FakeOperations()
  const { broker } = operations
  broker.shown = brokerStatusExample
  broker.orderList = [brokerOrderExample]
  broker.keyList = [eabKeyExample]
  broker.directories = [{ endpoint: 'fleet', url: 'https://acme.example.net/fleet/directory' }]
  const alone = { opened: 0, closed: 0 }
  const openEab: Application['openEab'] = async () => {
    alone.opened += 1
    return {
      operations: broker,
      async close() {
        alone.closed += 1
      },
    }
  }
  const application = applicationOver(operations, kind === 'offline' ? { openEab } : {})
  const socket =
    kind === 'server' ? await openControlSocket(operations, path.join(folder, 'data'), () => undefined) : null
  return {
    folder,
    operations,
    alone,
    run: (...words) => runHere(words, folder, { now: BROKER_NOW, application, columns: 200 }),
    async end() {
      await socket?.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
