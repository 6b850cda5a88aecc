import { describe, expect, test } from 'vitest'
import { RenewalInfoPoll } from '../../../src/alerts/renewal-info/poll.ts'
import type { InventoriedCertificate } from '../../../src/audit/inventory/certificate.ts'
import type { Completed, FieldList, Outcome, Received } from '../../../src/exchange/exchange.ts'
import { decided, response, stillClock, taught } from '../../support/exchanges.ts'
import { aCertificate } from '../../support/inventoried.ts'

const SECOND = 1_000_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const CA = { name: 'pebble', authority: 'ca.test' }
const WINDOW = { suggestedWindow: { start: '2027-01-01T00:00:00Z', end: '2027-01-03T00:00:00Z' } }

type Given = Partial<InventoriedCertificate> & { readonly ariId: string }

function world(given: readonly Given[], cas = [CA]) {
  const clock = stillClock()
  clock.wall = Date.parse('2026-11-22T00:00:00Z') * 1000
  const began = clock.monotonic
  const list = given.map((one, n) => aCertificate({ fingerprint: `${n}`, ...one }))
  const asked: { readonly target: string; readonly at: number; readonly request: Received }[] = []
  let answer: (target: string) => Outcome | Error = () => says(200, WINDOW)
  const poll = new RenewalInfoPoll({
    clock,
    userAgent: 'acmetap/0',
    cas: () => cas,
    random: () => 0,
    inventory: {
      async certificates({ limit, cursor, state }) {
        expect(state).toBe('valid')
        const from = Number(cursor ?? 0)
        const next = from + limit < list.length ? String(from + limit) : null
        return { items: list.slice(from, from + limit), next }
      },
    },
    async perform(request) {
      asked.push({ target: request.request.target, at: clock.monotonic - began, request })
      const outcome = answer(request.request.target)
      if (outcome instanceof Error) throw outcome
      return { ...taught(decided('renewalInfo')), outcome, completedAt: clock.now() }
    },
  })
  const directory = (members: object, authority = CA.authority, ca = CA.name) =>
    poll.note(aDirectory(members, authority, ca))
  directory({ renewalInfo: 'https://ca.test/ari' })
  return {
    clock,
    list,
    poll,
    asked,
    directory,
    answers(next: typeof answer) {
      answer = next
    },
    /** Lets time pass, a tick each second; long spans in larger steps. */
    async pass(micros: number, step = SECOND) {
      for (let left = micros; left > 0; left -= step) {
        await poll.tick()
        clock.monotonic += step
        clock.wall += step
      }
    },
    times: () => asked.map(({ at }) => Math.round(at / MINUTE)),
  }
}

function aDirectory(members: object, authority: string, ca: string): Completed {
  const exchange = taught(decided('directory', { destination: { ca, authority } }), response(200, members))
  return { ...exchange, completedAt: { wall: 1, monotonic: 1 } }
}

function says(status: number, body: unknown, fields: FieldList = []): Outcome {
  return { kind: 'response', response: response(status, body, fields), durationCa: 1 }
}

const DOWN: Outcome = {
  kind: 'failed',
  failure: { cause: 'connectRefused', message: 'refused' },
  problem: { type: 't', detail: 'd', status: 502 },
  durationCa: 1,
}

test('what is sent is an unsigned GET of our own, to the URL of the directory', async () => {
  const { asked, pass } = world([{ ariId: 'aki.serial' }])
  await pass(30 * SECOND)
  expect(asked).toHaveLength(1)
  expect(asked[0]!.request).toMatchObject({
    mode: 'engine',
    destination: { ca: 'pebble', authority: 'ca.test' },
    request: { method: 'GET', target: '/ari/aki.serial', body: Buffer.alloc(0) },
  })
})

describe('it is asked again (RFC 9773 §4.3)', () => {
  test.each<readonly [string, Outcome | Error, readonly number[]]>([
    ['after six hours where the CA names no time', says(200, WINDOW), [0, 360, 720]],
    ['when the CA said', says(200, WINDOW, [['retry-after', '7200']]), [0, 120, 240, 360, 480, 600, 720]],
    [
      'not sooner than in a minute',
      says(200, WINDOW, [['retry-after', '0']]),
      Array.from({ length: 781 }, (_, n) => n),
    ],
    ['not later than in a day', says(200, WINDOW, [['retry-after', '31536000']]), [0]],
    [
      'with growing pauses where the CA fails, which is then left alone',
      says(500, {}),
      [0, 1, 5, 21, 85, 445],
    ],
    ['the same where it is not there', DOWN, [0, 1, 5, 21, 85, 445]],
    ['after six hours, then twelve, where the CA knows no such certificate', says(404, {}), [0, 360]],
    ['the same where the answer is none', says(200, { suggestedWindow: 'soon' }), [0, 360]],
    [
      'the same where the window ends before it begins',
      says(200, { suggestedWindow: { start: '2027-01-03T00:00:00Z', end: '2027-01-01T00:00:00Z' } }),
      [0, 360],
    ],
    [
      'when the CA is no longer busy',
      says(503, {}, [['retry-after', '1800']]),
      Array.from({ length: 27 }, (_, n) => n * 30),
    ],
    ['when the record can be written again', new Error('503'), Array.from({ length: 157 }, (_, n) => n * 5)],
  ])('%s', async (_, answer, minutes) => {
    const { answers, pass, times } = world([{ ariId: 'a.b' }])
    answers(() => answer)
    await pass(781 * MINUTE, 5 * SECOND)
    // A look for what is due comes every ten seconds.
    expect(times()).toEqual(minutes)
  })

  test('at once after trouble is over, as if there had been none', async () => {
    const { answers, pass, times } = world([{ ariId: 'a.b' }])
    answers(() => (times().length <= 2 ? says(502, {}) : says(200, WINDOW)))
    await pass(400 * MINUTE, 5 * SECOND)
    expect(times()).toEqual([0, 1, 5, 365])
  })
})

