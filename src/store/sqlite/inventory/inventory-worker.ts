/** The inventory's thread: takes facts in when it is woken and between questions, so that no commit waits for it. */
import { workerData } from 'node:worker_threads'
import type { InventoryProgress } from '../../../audit/inventory/inventory-reader.ts'
import { FilterRefused } from '../../../audit/inventory/values.ts'
import { answerRequests } from '../../thread-side.ts'
import { openForReading } from '../connection.ts'
import { InventoryKeeper, type Question } from './inventory-keeper.ts'

export interface InventoryData {
  readonly file: string
  readonly record: string
}

export interface Asked {
  readonly name: Question
  readonly given: readonly unknown[]
}

/** A filter that was refused crosses the thread's border as a value, so that it stays what it is. */
export type Answered = { readonly value: unknown } | { readonly refused: string }

/** ms between two looks at the record when nobody wakes the thread. */
const LOOK = 2_000

answerRequests(() => {
  const { file, record } = workerData as InventoryData
  const keeper = new InventoryKeeper(file, openForReading(record))
  let next: NodeJS.Immediate | null = null
  const look = setInterval(() => work(), LOOK)
  const work = () => {
    next ??= setImmediate(() => {
      next = null
      if (keeper.step()) work()
    })
  }
  work()
  return {
    handlers: {
      async ask({ name, given }: Asked): Promise<Answered> {
        try {
          return { value: await keeper.ask(name, given) }
        } catch (error) {
          if (error instanceof FilterRefused) return { refused: error.message }
          throw error
        } finally {
          work()
        }
      },
      progress: (): InventoryProgress => keeper.progress(),
      async rebuild(): Promise<void> {
        await keeper.rebuild()
        work()
      },
      wake: () => work(),
    },
    close() {
      clearInterval(look)
      if (next) clearImmediate(next)
      keeper.close()
    },
  }
})
