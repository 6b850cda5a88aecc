import { beforeEach, describe, expect, test } from 'vitest'
import type { Sent } from '../../src/ca/dispatcher.ts'
import type { NoTurn } from '../../src/ca/pacer.ts'
import { type Asked, isShareable, SharedAnswers } from '../../src/ca/shared-answers.ts'
import type { FieldList } from '../../src/exchange/exchange.ts'
import type { Turn } from '../../src/exchange/turn.ts'
import { received, stillClock } from '../support/exchanges.ts'

const CLOSED = 'max-age=0, no-cache'
let clock: ReturnType<typeof stillClock>
let shared: SharedAnswers
/** Who waits for a turn, in order. */
let line: { client: string; signal: AbortSignal | undefined; give(turn: Turn | NoTurn): void }[]
let sends: { who: string; arrive(sent: Sent): void }[]

beforeEach(() => {
  clock = stillClock()
  line = []
  sends = []
  shared = new SharedAnswers(clock, {
    turn: (_ca, _operation, client, signal) => new Promise((give) => line.push({ client, signal, give })),
    waiting: (_ca, _operation, client) => line.filter((each) => each.client === client).length,
  })
})

function asked(client: string, more: FieldList = [], changes: Partial<Asked> = {}): Asked {
  const fields: FieldList = [['Host', 'ca.test'], ['User-Agent', `ua of ${client}`], ...more]
  return { ca: 'le', authority: 'ca.test', target: '/directory', fields, client, ...changes }
}

interface Client {
  sent: Sent | null
  denied: NoTurn | null
}

/** A client that goes the whole way: admitted, then the answer. */
function go(request: Asked): Client {
  const client: Client = { sent: null, denied: null }
  void shared.admit(request).then(async (admission) => {
    if ('why' in admission) client.denied = admission
    else
      client.sent = await admission.answer(
        () => new Promise((arrive) => sends.push({ who: request.client, arrive })),
      )
  })
  return client
}

function answer(cacheControl: string | null, fields: FieldList = [], status = 200): Sent {
  const control: FieldList = cacheControl === null ? [] : [['cache-control', cacheControl]]
  const body = Buffer.from(`answer ${Math.random()}`)
  return {
    kind: 'response',
    response: { status, fields: [...control, ...fields], body, decoded: body },
    durationCa: 5,
  }
}

const TURN: Turn = { from: null, waited: 0 }
const settle = () => new Promise((resolve) => setImmediate(resolve))
async function give(index = 0, turn: Turn | NoTurn = TURN) {
  await settle()
  line.splice(index, 1)[0]!.give(turn)
  await settle()
}
async function arrive(sent: Sent, index = 0): Promise<Sent> {
  sends.splice(index, 1)[0]!.arrive(sent)
  await settle()
  return sent
}
const bodyOf = ({ sent }: Client) => (sent?.kind === 'response' ? sent.response.body.toString() : null)
const sourceOf = ({ sent }: Client) => (sent?.kind === 'response' ? (sent.source ?? 'ca') : null)

