/**
 * Evaluates everything that happened in a folder, and sends what is due; ends by itself when nothing is left. The clock
 * goes on with what was committed, so that a run that was killed decides as one that was not. Says each notification
 * before it is settled: a channel is told before acmetap knows that it was.
 */
import { setImmediate } from 'node:timers/promises'
import { AlertsKeeper } from '../../../src/store/sqlite/alerts/alerts-keeper.ts'
import { evaluationOf } from '../../../src/store/sqlite/alerts/evaluation.ts'
import { alertSettings } from './settings.ts'
import { STREAM_BEGAN, STREAM_EVERY, STREAM_SETTINGS } from './stream-of-failures.ts'

const [, , folder, batch] = process.argv
if (folder === undefined) throw new Error('which folder?')
let evaluated = 0
const now = () => STREAM_BEGAN + evaluated * STREAM_EVERY
const keeper = new AlertsKeeper({
  folder,
  settings: alertSettings(STREAM_SETTINGS),
  evaluationOf,
  now,
  batch: Number(batch),
})
evaluated = keeper.ask(({ position }) => position.get()?.fact ?? 0)
process.stdout.write('ready\n')
let more = true
do {
  await send()
  more = keeper.step()
  const { fault } = keeper.progress()
  if (fault !== null) throw new Error(fault)
  evaluated = keeper.ask(({ position }) => position.get()?.fact ?? 0)
} while (more)
await send()
keeper.close()

async function send(): Promise<void> {
  for (;;) {
    const due = keeper.ask(({ outbox }) => outbox.due(now(), 10))
    if (due.length === 0) return
    for (const { id, channel, key, number } of due) {
      process.stdout.write(`${JSON.stringify({ id, channel, key, number })}\n`)
      await setImmediate()
      keeper.change(({ outbox }) => outbox.settle(id, channel, { state: 'delivered', at: now() }))
    }
  }
}
