import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Delivery, Notification } from '../../src/alerts/notification.ts'
import { openAlertsDatabase } from '../../src/store/sqlite/alerts/alerts-database.ts'
import { alertsFile } from '../../src/store/sqlite/alerts/alerts-file.ts'
import { HappeningWorld } from '../support/alerts/happening-world.ts'
import { streamOfFailures } from '../support/alerts/stream-of-failures.ts'
import { random, type Soak } from './soak.ts'

const SCRIPT = join(import.meta.dirname, '../support/alerts/evaluate-until-killed.ts')
/** Happenings for each kill, and in one transaction. */
const EACH = 150
const BATCH = 25

type Sent = Pick<Notification, 'id' | 'channel' | 'key' | 'number'>

export const alertsKill: Soak = {
  proves: 'SIGKILL while alerts are evaluated and sent: the same notifications, none lost, in order',
  unit: 'kills',
  size: 40,
  async run({ size, seed, progress }) {
    const stream = streamOfFailures(size * EACH, seed)
    const whole = await worldOf(stream)
    const killed = await worldOf(stream)
    try {
      await runUntil(whole.folder, null, [])
      const wanted = deliveriesOf(whole.folder)
      progress(`${wanted.length} notifications without a kill`)
      const sent: Sent[] = []
      const next = random(seed)
      let kills = 0
      while (kills < size && !(await runUntil(killed.folder, () => next() * 120, sent))) {
        kills += 1
        if (kills % 10 === 0) progress(`${kills} kills, ${sent.length} sent`)
      }
      await runUntil(killed.folder, null, sent)
      const found = deliveriesOf(killed.folder)
      return {
        figures: {
          kills,
          happenings: stream.length,
          notifications: found.length,
          'sent twice': sent.length - new Set(sent.map(nameOf)).size,
        },
        failures: [...differences(wanted, found), ...disorder(sent, found)],
        late: [],
      }
    } finally {
      await whole.remove()
      await killed.remove()
    }
  },
}

/** The first start comes before anything happens: what is older is no alarm. */
async function worldOf(stream: ReturnType<typeof streamOfFailures>): Promise<HappeningWorld> {
  const world = await HappeningWorld.create()
  await runUntil(world.folder, null, [])
  world.happen(stream)
  return world
}

/** Runs it to its end, or for so many ms once it is ready; true when it came to its end. */
async function runUntil(folder: string, wait: (() => number) | null, sent: Sent[]): Promise<boolean> {
  const child = spawn(process.execPath, [SCRIPT, folder, String(BATCH)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>
  const lines = createInterface({ input: child.stdout })
  const closed = once(lines, 'close')
  const ready = Promise.withResolvers<void>()
  lines.on('line', (line) => {
    if (line === 'ready') ready.resolve()
    else if (line.endsWith('}')) sent.push(JSON.parse(line) as Sent)
  })
  if (wait !== null) {
    await Promise.race([ready.promise, exited])
    await Promise.race([sleep(wait()), exited])
    child.kill('SIGKILL')
  }
  const [code, signal] = await exited
  await closed
  if (code !== 0 && signal !== 'SIGKILL') throw new Error(`evaluating ended with ${code ?? signal}`)
  return code === 0
}

function deliveriesOf(folder: string): readonly Delivery[] {
  const alerts = openAlertsDatabase(alertsFile(folder))
  try {
    const found: Delivery[] = []
    for (let cursor: string | undefined; ; ) {
      const page = alerts.outbox.list({ limit: 1000, cursor })
      found.push(...page.items)
      if (page.next === null) return found
      cursor = page.next
    }
  } finally {
    alerts.close()
  }
}

function differences(wanted: readonly Delivery[], found: readonly Delivery[]): string[] {
  const failures: string[] = []
  if (wanted.length === 0) failures.push('nothing was told: there was nothing to lose')
  const kept = new Map(found.map((each) => [nameOf(each.notification), each]))
  for (const { notification } of wanted) {
    const other = kept.get(nameOf(notification))
    kept.delete(nameOf(notification))
    if (other === undefined) failures.push(`lost: ${nameOf(notification)} "${notification.title}"`)
    else if (JSON.stringify(other.notification) !== JSON.stringify(notification))
      failures.push(`told otherwise: ${nameOf(notification)} "${notification.title}"`)
  }
  for (const [name] of kept) failures.push(`told by the killed one alone: ${name}`)
  for (const { notification, state } of found)
    if (state !== 'delivered') failures.push(`${nameOf(notification)} is ${state}`)
  return failures.slice(0, 20)
}

/** What a channel saw: everything, and of each key nothing before what came earlier. */
function disorder(sent: readonly Sent[], found: readonly Delivery[]): string[] {
  const failures: string[] = []
  const last = new Map<string, number>()
  for (const { channel, key, number } of sent) {
    const lane = `${channel} ${key}`
    if (number < (last.get(lane) ?? 0)) failures.push(`${number} of ${lane} was sent after ${last.get(lane)}`)
    last.set(lane, number)
  }
  const seen = new Set(sent.map(nameOf))
  for (const { notification } of found)
    if (!seen.has(nameOf(notification))) failures.push(`never sent: ${nameOf(notification)}`)
  return failures.slice(0, 20)
}

function nameOf({ id, channel, number }: Pick<Notification, 'id' | 'channel' | 'number'>): string {
  return `${number} ${channel} ${id}`
}
