import { alertMemoryContract, type MemoryUnderTest } from '../../contract/alert-memory.contract.ts'
import { MemoryAlertMemory } from '../../support/alerts/memory-alert-memory.ts'

function over(memory: MemoryAlertMemory): MemoryUnderTest {
  return {
    memory,
    settle: (id, state) => memory.settle(id, state),
    keepSilence: (silence) => memory.keepSilence(silence),
    reopen: () => over(memory.copy()),
    close: () => undefined,
  }
}

alertMemoryContract('maps', () => over(new MemoryAlertMemory()))
