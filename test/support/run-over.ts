import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Application } from '../../src/cli/application.ts'
import type { FakeOperations } from './fake-operations.ts'
import { runHere } from './run-here.ts'
import type { Ran } from './run-main.ts'

/** An application whose record, wherever it is asked for, is these operations. */
export function applicationOver(operations: FakeOperations, more: Partial<Application> = {}): Application {
  return {
    start: () => Promise.reject(new Error('not here')),
    restore: () => Promise.reject(new Error('not here')),
    rebuild: () => Promise.reject(new Error('not here')),
    openEngine: () => Promise.reject(new Error('not here')),
    openEab: () => Promise.reject(new Error('not here')),
    rewrap: () => Promise.reject(new Error('not here')),
    async openOffline({ data }) {
      operations.calls.push(['openOffline', data])
      return {
        inventory: operations.inventory,
        alerts: operations.alerts,
        policies: operations.policies,
        exchanges: operations.exchanges.bind(operations),
        exchange: operations.exchange.bind(operations),
        body: operations.body.bind(operations),
        accounts: operations.accounts.bind(operations),
        backup: operations.backup.bind(operations),
        close: async () => undefined,
      }
    },
    ...more,
  }
}

export interface Over {
  readonly folder: string
  run(words: readonly string[], given?: { readonly columns?: number }): Promise<Ran>
  end(): void
}

/** Runs command lines in a fresh folder with a configuration, no server, and these operations as the record. */
export function runOver(operations: FakeOperations, now: number, more: Partial<Application> = {}): Over {
  const folder = mkdtempSync(path.join(tmpdir(), 'cli-'))
  writeFileSync(path.join(folder, 'acmetap.yaml'), 'version: 1\ncas: { pebble: { preset: pebble } }\n')
  const application = applicationOver(operations, more)
  return {
    folder,
    run: (words, given = {}) => runHere(words, folder, { now, application, ...given }),
    end: () => rmSync(folder, { recursive: true, force: true }),
  }
}
