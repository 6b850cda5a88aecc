/**
 * The ambiguous requests once more, this time through the whole server in front of a real Pebble: what Pebble
 * acted on is compared with what the record says, and what was refused must never have reached it.
 */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { RecordedExchange } from '../../src/audit/record-store.ts'
import { allCases } from '../support/ambiguous-cases.ts'
import {
  type AmbiguousRequest,
  headerOf,
  headerWithKey,
  newTestKey,
  type Setting,
  signed,
  type TestAccount,
} from '../support/ambiguous-requests.ts'
import { reasonWithout } from '../support/missing.ts'
import {
  type Answer,
  type RawPebble,
  rawSender,
  type Send,
  startRawPebble,
} from '../support/pebble-for-ambiguity.ts'
import { type Composed, compose } from './composed.ts'

const LANES = 8

const missing = await reasonWithout('pebble')
beforeEach((context) => {
  if (missing !== null) context.skip(missing)
})

interface Finished {
  readonly name: string
  readonly answer: Answer
  readonly exchange: string
}

let pebble: RawPebble
let world: Composed
const finished: Finished[] = []
let noncesUnspent = 0
const nonceSpentByRefusal: string[] = []

beforeAll(async () => {
  if (missing !== null) return
  pebble = await startRawPebble()
  world = await compose({
    pebble: { directory: `https://${pebble.authority}/dir`, trust: pebble.trust },
  })
  await world.settled()
  const { send, end } = rawSender(world.port, await world.root())
  try {
    const queue = allCases()[Symbol.iterator]()
    await Promise.all(
      Array.from({ length: LANES }, () => new Lane(send, `https://localhost:${world.port}`).work(queue)),
    )
  } finally {
    end()
  }
}, 180_000)

afterAll(async () => {
  await world?.close()
  await pebble?.stop()
})

/** One client behind acmetap. A nonce that a refused request carried must still be good for the next one. */
class Lane {
  readonly #send: Send
  readonly #origin: string
  #nonce: string | null = null

  constructor(send: Send, origin: string) {
    this.#send = send
    this.#origin = origin
  }

  async work(queue: Iterator<AmbiguousRequest>): Promise<void> {
    let account = await this.#register()
    const other = await this.#register()
    const { order, authorization } = await this.#order(account)
    for (let next = queue.next(); !next.done; next = queue.next()) {
      const request = next.value
      const own = request.freshAccount ? await this.#register() : account
      const setting = { ...(await this.#setting(own)), other, order, authorization }
      const { target, body } = request.make(setting)
      const answer = await this.#post(target, body)
      if (isOurRefusal(answer)) await this.#expectUnspent(request.name, account, setting)
      finished.push({
        name: request.name,
        answer,
        exchange: String(answer.headers['acmetap-exchange'] ?? ''),
      })
      if (answer.status === 403 && answer.body.includes('deactivated')) account = await this.#register()
    }
  }

  async #register(): Promise<TestAccount> {
    const key = newTestKey()
    const setting = await this.#setting({ key, url: '' })
    const url = `${this.#origin}/sign-me-up`
    const answer = await this.#post(
      '/sign-me-up',
      signed(key, headerWithKey(setting, key, url), '{"termsOfServiceAgreed":true}'),
    )
    if (answer.status !== 201) throw new Error(`no account: ${answer.status} ${answer.body.toString()}`)
    return { key, url: String(answer.headers.location) }
  }

  async #order(account: TestAccount): Promise<{ order: string; authorization: string }> {
    const setting = await this.#setting(account)
    const payload = '{"identifiers":[{"type":"dns","value":"own.example.com"}]}'
    const answer = await this.#post(
      '/order-plz',
      signed(account.key, headerOf(setting, `${this.#origin}/order-plz`), payload),
    )
    const { authorizations } = JSON.parse(answer.body.toString()) as { authorizations: string[] }
    return {
      order: String(answer.headers.location).slice(this.#origin.length),
      authorization: authorizations[0]!.slice(this.#origin.length),
    }
  }

  async #setting(account: TestAccount): Promise<Setting> {
    if (this.#nonce === null) {
      const { headers } = await this.#send('GET', '/nonce-plz', null)
      this.#nonce = String(headers['replay-nonce'])
    }
    const nonce = this.#nonce
    return {
      origin: this.#origin,
      nonce,
      account,
      other: account,
      freshKey: newTestKey(),
      order: '',
      authorization: '',
    }
  }

  /** The nonce of a refused request is good for an ordinary one: nothing of the refused one reached Pebble. */
  async #expectUnspent(name: string, account: TestAccount, { nonce }: Setting): Promise<void> {
    this.#nonce = nonce
    const setting = await this.#setting(account)
    const body = signed(account.key, headerOf(setting, account.url), '')
    const answer = await this.#post(account.url.slice(this.#origin.length), body)
    if (answer.body.includes('badNonce')) nonceSpentByRefusal.push(name)
    else noncesUnspent += 1
  }

  async #post(target: string, body: Buffer): Promise<Answer> {
    const answer = await this.#send('POST', target, body)
    const nonce = answer.headers['replay-nonce']
    this.#nonce = typeof nonce === 'string' ? nonce : null
    return answer
  }
}

function isOurRefusal(answer: Answer): boolean {
  return answer.status === 400 && answer.body.includes('can be read in more than one way')
}

async function recorded(exchange: string): Promise<RecordedExchange> {
  const found = await world.running.operations.exchange(exchange)
  if (!found) throw new Error(`exchange ${exchange} is not in the record`)
  return found
}

test('every request has its record, and a refused one never reached Pebble', async () => {
  const refused = finished.filter(({ answer }) => isOurRefusal(answer))
  expect(finished.length).toBeGreaterThan(2000)
  expect(refused.length).toBeGreaterThan(1000)
  for (const { exchange, answer } of finished) {
    // The edge answers what is not HTTP without a record; everything else has one.
    if (exchange === '' && answer.status === 400) continue
    const { intent, outcome } = await recorded(exchange)
    expect(outcome?.outcome).toBe(isOurRefusal(answer) ? 'refused' : 'response')
    expect(intent.decision.effect).toBe(isOurRefusal(answer) ? 'deny' : 'allow')
    if (isOurRefusal(answer)) expect(intent.jws?.signature ?? null).toBeNull()
  }
  expect(nonceSpentByRefusal).toEqual([])
  expect(noncesUnspent).toBe(refused.length)
})

test('whatever Pebble acted on stands in the record as that', async () => {
  let orders = 0
  for (const { name, answer, exchange } of finished) {
    if (answer.status < 200 || answer.status > 299) continue
    const { intent } = await recorded(exchange)
    expect.soft(intent.jws?.verdict, name).toBe('verified')
    if (answer.status !== 201 || !answer.body.includes('"identifiers"')) continue
    const { identifiers } = JSON.parse(answer.body.toString()) as { identifiers: { value: string }[] }
    const asked = [...new Set(intent.identifiers.map(({ value }) => value.toLowerCase()))].sort()
    expect.soft(intent.operation, name).toBe('newOrder')
    expect.soft(asked, name).toEqual(identifiers.map(({ value }) => value).sort())
    orders += 1
  }
  expect(orders).toBeGreaterThan(300)
})