describe('sharing (RFC 9111 §4)', () => {
  test('equal requests that wait are sent as one; one that comes after it was sent begins the next', async () => {
    const first = ['a', 'b', 'c'].map((client) => go(asked(client)))
    await settle()
    expect(line).toHaveLength(1)
    await give()
    expect(sends).toHaveLength(1)
    const late = go(asked('d'))
    await settle()
    expect(line).toHaveLength(1)
    const one = await arrive(answer(CLOSED))
    expect(first.map(sourceOf)).toEqual(['ca', 'shared', 'shared'])
    expect(new Set(first.map(bodyOf)).size).toBe(1)
    expect(first[2]!.sent).toMatchObject({ response: (one as { response: object }).response })
    expect(late.sent).toBeNull()
    await give()
    await arrive(answer(CLOSED))
    expect(sourceOf(late)).toBe('ca')
    expect(bodyOf(late)).not.toBe(bodyOf(first[0]!))
  })

  test('requests that differ in a field, the target or the authority are not equal', async () => {
    go(asked('a'))
    go(asked('b', [['Accept-Encoding', 'gzip']]))
    go(asked('c', [], { target: '/other' }))
    go(asked('d', [], { authority: 'relay.test' }))
    go(asked('e', [['accept-encoding', ' gzip ']]))
    await settle()
    expect(line).toHaveLength(4)
  })

  test.each([
    ['Vary names what differs', [['vary', 'Accept, User-Agent']]],
    ['Vary is a star', [['vary', '*']]],
    ['it carries a nonce', [['replay-nonce', 'n']]],
    ['it sets a cookie', [['set-cookie', 'a=b']]],
  ] as const)('an answer is its own asker’s where %s', async (_why, fields) => {
    const [a, b] = [go(asked('a')), go(asked('b'))]
    await give()
    await arrive(answer('max-age=100', fields))
    expect([sourceOf(a), b.sent]).toEqual(['ca', null])
    await give()
    await arrive(answer('max-age=100', fields))
    expect([sourceOf(a), sourceOf(b)]).toEqual(['ca', 'ca'])
    expect(bodyOf(a)).not.toBe(bodyOf(b))
  })

  test.each(['no-store', 'private, max-age=60'])(
    '%s is never shared, and the next do not wait for each other',
    async (control) => {
      const [a, b] = [go(asked('a')), go(asked('b'))]
      await give()
      await arrive(answer(control))
      await give()
      await arrive(answer(control))
      expect([sourceOf(a), sourceOf(b)]).toEqual(['ca', 'ca'])
      const next = [go(asked('c')), go(asked('d'))]
      await settle()
      expect(line).toHaveLength(2)
      await give()
      await give()
      await arrive(answer(CLOSED))
      await arrive(answer(CLOSED))
      expect(next.map(sourceOf)).toEqual(['ca', 'ca'])
    },
  )

  test('a failure is shared with those who wait; a refusal may be about the one who asked', async () => {
    const failed: Sent = {
      kind: 'failed',
      failure: { cause: 'connectRefused', message: 'no' },
      durationCa: 1,
    }
    for (const sent of [failed, answer(null, [['retry-after', '5']], 503), answer(null, [], 429)]) {
      const clients = [go(asked('a')), go(asked('b'))]
      await give()
      await arrive(sent)
      expect(clients.every((client) => client.sent !== null)).toBe(true)
      expect([sends.length, line.length]).toEqual([0, 0])
    }
    const [a, b] = [go(asked('a')), go(asked('b'))]
    await give()
    await arrive(answer(null, [], 403))
    expect([a.sent?.kind, b.sent]).toEqual(['response', null])
    await give()
    await arrive(answer(CLOSED))
    expect(b.sent).toMatchObject({ response: { status: 200 } })
  })

  test('without a turn everybody who waits is told; the second time as a failure of the network', async () => {
    const [a, b] = [go(asked('a')), go(asked('b'))]
    await give(0, { retryAfter: 9, why: 'full' })
    expect([a.denied, b.denied]).toEqual([1, 2].map(() => ({ retryAfter: 9, why: 'full' })))
    const [c, d] = [go(asked('c')), go(asked('d'))]
    await give()
    await arrive(answer('no-store'))
    await give(0, { retryAfter: 9, why: 'full' })
    expect([c.sent?.kind, d.sent]).toEqual(['response', expect.objectContaining({ kind: 'failed' })])
  })
})

describe('hanging up', () => {
  test('the one who began it leaves: the others get their answer', async () => {
    const leader = new AbortController()
    const a = go(asked('a', [], { signal: leader.signal }))
    const b = go(asked('b'))
    await settle()
    leader.abort()
    await settle()
    expect(a.denied?.why).toBe('abandoned')
    expect(line[0]!.signal?.aborted).toBe(false)
    await give()
    expect(sends.map(({ who }) => who)).toEqual(['b'])
    await arrive(answer(CLOSED))
    expect(sourceOf(b)).toBe('ca')
  })

  test('when all have left, the turn is given away', async () => {
    const controllers = ['a', 'b'].map((client) => {
      const controller = new AbortController()
      go(asked(client, [], { signal: controller.signal }))
      return controller
    })
    await settle()
    for (const controller of controllers) controller.abort()
    expect(line[0]!.signal?.aborted).toBe(true)
  })
})

test('nobody joins a request that everybody has left', async () => {
  const gone = new AbortController()
  const left = go(asked('a', [], { signal: gone.signal }))
  await settle()
  gone.abort()
  const next = go(asked('b'))
  await give(1)
  await arrive(answer(CLOSED))
  expect([left.denied?.why, next.denied, sourceOf(next)]).toEqual(['abandoned', null, 'ca'])
})

test('nobody waits behind the requests of a greedy client', async () => {
  for (const accept of ['1', '2', '3']) go(asked('greedy', [['Accept', accept]]))
  await settle()
  // The group for `3` stands behind two more of greedy's; one that comes for the same makes its own.
  go(asked('modest', [['Accept', '3']]))
  go(asked('other', [['Accept', '3']]))
  go(asked('other', [['Accept', '1']]))
  await settle()
  expect(line.map(({ client }) => client)).toEqual(['greedy', 'greedy', 'greedy', 'modest'])
})

