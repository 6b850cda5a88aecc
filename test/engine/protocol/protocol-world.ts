import { generateKeyPairSync } from 'node:crypto'
import { isIP } from 'node:net'
import type { EngineAccountConfig } from '../../../src/config/engine.ts'
import { createSealing } from '../../../src/engine/create-sealing.ts'
import { EngineAccounts } from '../../../src/engine/engine-accounts.ts'
import type { EngineError } from '../../../src/engine/engine-error.ts'
import { systemClock } from '../../../src/exchange/clock.ts'
import { CA, type EngineStages, startEngineStages } from '../../support/engine/engine-stages.ts'
import { MemoryEngineStore } from '../../support/engine/memory-engine-store.ts'
import { makeCsr } from '../../support/test-ca/certificates.ts'
import { startTestCa, type TestCa } from '../../support/test-ca/test-ca.ts'

export const SIGNAL = new AbortController().signal

export interface ProtocolWorld {
  readonly ca: TestCa
  readonly stages: EngineStages
  readonly store: MemoryEngineStore
  /** Durable steps, as `account.key before`. */
  readonly steps: string[]
  settings: Partial<EngineAccountConfig> | undefined
  /** As another process with the same store has them. */
  accounts(): EngineAccounts
  close(): Promise<void>
}

export async function startProtocolWorld(): Promise<ProtocolWorld> {
  const ca = await startTestCa()
  const stages = await startEngineStages(ca.directory, ca.trust)
  const store = new MemoryEngineStore()
  const sealing = createSealing(Buffer.alloc(32, 7))
  const steps: string[] = []
  const world: ProtocolWorld = {
    ca,
    stages,
    store,
    steps,
    settings: { agree_terms: true },
    accounts() {
      const session = stages.session()
      return new EngineAccounts({
        store,
        sealing,
        session: () => session,
        settings: () =>
          world.settings && { ca: CA, contact: [], agree_terms: false, key_type: 'ec256', ...world.settings },
        clock: systemClock(),
        failPoint: async (step, when) => {
          steps.push(`${step} ${when}`)
        },
      })
    },
    async close() {
      await stages.close()
      await ca.close()
    },
  }
  return world
}

/** What it rejects with, as `fault: message`. */
export async function faultOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => null,
    (thrown: EngineError) => thrown,
  )
  return error === null ? 'none' : `${error.fault}: ${error.message}`
}

/** A request (DER, base64url) for these names, and the key it is for. */
export function requestFor(names: readonly string[]): { csr: string; key: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  const identifiers = names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }))
  return {
    csr: makeCsr(privateKey, spki, identifiers).toString('base64url'),
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
  }
}