test('many certificates are asked about one a second and CA, not all at once', async () => {
  const given = Array.from({ length: 5000 }, (_, n): Given => ({ ariId: `a.${n}` }))
  const { asked, pass } = world(given)
  await pass(5100 * SECOND)
  const seconds = asked.map(({ at }) => Math.floor(at / SECOND))
  expect(new Set(seconds).size).toBe(seconds.length)
  expect(new Set(asked.map(({ target }) => target)).size).toBe(5000)
})

test('the longest due comes first, and one CA that is down holds up no other', async () => {
  const other = { name: 'other', authority: 'other.test' }
  const given = [
    ...Array.from({ length: 20 }, (_, n): Given => ({ ariId: `a.${n}` })),
    ...Array.from({ length: 20 }, (_, n): Given => ({ ariId: `o.${n}`, ca: 'other' })),
  ]
  const { asked, answers, directory, pass } = world(given, [CA, other])
  directory({ renewalInfo: 'https://other.test/' }, 'other.test', 'other')
  answers((target) => (target.startsWith('/ari') ? DOWN : says(200, WINDOW)))
  await pass(4 * MINUTE)
  const targets = asked.map(({ target }) => target)
  expect(targets.filter((target) => target.startsWith('/o.'))).toHaveLength(20)
  // Down after three in a row, then left alone for five minutes.
  expect(targets.filter((target) => target.startsWith('/ari'))).toHaveLength(3)
})

describe('nobody is asked', () => {
  test('about a certificate whose client asked lately', async () => {
    const askedAt = '2026-11-21T23:00:00.000Z'
    const renewalWindow = { start: askedAt, end: askedAt, askedAt, explanation: null }
    const { asked, pass, times } = world([{ ariId: 'a.b', renewalWindow }])
    await pass(4 * HOUR, 10 * SECOND)
    expect(asked).toEqual([])
    await pass(2 * HOUR, 10 * SECOND)
    expect(times()).toEqual([300])
  })

  test('while its client goes on asking', async () => {
    const { asked, list, clock, pass } = world([{ ariId: 'a.b' }])
    await pass(HOUR, 10 * SECOND)
    expect(asked).toHaveLength(1)
    for (let day = 0; day < 8; day += 1) {
      const askedAt = new Date(clock.wall / 1000).toISOString()
      list[0] = { ...list[0]!, renewalWindow: { start: askedAt, end: askedAt, askedAt, explanation: null } }
      await pass(5 * HOUR, 10 * SECOND)
    }
    expect(asked).toHaveLength(1)
  })

  test('about one that was replaced or revoked, or has ended', async () => {
    const notAfter = new Date(Date.parse('2026-11-22T03:00:00Z')).toISOString()
    const { asked, list, pass } = world([{ ariId: 'a.gone' }, { ariId: 'a.ends', notAfter }])
    await pass(HOUR, 10 * SECOND)
    list.shift()
    await pass(DAY, 10 * SECOND)
    expect(asked.map(({ target }) => target).sort()).toEqual(['/ari/a.ends', '/ari/a.gone'])
  })

  test('where the directory has no renewalInfo, leads elsewhere, or is not the one of the CA itself', async () => {
    const { asked, directory, pass } = world([{ ariId: 'a.b' }])
    directory({ newNonce: 'https://ca.test/nonce' })
    await pass(MINUTE)
    directory({ renewalInfo: 'https://elsewhere.test/ari' })
    directory({ renewalInfo: 'https://relay.test/ari' }, 'relay.test')
    directory({ renewalInfo: 'https://ca.test/ari' }, CA.authority, 'unknown')
    await pass(MINUTE)
    expect(asked).toEqual([])
    directory({ renewalInfo: 'https://ca.test/ari/' })
    await pass(MINUTE)
    expect(asked.map(({ target }) => target)).toEqual(['/ari/a.b'])
  })

  test('about what cannot be named, or of no configured CA', async () => {
    const { asked, pass } = world([
      { ariId: null as never },
      { ariId: 'a.b', ca: null },
      { ariId: 'a.c', ca: 'gone' },
    ])
    await pass(10 * MINUTE)
    expect(asked).toEqual([])
  })
})
