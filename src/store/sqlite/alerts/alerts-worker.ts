/** The alerts' thread: evaluates when it is woken and as time goes by, and answers questions between two steps. */
import { workerData } from 'node:worker_threads'
import type { AlertSettings, Millis } from '../../../alerts/rule.ts'
import type { Vitals } from '../../../alerts/vitals.ts'
import { answerRequests } from '../../thread-side.ts'
import { StoreFaults } from '../faults.ts'
import { type AskedOfAlerts, answer, answersOf } from './alert-questions.ts'
import { AlertsKeeper } from './alerts-keeper.ts'
import { evaluationOf } from './evaluation.ts'

export interface AlertsData {
  readonly folder: string
  readonly settings: AlertSettings
  readonly kept: Millis | null
  /** For tests only. */
  readonly faults: SharedArrayBuffer | null
}

/** ms between two looks when nobody wakes the thread. */
const LOOK = 1_000
/**
 * ms after which it looks, and looks again, once woken: the inventory takes in what was recorded some ms later. Who is
 * woken by every exchange evaluates ten times a second, not once for each: every batch is a synced commit.
 */
const AFTER_WAKING = [100, 100, 250, 500]

answerRequests(() => {
  const { folder, settings, kept, faults } = workerData as AlertsData
  const keeper = new AlertsKeeper({
    folder,
    settings,
    kept,
    evaluationOf,
    ...(faults && { faults: new StoreFaults(faults) }),
  })
  const answers = answersOf(keeper)
  let working: NodeJS.Immediate | null = null
  let due: NodeJS.Timeout | null = null
  let looking: NodeJS.Timeout | null = null
  let told = 0
  let newsWanted: ((count: number) => void) | null = null

  const work = () => {
    working ??= setImmediate(() => {
      working = null
      const more = keeper.step()
      tellNews()
      if (more) work()
      else sleep()
    })
  }
  /** Until something is due, but for no more than a second. */
  const sleep = () => {
    if (due) clearTimeout(due)
    const next = keeper.next()
    const wait = next === null ? LOOK : Math.min(LOOK, Math.max(10, next - Date.now()))
    due = setTimeout(work, wait)
  }
  const tellNews = () => {
    if (newsWanted === null || keeper.news === told) return
    told = keeper.news
    newsWanted(told)
    newsWanted = null
  }
  let turn = 0
  const woken = () => {
    turn = 0
    lookSoon()
  }
  const lookSoon = () => {
    const pause = AFTER_WAKING[turn]
    if (pause === undefined) return
    looking ??= setTimeout(() => {
      looking = null
      turn += 1
      if (keeper.isInventoryNew()) work()
      lookSoon()
    }, pause)
  }
  work()
  return {
    handlers: {
      ask(asked: AskedOfAlerts) {
        const answered = answer(answers, asked)
        work()
        return answered
      },
      wake: woken,
      vitals: (vitals: Vitals) => keeper.vitals(vitals),
      use({ settings, kept }: Pick<AlertsData, 'settings' | 'kept'>) {
        keeper.use(settings, kept)
        work()
      },
      progress: () => keeper.progress(),
      counts: () => keeper.counts(),
      /** Answers when something was put into the outbox since it answered last. One asks at a time. */
      news: () =>
        new Promise<number>((resolve) => {
          newsWanted = resolve
          tellNews()
        }),
    },
    close() {
      if (working) clearImmediate(working)
      for (const timer of [due, looking]) if (timer) clearTimeout(timer)
      keeper.close()
    },
  }
})