describe('keeping (RFC 9111)', () => {
  async function keep(control: string | null, fields: FieldList = [], more: FieldList = []) {
    const client = go(asked('a', more))
    await give()
    await arrive(answer(control, fields))
    return client
  }
  const pass = (seconds: number) => {
    clock.wall += seconds * 1e6
    clock.monotonic += seconds * 1e6
  }
  async function ask(more: FieldList = [], client = 'b') {
    const asking = go(asked(client, more))
    await settle()
    return asking
  }

  test('answers until it is stale, with its age and otherwise byte for byte', async () => {
    const first = await keep('max-age=60', [
      ['age', '10'],
      ['etag', '"x"'],
    ])
    pass(20)
    const second = await ask()
    expect(sourceOf(second)).toBe('cache')
    expect(bodyOf(second)).toBe(bodyOf(first))
    expect(second.sent).toMatchObject({
      response: {
        fields: [
          ['cache-control', 'max-age=60'],
          ['etag', '"x"'],
          ['age', '30'],
        ],
      },
    })
    pass(30)
    expect((await ask()).sent).toBeNull()
    expect(line).toHaveLength(1)
  })

  const now = 1_700_000_000
  const date = (seconds: number) => new Date((now + seconds) * 1000).toUTCString()
  test.each<[string, string | null, FieldList, number]>([
    ['s-maxage counts before max-age', 'max-age=5, s-maxage=50', [], 49],
    [
      'Expires, from Date',
      null,
      [
        ['expires', date(40)],
        ['date', date(0)],
      ],
      39,
    ],
    [
      'max-age counts before Expires',
      'max-age=10',
      [
        ['expires', date(40)],
        ['date', date(0)],
      ],
      9,
    ],
    ['quoted, in capitals, in a field of its own', 'Public', [['cache-control', 'MAX-AGE="30"']], 29],
    ['its time on the way', 'max-age=30', [['date', date(-20)]], 9],
    ['a day at most', 'max-age=99999999', [], 86_399],
  ])('%s', async (_name, control, fields, fresh) => {
    await keep(control, fields)
    pass(fresh)
    expect(sourceOf(await ask())).toBe('cache')
    pass(2)
    expect((await ask()).sent).toBeNull()
  })

  test.each<[string | null, FieldList]>([
    [CLOSED, []],
    ['max-age=60, no-cache', []],
    ['max-age=60, no-store', []],
    ['private, max-age=60', []],
    ['max-age=60, max-age=5', []],
    ['max-age=soon', []],
    ['max-age=60', [['age', '60']]],
    ['max-age=60', [['age', 'old']]],
    ['max-age=60', [['vary', '*']]],
    ['max-age=60', [['replay-nonce', 'n']]],
    [null, []],
    [
      null,
      [
        ['expires', '0'],
        ['date', date(0)],
      ],
    ],
    [
      null,
      [
        ['last-modified', date(-1_000_000)],
        ['date', date(0)],
      ],
    ],
  ])('%j %j is not kept', async (control, fields) => {
    await keep(control, fields)
    expect((await ask()).sent).toBeNull()
  })

  test('for whom: equal in what Vary names, and in Accept-Encoding where it is coded', async () => {
    await keep('max-age=60', [['vary', 'Accept-Language']], [['Accept-Language', 'en']])
    expect(sourceOf(await ask([['Accept-Language', 'en']]))).toBe('cache')
    expect((await ask([['Accept-Language', 'de']])).sent).toBeNull()
    shared.clear()
    clock.monotonic += 1000
    line = []
    await keep('max-age=60', [['content-encoding', 'gzip']], [['Accept-Encoding', 'gzip']])
    expect(sourceOf(await ask([['Accept-Encoding', 'gzip']]))).toBe('cache')
    expect((await ask()).sent).toBeNull()
  })

  test('not what was on its way when another configuration came into force', async () => {
    const first = go(asked('a'))
    await give()
    shared.clear()
    clock.monotonic += 1_000_000
    const late = answer('max-age=100')
    if (late.kind === 'response') await arrive({ ...late, durationCa: 1_500_000 })
    expect(sourceOf(first)).toBe('ca')
    const second = go(asked('b'))
    await give()
    await arrive(answer('max-age=100'))
    expect(sourceOf(second)).toBe('ca')
    const third = go(asked('c'))
    await settle()
    expect(sourceOf(third)).toBe('cache')
    expect(bodyOf(third)).toBe(bodyOf(second))
  })

  test('not for who wants a new one; not after another configuration', async () => {
    await keep('max-age=60')
    expect((await ask([['Cache-Control', 'no-cache']])).sent).toBeNull()
    expect((await ask([['Pragma', 'no-cache']])).sent).toBeNull()
    shared.clear()
    expect((await ask()).sent).toBeNull()
  })

  test('what acmetap itself asked for may be kept for clients', async () => {
    shared.seed(asked('own', [['Accept', 'application/json']]), answer('max-age=60'))
    expect(sourceOf(await ask())).toBe('cache')
  })
})

test('only an unsigned GET with everyday fields may be shared', () => {
  const get = received({ method: 'GET', body: Buffer.alloc(0) }).request
  const plain: FieldList = [
    ['Host', 'ca.test'],
    ['user-agent', 'x'],
    ['Accept', '*/*'],
  ]
  expect(isShareable(get, plain)).toBe(true)
  expect(isShareable({ ...get, method: 'HEAD' }, plain)).toBe(false)
  expect(isShareable({ ...get, method: 'POST' }, plain)).toBe(false)
  expect(isShareable({ ...get, body: Buffer.from('x') }, plain)).toBe(false)
  for (const name of [
    'Authorization',
    'Cookie',
    'Range',
    'If-None-Match',
    'If-Modified-Since',
    'X-Host',
    'Origin',
  ])
    expect(isShareable(get, [...plain, [name, 'x']])).toBe(false)
})
