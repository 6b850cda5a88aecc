import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newExchangeId } from '../../src/exchange/exchange-id.ts'
import { openSqliteStore } from '../../src/store/sqlite/open.ts'
import { recordStoreContract } from '../contract/record-store.contract.ts'

for (const where of ['thread', 'here'] as const) {
  recordStoreContract(`SQLite, ${where}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'acmetap-store-'))
    return {
      open: () =>
        openSqliteStore({ folder, now: Date.now() * 1000, boot: newExchangeId(), software: 'test', where }),
      remove: () => rm(folder, { recursive: true }),
    }
  })
}
