import { randomUUID } from 'node:crypto'
import { setImmediate as others, setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { WayOut } from '../ca/dial.ts'
import { messageOf } from '../exchange/message-of.ts'
import type { Outbox, Settled } from './alert-desk.ts'
import { BackOff } from './back-off.ts'
import type { Channel, ChannelSettings, Receipt } from './channels/channel.ts'
import { channelOf } from './channels/channels.ts'
import type { Notification } from './notification.ts'
import { type ReminderReader, Reminders } from './reminders.ts'
import { type Rendered, Renderer } from './render/renderer.ts'
import type { AlertSettings, Millis } from './rule.ts'
import type { Vitals } from './vitals.ts'

export type DeliveryEvent =
  /** A channel that worked does not take what it is sent. Told once, until it works again. */
  | { readonly kind: 'failed'; readonly channel: string; readonly message: string }
  | { readonly kind: 'recovered'; readonly channel: string }
  /** It will never take this one. */
  | { readonly kind: 'refused'; readonly channel: string; readonly id: string; readonly message: string }
  /** A configured template failed over a message, which went out as the built-in one has it. */
  | { readonly kind: 'template'; readonly part: string; readonly message: string }
  /** The outbox cannot be read or written. */
  | { readonly kind: 'outbox'; readonly message: string }

/** Time, for tests to take over. */
export interface Ticks {
  now(): Millis
  /** Rejects when the signal aborts. */
  sleep(ms: Millis, signal: AbortSignal): Promise<void>
}

export interface DeliveryOptions {
  readonly outbox: Outbox
  /** What goes on, for channels that forget; without it they are not reminded. */
  readonly reader?: ReminderReader
  readonly settings: AlertSettings
  readonly way: WayOut
  readonly instance: string
  readonly report: (event: DeliveryEvent) => void
  readonly ticks?: Ticks
  readonly random?: () => number
  /** Makes a channel; for tests. */
  readonly open?: (settings: ChannelSettings) => Channel
}

const REAL_TICKS: Ticks = {
  now: Date.now,
  sleep: (ms, signal) => sleep(ms, undefined, { signal, ref: false }),
}

/** Heads of keys looked at together. */
const MOST_DUE = 256
/** Of one channel at the same time, while it works; one that fails gets one at a time. */
const CONCURRENCY = 4
/** Whatever nobody wakes it for is found after so long. */
const LOOK: Millis = 5000
const REMIND: Millis = 60_000
/** Alerts in one reminder. */
const REMINDED_AT_ONCE = 50
/** How long the end waits for what is under way. */
const CLOSING: Millis = 3000
/** A sign of life that is older tells a lie. */
const STALE: Millis = 600_000

/** A channel that is in use, or was. */
interface Line {
  readonly settings: ChannelSettings
  readonly channel: Channel
  readonly backOff: BackOff
  /** Ids it has not settled. */
  readonly waiting: Set<string>
  busy: number
  retired: boolean
}

/**
 * Takes notifications out of the outbox and sends them: at least once, in order per channel and key, with the same id
 * however often. Nothing is lost while a channel is down. Ends at most what is under way twice.
 */
export class Delivery {
  readonly #options: DeliveryOptions
  readonly #ticks: Ticks
  readonly #random: () => number
  /** Nothing new is begun. */
  readonly #closing = new AbortController()
  /** What is under way is given up. */
  readonly #ending = new AbortController()
  readonly #sending = new Map<string, Promise<void>>()
  readonly #reminders: Reminders
  readonly #ended: Promise<unknown>
  #lines = new Map<string, Line>()
  #renderer: Renderer
  #way: WayOut
  #url: string | null
  #awake = true
  #interrupt: AbortController | null = null

  /** Begins at once. Reads the files that the settings name; throws what reading them throws. */
  constructor(options: DeliveryOptions) {
    this.#options = options
    this.#ticks = options.ticks ?? REAL_TICKS
    this.#random = options.random ?? Math.random
    this.#way = options.way
    this.#url = options.settings.url ?? null
    this.#renderer = this.#rendererFor(options.settings)
    this.#lines = this.#linesFor(options.settings, this.#way)
    this.#reminders = new Reminders(options.reader ?? null)
    this.#ended = Promise.all([this.#run(), this.#remind()])
  }

  /** There is news in the outbox. Costs nothing. */
  wake(): void {
    this.#awake = true
    this.#interrupt?.abort()
  }

  /** From now on. Throws as the constructor does, and then nothing has changed. What is under way ends as it began. */
  use(settings: AlertSettings, way: WayOut = this.#way): void {
    const renderer = this.#rendererFor(settings)
    const lines = this.#linesFor(settings, way)
    const changed = [...this.#lines].filter(([name, line]) => lines.get(name) !== line)
    for (const [, line] of changed) retire(line)
    this.#renderer = renderer
    this.#lines = lines
    this.#way = way
    this.#url = settings.url ?? null
    this.wake()
    if (changed.length > 0) this.#hurry(changed.map(([name]) => name))
  }

  status(): Vitals['channels'] {
    return [...this.#lines].map(([name, { backOff, waiting }]) => ({
      name,
      failingSince: backOff.failingSince,
      waiting: waiting.size,
      error: backOff.error,
    }))
  }

  /** Sends a test past the outbox and tells what the channel said; null when there is no such channel. */
  async test(name: string): Promise<Receipt | null> {
    const line = this.#lines.get(name)
    if (line === undefined) return null
    const notification: Notification = {
      id: randomUUID(),
      number: 0,
      channel: name,
      kind: 'test',
      key: 'test',
      made: new Date(this.#ticks.now()).toISOString(),
      rule: null,
      severity: 'info',
      title: `Test of the channel ${name}`,
      shared: null,
      alerts: [],
      count: 0,
      occurrences: 0,
      text: 'This is a test. Alerts of acmetap that are routed here arrive like this. There is nothing to do.',
    }
    return this.#sendBy(line, notification)
  }

  /** Sends to every channel past the outbox, once: for what cannot be kept. What a channel does not take is lost. */
  announce(notification: Omit<Notification, 'channel'>): void {
    for (const [channel, line] of this.#lines) {
      void this.#sendBy(line, { ...notification, channel }).then((receipt) => {
        if (receipt.kind === 'taken') return
        this.#options.report({ kind: 'refused', channel, id: notification.id, message: receipt.error })
      })
    }
  }

  /** Waits up to 3 s for what is under way; what has no answer by then is sent again at the next start. Resolves always. */
  async close(): Promise<void> {
    const late = setTimeout(() => this.#ending.abort(), CLOSING)
    this.#closing.abort()
    this.wake()
    while (this.#sending.size > 0) await Promise.race(this.#sending.values())
    clearTimeout(late)
    this.#ending.abort()
    await this.#ended
    await Promise.all([...this.#lines.values()].map(({ channel }) => channel.close()))
  }

  /** Whoever has mended a channel is not to wait for the next attempt. */
  #hurry(channels: readonly string[]): void {
    this.#options.outbox.hurry(channels, this.#ticks.now()).then(
      () => this.wake(),
      (error: unknown) => this.#options.report({ kind: 'outbox', message: messageOf(error) }),
    )
  }

  #rendererFor(settings: AlertSettings): Renderer {
    return new Renderer(settings, (part, message) =>
      this.#options.report({ kind: 'template', part, message }),
    )
  }

  /** Channels whose settings are the same stay as they are: their back-off goes on. */
  #linesFor(settings: AlertSettings, way: WayOut): Map<string, Line> {
    const url = settings.url ?? null
    const isSameWay = way === this.#way && url === this.#url
    const open =
      this.#options.open ??
      ((one: ChannelSettings) => channelOf(one, { way, instance: this.#options.instance, url }))
    const lines = new Map<string, Line>()
    for (const one of settings.channels ?? []) {
      const known = this.#lines.get(one.name)
      if (known && isSameWay && !hasSecretFile(one) && isDeepStrictEqual(known.settings, one)) {
        lines.set(one.name, known)
        continue
      }
      lines.set(one.name, {
        settings: one,
        channel: open(one),
        backOff: new BackOff(this.#random, known?.backOff),
        waiting: new Set(),
        busy: 0,
        retired: false,
      })
    }
    return lines
  }

  async #run(): Promise<void> {
    let pause = 1000
    while (!this.#closing.signal.aborted) {
      this.#awake = false
      try {
        const until = await this.#round()
        pause = 1000
        if (!this.#awake) await this.#rest(until - this.#ticks.now())
      } catch (error) {
        this.#options.report({ kind: 'outbox', message: messageOf(error) })
        await this.#rest(pause)
        pause = Math.min(2 * pause, 30_000)
      }
    }
  }

  /** Begins what can be begun now; when there is more to do at the latest. */
  async #round(): Promise<Millis> {
    const { outbox } = this.#options
    const now = this.#ticks.now()
    const due = await outbox.due(now, MOST_DUE)
    let until = now + LOOK
    for (const notification of due) {
      if (this.#closing.signal.aborted) break
      const line = this.#lines.get(notification.channel)
      const place = `${notification.channel}\0${notification.key}`
      if (this.#sending.has(place)) continue
      if (line === undefined) {
        this.#begin(place, () => this.#settleUnknown(notification))
        continue
      }
      line.waiting.add(notification.id)
      const { backOff } = line
      const pause = backOff.until(now)
      if (pause > now) {
        until = Math.min(until, pause)
        continue
      }
      if (line.busy >= (backOff.failingSince === null ? CONCURRENCY : 1)) continue
      line.busy += 1
      this.#begin(place, () => this.#deliver(line, notification))
      // To write a message takes up to 20 ms: requests to CAs pass between two of them.
      await others()
    }
    const next = await outbox.next()
    return next === null || next <= now ? until : Math.min(until, next)
  }

  #begin(place: string, work: () => Promise<void>): void {
    const done = work()
      .catch((error: unknown) => this.#options.report({ kind: 'outbox', message: messageOf(error) }))
      .finally(() => {
        this.#sending.delete(place)
        this.wake()
      })
    this.#sending.set(place, done)
  }

  async #deliver(line: Line, notification: Notification): Promise<void> {
    try {
      const now = this.#ticks.now()
      if (notification.kind === 'heartbeat' && now - Date.parse(notification.made) > STALE) {
        const error = 'it came too late: a newer one tells more'
        line.waiting.delete(notification.id)
        return await this.#settle(notification, { state: 'refused', at: now, error })
      }
      const receipt = await this.#sendBy(line, notification)
      if (this.#ending.signal.aborted) return
      await this.#settle(notification, this.#judge(line, notification, receipt))
      if (receipt.kind === 'taken' && line.channel.remind !== null) this.#reminders.told(notification)
    } finally {
      line.busy -= 1
      if (line.retired && line.busy === 0) await line.channel.close()
    }
  }

  async #sendBy(line: Line, notification: Notification): Promise<Receipt> {
    try {
      const rendered = this.#renderer.render(notification)
      return await line.channel.send(rendered, this.#ticks.now(), this.#ending.signal)
    } catch (error) {
      return { kind: 'later', error: messageOf(error), after: null }
    }
  }

  #judge({ backOff, waiting }: Line, { id, channel }: Notification, receipt: Receipt): Settled {
    const at = this.#ticks.now()
    const { report } = this.#options
    if (receipt.kind === 'taken' || receipt.kind === 'refused') {
      waiting.delete(id)
      if (backOff.works()) report({ kind: 'recovered', channel })
      if (receipt.kind === 'taken') return { state: 'delivered', at }
      report({ kind: 'refused', channel, id, message: receipt.error })
      return { state: 'refused', at, error: receipt.error }
    }
    const asked = receipt.kind === 'later' ? receipt.after : null
    if (backOff.failed(at, receipt.error, asked, receipt.kind === 'rejected')) {
      report({ kind: 'failed', channel, message: receipt.error })
    }
    return { state: 'waiting', at, next: backOff.until(at), error: receipt.error }
  }

  #settleUnknown(notification: Notification): Promise<void> {
    const error = `no channel is called ${notification.channel}`
    return this.#settle(notification, { state: 'refused', at: this.#ticks.now(), error })
  }

  /** What is delivered and cannot be settled would be sent again: it is tried some times. */
  async #settle({ id, channel }: Notification, settled: Settled): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#options.outbox.settle(id, channel, settled)
      } catch (error) {
        if (attempt === 5 || this.#ending.signal.aborted) throw error
        await this.#ticks.sleep(200 * attempt, this.#ending.signal).catch(() => undefined)
      }
    }
  }

  /** Channels that forget what goes on are told anew each minute. */
  async #remind(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      for (const [name, { channel, backOff }] of this.#lines) {
        if (channel.remind === null || backOff.failingSince !== null || this.#closing.signal.aborted) continue
        try {
          const notifications = await this.#reminders.due(name)
          if (notifications.length === 0) continue
          for (
            let at = 0;
            at < notifications.length && !this.#closing.signal.aborted;
            at += REMINDED_AT_ONCE
          ) {
            const rendered: Rendered[] = []
            for (const one of notifications.slice(at, at + REMINDED_AT_ONCE)) {
              rendered.push(this.#renderer.render(one))
              await others()
            }
            await channel.remind(rendered, this.#ticks.now(), this.#ending.signal)
          }
        } catch (error) {
          this.#options.report({ kind: 'outbox', message: messageOf(error) })
        }
      }
      await this.#ticks.sleep(REMIND, this.#closing.signal).catch(() => undefined)
    }
  }

  async #rest(ms: Millis): Promise<void> {
    if (ms <= 0 || this.#awake || this.#closing.signal.aborted) return
    const interrupt = new AbortController()
    this.#interrupt = interrupt
    await this.#ticks.sleep(ms, interrupt.signal).catch(() => undefined)
    this.#interrupt = null
  }
}

function retire(line: Line): void {
  line.retired = true
  if (line.busy === 0) void line.channel.close()
}

/** Its content may have changed. */
function hasSecretFile(settings: ChannelSettings): boolean {
  return Object.values(settings).some(
    (value) =>
      typeof value === 'object' && value !== null && Object.keys(value).some((key) => key.endsWith('_file')),
  )
}
