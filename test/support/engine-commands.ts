import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openControlSocket } from '../../src/api/control-socket.ts'
import {
  applyExample,
  chainExample,
  dnsRegistrationExample,
  engineAccountExample,
  engineJobExample,
  issueExample,
  managedCertificateExample,
  planExample,
} from '../../src/api/engine-examples.ts'
import type { Application } from '../../src/cli/application.ts'
import { FakeOperations } from './fake-operations.ts'
import { runHere } from './run-here.ts'
import type { Ran } from './run-main.ts'
import { applicationOver } from './run-over.ts'

const CONFIG = `version: 1
cas: { letsencrypt: { preset: letsencrypt } }
engine:
  solvers: [{ name: web, http: { port: 8080 } }]
  certificates: [{ name: www.example.com, names: [www.example.com, example.com], ca: letsencrypt }]
`

export interface EngineCommands {
  readonly folder: string
  readonly operations: FakeOperations
  /** How often an engine without a server was opened, and closed. */
  readonly alone: { opened: number; closed: number }
  run(...words: string[]): Promise<Ran>
  end(): Promise<void>
}

/** Runs commands against an engine that holds the examples: over a control socket, or opened by the command itself. */
export async function engineCommands(kind: 'server' | 'offline'): Promise<EngineCommands> {
  const folder = mkdtempSync(path.join(tmpdir(), 'engine-cli-'))
  writeFileSync(path.join(folder, 'acmetap.yaml'), CONFIG)
  const operations = new FakeOperations()
  const { engine } = operations
  engine.accountList = [engineAccountExample]
  engine.certificateList = [managedCertificateExample]
  engine.jobList = [engineJobExample]
  engine.events = [...issueExample]
  engine.planList = [planExample]
  engine.reissueEvents = [...applyExample]
  engine.registrationList = [dnsRegistrationExample.registration]
  engine.chains.set(`${planExample.id}/1`, chainExample)
  const alone = { opened: 0, closed: 0 }
  const openEngine: NonNullable<Application['openEngine']> = async () => {
    alone.opened += 1
    return {
      operations: engine,
      async close() {
        alone.closed += 1
      },
    }
  }
  const application = applicationOver(operations, kind === 'offline' ? { openEngine } : {})
  const socket =
    kind === 'server' ? await openControlSocket(operations, path.join(folder, 'data'), () => undefined) : null
  const now = Date.parse('2026-12-01T00:00:00Z') * 1000
  return {
    folder,
    operations,
    alone,
    run: (...words) => runHere(words, folder, { now, application, columns: 200 }),
    async end() {
      await socket?.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
