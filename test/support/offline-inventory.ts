import type { Application } from '../../src/cli/application.ts'
import type { FakeOperations } from './fake-operations.ts'

/** An application without a server, whose record is what `operations` holds. */
export function offlineApplication(operations: FakeOperations): Application {
  const refuse = () => Promise.reject(new Error('not here'))
  return {
    start: refuse,
    restore: refuse,
    rebuild: refuse,
    async openOffline() {
      return Object.assign(Object.create(operations) as FakeOperations, { close: async () => undefined })
    },
  } as unknown as Application
}
