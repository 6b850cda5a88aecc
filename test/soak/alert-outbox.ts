import { setTimeout as sleep } from 'node:timers/promises'
import type { Delivery, Notification } from '../../src/alerts/notification.ts'
import { everyPage } from '../../src/audit/inventory/every-page.ts'
import { httpsTransport, TestAcmeClient, UnexpectedAnswer } from '../support/acme-client.ts'
import { type ClockDrill, startClockDrill } from '../support/alerts/clock-drill.ts'
import { type Received, type Receiver, startReceiver } from '../support/alerts/receiver.ts'
import { freePort } from '../support/child-process.ts'
import { Refusal } from '../support/test-ca/answer.ts'
import { startTestCa, type TestCa } from '../support/test-ca/test-ca.ts'
import { random, type Soak } from './soak.ts'

/** Names that fail for each kill. */
const EACH = 6
const MINUTE = 60_000
/** How long the receiver is down, by acmetap's clock. */
const DOWN = 60 * MINUTE

export const alertOutbox: Soak = {
  proves: 'a channel down for an hour while acmetap is killed: nothing lost, nothing out of order',
  unit: 'kills',
  size: 20,
  async run({ size, seed, progress }) {
    const ca = await startTestCa({ nonces: 'ignore' })
    ca.validate(({ value }) => new Refusal('connection', `Fetching http://${value}/: Connection refused`))
    const port = await freePort()
    const drill = await startClockDrill({
      directory: ca.directory,
      trust: ca.trust,
      receivers: 'webhook',
      channels: [{ name: 'ops', webhook: { url: `http://127.0.0.1:${port}/` } }],
      sections: () => ({ alerts: { wait: '0s', burst: 100, interval: '10s' } }),
    })
    const failing = new Failing(ca, drill)
    const next = random(seed)
    let receiver: Receiver | null = null
    try {
      // The last quarter of the kills comes when it is back, and takes some things without saying so.
      const whileDown = Math.ceil(size * 0.75)
      for (let kills = 1; kills <= size; kills += 1) {
        if (kills > whileDown && receiver === null) {
          receiver = await startReceiver(null, port)
          receiver.reply = () => ({ status: next() < 0.4 ? 500 : 202 })
        }
        const names = Array.from({ length: EACH }, (_, i) => `h${kills * EACH + i}.example.com`)
        failing.begin(names)
        await sleep(next() * 900)
        await drill.acmetap.kill()
        await drill.clock.advance(kills <= whileDown ? DOWN / whileDown : MINUTE)
        await drill.restart()
        await failing.done()
        if (kills % 5 === 0) progress(`${kills} kills, ${failing.names.length} names failed`)
      }
      receiver ??= await startReceiver(null, port)
      receiver.reply = () => ({ status: 202 })
      const kept = await untilDelivered(drill)
      const sent = receiver.received.map(readEvent)
      const ids = new Set(sent.map(({ id }) => id))
      return {
        figures: {
          kills: size,
          'minutes without the receiver': DOWN / MINUTE,
          'names that failed': failing.names.length,
          notifications: kept.length,
          'received by the channel': sent.length,
          'of these again, under the same id': sent.length - ids.size,
          lost: lost(failing.names, kept, sent).length,
          'out of order': disorder(sent).length,
        },
        failures: [...lost(failing.names, kept, sent), ...disorder(sent), ...renamed(sent)],
        late: [],
      }
    } finally {
      failing.close()
      await drill.close()
      await receiver?.close()
      await ca.close()
    }
  },
}

/** A client whose names all fail; what a kill cuts off it tries again. */
class Failing {
  /** Those of which the CA has said that they failed. */
  readonly names: string[] = []
  readonly #ca: TestCa
  readonly #drill: ClockDrill
  readonly #transport
  readonly #client: TestAcmeClient
  #work: Promise<void> = Promise.resolve()

  constructor(ca: TestCa, drill: ClockDrill) {
    this.#ca = ca
    this.#drill = drill
    this.#transport = httpsTransport(drill.acmetap.trust)
    this.#client = new TestAcmeClient(this.#transport)
  }

  begin(names: readonly string[]): void {
    this.#work = this.#fail(names)
  }

  done(): Promise<void> {
    return this.#work
  }

  close(): void {
    this.#transport.close()
  }

  async #fail(names: readonly string[]): Promise<void> {
    for (const name of names) {
      await this.#untilAnswered(() => this.#client.issue([name]))
      this.names.push(name)
    }
  }

  /** Until the CA itself has said no: an answer that was lost on the way counts for nothing. */
  async #untilAnswered(work: () => Promise<unknown>): Promise<void> {
    for (let attempt = 0; attempt < 800; attempt += 1) {
      try {
        if (this.#client.directory === null) await this.#client.discover(this.#drill.acmetap.directory)
        if (this.#client.account === null) await this.#client.newAccount()
        await work()
      } catch (error) {
        if (error instanceof UnexpectedAnswer && error.answer.body.includes('orderNotReady')) return
      }
      await sleep(50)
    }
    throw new Error(`no answer in 800 attempts; the CA got ${this.#ca.log.requests.length} requests`)
  }
}

/** What the program says was told, once nothing waits any more. */
async function untilDelivered(drill: ClockDrill): Promise<readonly Notification[]> {
  for (let attempt = 0; attempt < 120; attempt += 1) {
    const kept = await history(drill)
    if (attempt > 4 && kept.every(({ state }) => state !== 'waiting'))
      return kept.map(({ notification }) => notification)
    await sleep(500)
    // Past whatever the channel's back-off has come to.
    await drill.clock.advance(MINUTE)
  }
  throw new Error('after a minute notifications still wait')
}

async function history(drill: ClockDrill): Promise<readonly Delivery[]> {
  const { alerts } = await drill.operations()
  const found: Delivery[] = []
  for await (const { items } of everyPage((page) => alerts.deliveries({ ...page, channel: 'ops' })))
    found.push(...items)
  return found
}

type Sent = Pick<Notification, 'id' | 'number' | 'key' | 'alerts' | 'kind'> & { readonly body: string }

function readEvent({ body }: Received): Sent {
  const { id, data } = JSON.parse(body) as { readonly id: string; readonly data: Notification }
  const { number, key, alerts, kind } = data
  return { id, number, key, alerts, kind, body }
}

/** Names nobody was told of, and notifications that never came. */
function lost(names: readonly string[], kept: readonly Notification[], sent: readonly Sent[]): string[] {
  const told = new Set(
    sent
      .filter(({ kind }) => kind === 'firing')
      .flatMap(({ alerts }) => alerts.flatMap(({ subject }) => subject.names)),
  )
  const came = new Set(sent.map(({ id }) => id))
  return [
    ...names.filter((name) => !told.has(name)).map((name) => `nobody was told of ${name}`),
    ...kept.filter(({ id }) => !came.has(id)).map(({ number }) => `notification ${number} never came`),
  ]
}

function disorder(sent: readonly Sent[]): string[] {
  const last = new Map<string, number>()
  return sent.flatMap(({ key, number }) => {
    const before = last.get(key) ?? 0
    last.set(key, number)
    return number < before ? [`${number} of ${key} came after ${before}`] : []
  })
}

/** One number is one notification: the same id and the same words each time. */
function renamed(sent: readonly Sent[]): string[] {
  const bodies = new Map<number, string>()
  return sent.flatMap(({ number, body }) => {
    const before = bodies.get(number) ?? body
    bodies.set(number, before)
    return before === body ? [] : [`notification ${number} came in two versions`]
  })
}
