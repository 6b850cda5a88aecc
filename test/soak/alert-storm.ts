import { deliveryFilter } from '../../src/alerts/notification.ts'
import { type Drill, startDrill } from '../support/alerts/drill-clients.ts'
import { reasonWithoutReceivers, startReceivers, until } from '../support/alerts/drill-world.ts'
import { closeFirewall, FIREWALLED, failMany, latencies } from '../support/alerts/failing-fleet.ts'
import { quantile, type Soak, type SoakOptions, type SoakReport } from './soak.ts'

const CLIENTS = 24
/** More messages than these are no handful. */
const HANDFUL = 10
/** The part of the failures that the last message has to tell of. */
const WHOLE = 0.99
/** Failures at a calm pace, for the time to a message. ms. */
const CALM = { size: 100, every: 200 }
const P99_LIMIT = 5000
/** How long to wait for the last message, s: more than `alerts.interval`. */
const PATIENCE = 420

/** The real program, the scriptable CA, and a fleet whose validations all fail for one reason. */
export const alertStorm: Soak = {
  proves:
    'thousands of failures in a minute become a handful of messages that say the count and the cause; at a calm pace a message is there in seconds',
  unit: 'failures',
  size: 10_000,
  async run(options) {
    const calm = await runCalm()
    const storm = await runStorm(options, '5m')
    return {
      figures: { ...calm.figures, ...storm.figures },
      failures: [...calm.failures, ...storm.failures],
      late: [...calm.late, ...storm.late],
    }
  },
}

async function runCalm(): Promise<SoakReport> {
  const receivers = await startReceivers('webhook')
  const drill = await startDrill({
    receivers,
    pebble: null,
    logLevel: 'warn',
    alerts: { burst: 100, interval: '10s' },
  })
  try {
    const times = await latencies(drill, receivers, CALM)
    const p99 = quantile(times, 0.99)
    return {
      figures: {
        'CA answer to webhook, p50': `${Math.round(quantile(times, 0.5))} ms`,
        'CA answer to webhook, p99': `${Math.round(p99)} ms`,
      },
      failures: times.length === CALM.size ? [] : [`${times.length} of ${CALM.size} were told of`],
      late: p99 <= P99_LIMIT ? [] : [`p99 ${Math.round(p99)} ms, more than ${P99_LIMIT} ms`],
    }
  } finally {
    await drill.close()
    await receivers.close()
  }
}

/** `interval`: `alerts.interval`; what a burst held back is told when it has passed. */
export async function runStorm(
  { size, progress }: Pick<SoakOptions, 'size' | 'progress'>,
  interval: string,
): Promise<SoakReport> {
  const receivers = await startReceivers((await reasonWithoutReceivers()) === null ? 'all' : 'webhook')
  const drill = await startDrill({ receivers, pebble: null, logLevel: 'warn', alerts: { interval } })
  try {
    closeFirewall(drill.ca)
    const clients = await Promise.all(Array.from({ length: CLIENTS }, () => drill.client('test')))
    const took = await failMany(clients, size, (done) => progress(`${done} failures`))
    progress(`${size} failures in ${(took / 1000).toFixed(1)} s`)
    const told = () =>
      receivers
        .told()
        .map(({ notification }) => notification)
        .filter(({ rule, kind }) => rule === 'validation-failed' && kind === 'firing')
    const isWhole = () => told().some(({ count }) => count >= size * WHOLE) || undefined
    await until(isWhole, () => 'a message of them all', PATIENCE).catch(() => undefined)
    for (const { made, title } of told()) progress(`${made} ${title}`)
    // What goes on for longer than the interval is told in each of them, and no message is of all.
    const isStorm = took < Number.parseFloat(interval) * (interval.endsWith('m') ? 60_000 : 1000)
    const counts = await deliveredTo(
      drill,
      receivers.channels.map(({ name }) => String(name)),
    )
    const mails = (await receivers.smtp?.mails())?.filter(
      ({ headers }) => headers['x-acmetap-rule']?.[0] === 'validation-failed',
    )
    const last = told().at(-1)!
    const whole = last.count >= size * WHOLE ? [] : [`the last message tells of ${last.count}`]
    const failures = [
      ...Object.entries(counts).flatMap(([channel, count]) =>
        count > 0 && count <= HANDFUL ? [] : [`${channel} was sent ${count} messages`],
      ),
      ...(told().length <= HANDFUL ? [] : [`the webhook got ${told().length} messages`]),
      ...(mails === undefined || mails.length <= HANDFUL ? [] : [`${mails.length} mails`]),
      ...(isStorm ? whole : []),
      ...(last.title.includes(`${last.count} × firewall`) ? [] : [`the last title is ${last.title}`]),
      ...(last.shared?.includes(`address ${FIREWALLED}`) ? [] : [`the last shares ${last.shared}`]),
    ]
    return {
      figures: {
        failures: size,
        'took, s': (took / 1000).toFixed(1),
        ...Object.fromEntries(
          Object.entries(counts).map(([channel, count]) => [`messages to ${channel}`, count]),
        ),
        'their counts': told()
          .map(({ count }) => count)
          .join(', '),
        'the last title': last.title,
        'what they share': last.shared ?? '',
      },
      failures,
      late: isStorm ? [] : [`the storm took ${(took / 1000).toFixed()} s, longer than ${interval}`, ...whole],
    }
  } finally {
    await drill.close()
    await receivers.close()
  }
}

/** Notifications of the rule by channel, all of them delivered. */
async function deliveredTo(drill: Drill, channels: readonly string[]): Promise<Record<string, number>> {
  const of = async (channel: string) =>
    (
      await drill.operations.alerts.deliveries(deliveryFilter.parse({ channel, rule: 'validation-failed' }))
    ).items.filter(({ notification }) => notification.kind === 'firing')
  const counts: Record<string, number> = {}
  for (const channel of channels) {
    await until(
      async () => (await of(channel)).every(({ state }) => state === 'delivered') || undefined,
      () => `all to be delivered to ${channel}`,
      60,
    )
    counts[channel] = (await of(channel)).length
  }
  return counts
}
