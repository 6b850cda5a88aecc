import type { Alert } from '../../src/alerts/alert.ts'
import { deliveryFilter } from '../../src/alerts/notification.ts'
import { everyPage, type Paging } from '../../src/audit/inventory/every-page.ts'
import { type Drill, startDrill } from '../support/alerts/drill-clients.ts'
import { reasonWithoutReceivers, startReceivers, until } from '../support/alerts/drill-world.ts'
import { closeFirewall, FIREWALLED, failMany, latencies } from '../support/alerts/failing-fleet.ts'
import { quantile, type Soak, type SoakOptions, type SoakReport } from './soak.ts'

const CLIENTS = 24
/** More messages than these within `alerts.interval` are no handful. */
const HANDFUL = 10
/** The part of the failures that the largest message has to tell of. */
const WHOLE = 0.99
/** Failures at a calm pace, for the time to a message. ms. */
const CALM = { size: 100, every: 200 }
const P99_LIMIT = 5000
/** How long to wait until all are told of, s: more than `alerts.interval`. */
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
    const began = performance.now() - took
    const isThere = async () => (await failed(drill)).length >= size * WHOLE || undefined
    await until(isThere, () => 'an alert of each failure', PATIENCE, 500)
    const milliseconds = Number.parseFloat(interval) * (interval.endsWith('m') ? 60_000 : 1000)
    // What goes on for longer than the interval, or is seen later, is told in each of them, and no message is of all.
    const seen = performance.now() - began
    const isStorm = seen < milliseconds
    const isTold = async () =>
      told().some(({ count }) => count >= size * WHOLE) ||
      (await failed(drill)).every((alert) => alert.told > 0) ||
      undefined
    await until(isTold, () => `all to be told of: the webhook got ${told().length} messages`, PATIENCE, 500)
    const handful = isStorm ? HANDFUL : HANDFUL * Math.ceil((performance.now() - began) / milliseconds)
    for (const { made, title } of told()) progress(`${made} ${title}`)
    const counts = await deliveredTo(
      drill,
      receivers.channels.map(({ name }) => String(name)),
    )
    const mails = (await receivers.smtp?.mails())?.filter(
      ({ headers }) => headers['x-acmetap-rule']?.[0] === 'validation-failed',
    )
    // Of a storm it is the last one; of what goes on for longer the one that tells the most.
    const largest = told().reduce((most, one) => (one.count >= most.count ? one : most))
    const whole = largest.count >= size * WHOLE ? [] : [`the largest message tells of ${largest.count}`]
    const failures = [
      ...Object.entries(counts).flatMap(([channel, count]) =>
        count > 0 && count <= handful ? [] : [`${channel} was sent ${count} messages`],
      ),
      ...(told().length <= handful ? [] : [`the webhook got ${told().length} messages`]),
      ...(mails === undefined || mails.length <= handful ? [] : [`${mails.length} mails`]),
      ...(isStorm ? whole : []),
      ...(largest.title.includes(`${largest.count} × firewall`)
        ? []
        : [`the largest title is ${largest.title}`]),
      ...(largest.shared?.includes(`address ${FIREWALLED}`) ? [] : [`the largest shares ${largest.shared}`]),
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
        'the largest title': largest.title,
        'what they share': largest.shared ?? '',
      },
      failures,
      late: isStorm
        ? []
        : [`the storm was seen after ${(seen / 1000).toFixed()} s, more than ${interval}`, ...whole],
    }
  } finally {
    await drill.close()
    await receivers.close()
  }
}

/** Alerts of the failures. */
async function failed({ operations }: Drill): Promise<readonly Alert[]> {
  const found: Alert[] = []
  const fetch = (page: Paging) => operations.alerts.alerts({ ...page, rule: 'validation-failed' })
  for await (const { items } of everyPage(fetch)) found.push(...items)
  return found
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
