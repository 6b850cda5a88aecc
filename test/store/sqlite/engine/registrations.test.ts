import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, onTestFinished } from 'vitest'
import { openEngineStore } from '../../../../src/store/sqlite/engine/open-engine-store.ts'
import { dnsRegistrationsContract } from '../../../contract/dns-registrations.contract.ts'
import { MemoryEngineStore } from '../../../support/engine/memory-engine-store.ts'

for (const where of ['thread', 'here'] as const) {
  describe(`SQLite, ${where}`, () => {
    dnsRegistrationsContract(async () => {
      const folder = await mkdtemp(join(tmpdir(), 'acmetap-registrations-'))
      let store = await openEngineStore({ folder, where })
      onTestFinished(async () => {
        await store.close()
        await rm(folder, { recursive: true })
      })
      return {
        store,
        async reopen() {
          await store.close()
          store = await openEngineStore({ folder, where })
          return store
        },
      }
    })
  })
}

describe('memory', () => {
  dnsRegistrationsContract(async () => {
    const store = new MemoryEngineStore()
    return { store, reopen: async () => store }
  })
})
