/** The engine's thread: no commit of what it must not forget holds up an exchange. */
import { workerData } from 'node:worker_threads'
import { answerRequests } from '../../thread-side.ts'
import { StoreFaults } from '../faults.ts'
import { type EngineQuestion, openEngineDatabase } from './engine-database.ts'

export interface EngineData {
  readonly folder: string
  /** For tests only. */
  readonly faults: SharedArrayBuffer | null
}

export interface AskedOfEngine {
  readonly name: EngineQuestion
  readonly given: readonly unknown[]
}

answerRequests(() => {
  const { folder, faults } = workerData as EngineData
  const { answers, close } = openEngineDatabase(folder, faults && new StoreFaults(faults))
  return {
    handlers: {
      ask({ name, given }: AskedOfEngine) {
        const answer = answers[name] as (...given: readonly unknown[]) => unknown
        return answer(...given)
      },
    },
    close,
  }
})
