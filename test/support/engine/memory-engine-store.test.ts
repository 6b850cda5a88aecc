import { type EngineStoreUnderTest, engineStoreContract } from '../../contract/engine-store.contract.ts'
import { MemoryEngineStore } from './memory-engine-store.ts'

engineStoreContract('memory', async () => {
  const store = new MemoryEngineStore()
  const place: EngineStoreUnderTest = { store, reopen: async () => place, close: () => store.close() }
  return place
})
