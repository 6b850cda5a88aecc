import { type BrokerStoreUnderTest, brokerStoreContract } from '../../contract/broker-store.contract.ts'
import { localCaStoreContract } from '../../contract/local-ca-store.contract.ts'
import { MemoryBrokerStore } from './memory-broker-store.ts'

const create = async () => {
  const store = new MemoryBrokerStore()
  const place: BrokerStoreUnderTest<MemoryBrokerStore> = {
    store,
    reopen: async () => place,
    close: () => store.close(),
  }
  return place
}

brokerStoreContract('memory', create)
localCaStoreContract('memory', create)
