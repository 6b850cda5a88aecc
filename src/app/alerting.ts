import type { AlertDesk } from '../alerts/alert-desk.ts'
import { Delivery } from '../alerts/delivery.ts'
import type { Vitals } from '../alerts/vitals.ts'
import { VitalsMeter } from '../alerts/vitals-meter.ts'
import type { ChannelState, ChannelTest } from '../api/operations.ts'
import { ConfigError } from '../config/config-error.ts'
import { CHANNEL_KINDS } from '../config/secrets.ts'
import type { Clock } from '../exchange/clock.ts'
import type { Completed } from '../exchange/exchange.ts'
import { messageOf } from '../exchange/message-of.ts'
import { openAlerts } from '../store/sqlite/alerts/open-alerts.ts'
import type { Closing } from './closing.ts'
import { LastWord } from './last-word.ts'
import { meteredDesk } from './metered-desk.ts'
import type { observeWith } from './observe.ts'
import type { InForce } from './reload.ts'
import { type VitalParts, vitalsOf } from './vitals.ts'
import { startWatch, type Watch, type WatchParts } from './watch.ts'

export interface AlertingParts
  extends Omit<VitalParts, 'config' | 'meter' | 'channels' | 'inventory' | 'policy'>,
    Pick<WatchParts, 'inventory' | 'rootsPem' | 'userAgent' | 'perform'> {
  readonly inForce: () => InForce
}

/** Whom the server tells what: the desk's thread, the way to the channels, and what acmetap looks at by itself. */
export interface Alerting {
  readonly desk: AlertDesk
  readonly channels: {
    states(): Promise<readonly ChannelState[]>
    test(name: string): Promise<ChannelTest | null>
  }
  /** As they were measured last; null before the first time. */
  vitals(): Vitals | null
  /** Of the CAs' clocks against ours at this moment, ms. */
  skews(): readonly number[]
  /** To be told of every exchange. Costs a few µs. */
  note(exchange: Completed): void
  /** Begins to measure and to look at what is watched. */
  begin(parts: AlertingParts): void
  /** Throws ConfigError where files that the settings name can't be used, and then nothing has changed. */
  use(next: InForce): void
  /** The watch list has changed; the place that is named is looked at now. */
  refreshWatch(endpoint?: string): void
}

/** How often vitals are measured. Milliseconds. */
const MEASURE = 5_000

/** Opens the alerts of the data folder. What is sent waits for nobody. */
export async function openAlerting(
  inForce: InForce,
  /** Of the configuration. */
  file: string,
  clock: Clock,
  observe: ReturnType<typeof observeWith>,
  closing: Closing,
): Promise<Alerting> {
  const { config, wayOut } = inForce
  const desk = meteredDesk(
    await openAlerts({ folder: config.data, settings: config.alerts, kept: keptOf(config) }),
    observe,
  )
  closing.add(() => desk.close())
  const delivery = new Delivery({
    outbox: desk.outbox,
    reader: desk.reader,
    settings: config.alerts,
    way: wayOut,
    instance: config.instance,
    report: observe.channel,
  })
  closing.add(() => delivery.close())
  desk.onNews(() => delivery.wake())
  const meter = new VitalsMeter(clock)
  const lastWord = new LastWord(desk, delivery)
  let settings = config.alerts
  let vitals: Vitals | null = null
  let watch: Watch | null = null
  return {
    desk,
    channels: {
      async states() {
        const states = new Map(delivery.status().map((one) => [one.name, one]))
        const waiting = await waitingBy(desk)
        return (settings.channels ?? []).map((channel) => {
          const { name } = channel
          const failingSince = states.get(name)?.failingSince ?? null
          return {
            name,
            kind: CHANNEL_KINDS.find((kind) => channel[kind] !== undefined) ?? 'none',
            waiting: waiting?.(name) ?? 0,
            failingSince: failingSince === null ? null : new Date(failingSince).toISOString(),
            lastError: states.get(name)?.error ?? null,
          }
        })
      },
      async test(name) {
        const receipt = await delivery.test(name)
        if (receipt === null) return null
        const ok = receipt.kind === 'taken'
        return { channel: name, ok, detail: ok ? receipt.said : receipt.error }
      },
    },
    vitals: () => vitals,
    skews: () => meter.skews(),
    note(exchange) {
      meter.note(exchange)
      watch?.note(exchange)
      desk.feed.wake()
    },
    begin(parts) {
      const measure = vitalsOf({
        ...parts,
        config: () => parts.inForce().config,
        policy: () => parts.inForce().policy,
        meter,
        channels: async () => {
          const waiting = await waitingBy(desk)
          // The delivery knows of the first one of each key alone.
          return delivery.status().map((one) => ({ ...one, waiting: waiting?.(one.name) ?? one.waiting }))
        },
      })
      const look = async () => {
        vitals = await measure()
        desk.feed.vitals(vitals)
        await lastWord.consider(vitals, settings)
      }
      const measuring = setInterval(() => void look().catch(observe.bug), MEASURE).unref()
      void look().catch(observe.bug)
      watch = startWatch({
        ...parts,
        config: () => parts.inForce().config,
        routing: () => parts.inForce().routing,
        wayOut: () => parts.inForce().wayOut,
        desk,
        clock,
        onFault: observe.bug,
      })
      closing.add(() => {
        clearInterval(measuring)
        watch?.close()
      })
    },
    use(next) {
      try {
        delivery.use(next.config.alerts, next.wayOut)
      } catch (error) {
        const instead = 'Mend the file that it names'
        throw new ConfigError([
          { file, line: 1, column: 1, path: 'alerts', message: messageOf(error), instead },
        ])
      }
      settings = next.config.alerts
      desk.feed.use(settings, keptOf(next.config))
      watch?.refresh()
    },
    refreshWatch: (endpoint) => watch?.refresh(endpoint),
  }
}

/** How many wait for a channel; null where the alerts can't be asked. */
async function waitingBy({
  counts,
}: Pick<AlertDesk, 'counts'>): Promise<((channel: string) => number) | null> {
  const counted = await counts().catch(() => null)
  if (counted === null) return null
  return (channel) => counted.waiting.find((one) => one.channel === channel)?.count ?? 0
}

/** Alerts and messages name clients. ms; null: as long as alerts are kept. */
function keptOf({ retention: { personal } }: InForce['config']): number | null {
  return personal === 'forever' ? null : personal
}
