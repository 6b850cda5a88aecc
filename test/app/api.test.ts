/** The interface over the whole server: what happened is what it answers, to whom it may. */
import { X509Certificate } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { request } from 'node:http'
import { DatabaseSync } from 'node:sqlite'
import { parse } from 'csv-parse/sync'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { controlSocketPath } from '../../src/api/control-socket-path.ts'
import { ROUTES } from '../../src/api/routes.ts'
import { orderFilter } from '../../src/audit/inventory/order.ts'
import { connectControl } from '../../src/cli/control-client.ts'
import { HOSTILE } from '../api/hostile-values.ts'
import { startTestCa, type TestCa } from '../support/test-ca/test-ca.ts'
import { type Composed, compose } from './composed.ts'

const LOCAL = { kind: 'local', token: null, name: null } as const
const NAMES = ['www.one.example', '*.two.example']

interface Answer {
  readonly status: number
  readonly type: string
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: schemas judge it where it matters
  json(): any
}

let ca: TestCa
let world: Composed
let tokens: Record<'viewer' | 'operator' | 'admin', string>
let issued: string

beforeAll(async () => {
  ca = await startTestCa()
  world = await compose(
    { ca: { directory: ca.directory, trust: ca.trust } },
    { sections: { broker: [{ name: 'fleet', url: 'https://broker.example', cas: ['ca'] }] } },
  )
  await world.settled()
  const client = await world.client()
  await client.discover(`https://localhost:${world.port}${new URL(ca.directory).pathname}`)
  await client.newAccount()
  await client.issue(NAMES)
  ca.script(
    { operation: 'newOrder' },
    { kind: 'problem', type: 'rateLimited', status: 429, detail: 'too many new orders', retryAfter: 60 },
  )
  await client.issue(['www.three.example']).catch(() => undefined)
  const make = async (role: 'viewer' | 'operator' | 'admin') =>
    (await world.running.operations.createToken({ name: role, role, expires: null }, LOCAL)).text
  tokens = { viewer: await make('viewer'), operator: await make('operator'), admin: await make('admin') }
  const { certificates } = (await ask('/certificates')).json()
  issued = certificates[0].fingerprint
})
afterAll(async () => {
  await world.close()
  await ca.close()
})

function ask(
  path: string,
  token: keyof typeof tokens | null = 'viewer',
  method = 'GET',
  body?: unknown,
): Promise<Answer> {
  const { port } = world.running.addresses.find(({ name }) => name === 'admin')!
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port,
        method,
        path: `/api/v1${path}`,
        agent: false,
        headers: {
          ...(token === null ? {} : { authorization: `Bearer ${tokens[token]}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk
        })
        response.on('error', reject).on('end', () =>
          resolve({
            status: response.statusCode!,
            type: String(response.headers['content-type']),
            text,
            json: () => JSON.parse(text),
          }),
        )
      },
    )
    outgoing.on('error', reject)
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

test('without a token: health, metrics and the document, and nothing else', async () => {
  expect((await ask('/orders', null)).status).toBe(401)
  expect((await ask('/openapi.json', null)).json().openapi).toBe('3.1.0')
  expect((await world.admin('/healthz')).status).toBe(200)
  expect((await world.admin('/metrics')).body).toContain('acmetap_')
})

test('the issuance is there as order, account, client, certificate and register', async () => {
  const { orders } = (await ask('/orders?name=.one.example')).json()
  expect(orders).toHaveLength(1)
  expect(orders[0]).toMatchObject({ ca: 'ca', status: 'valid', certificate: issued })
  expect(orders[0].identifiers.map(({ value }: { value: string }) => value).sort()).toEqual([...NAMES].sort())
  const detail = (await ask(`/orders/${encodeURIComponent(orders[0].url)}`)).json()
  expect(detail.id).toBe(orders[0].id)
  expect(detail.timeline.map(({ operation }: { operation: string }) => operation)).toContain('finalize')
  const pem = (await ask(`/certificates/${issued}/pem`)).text
  expect(new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase()).toBe(issued)
  expect((await ask('/accounts')).json().accounts).toHaveLength(1)
  expect((await ask('/clients')).json().clients.length).toBeGreaterThan(0)
  const csv = parse((await ask('/export/certificates', 'operator')).text, { columns: true }) as Record<
    string,
    string
  >[]
  expect(csv.map(({ fingerprint }) => fingerprint)).toEqual([issued])
})

test('the rate limit is a failure with a diagnosis, and a rate-limit event', async () => {
  const { failures } = (await ask('/failures?diagnosis=rate-limit')).json()
  expect(failures).toHaveLength(1)
  expect(failures[0]).toMatchObject({ names: ['www.three.example'], status: 429 })
  expect((await ask('/rate-limits')).json().rateLimits).toHaveLength(1)
  const summary = (await ask('/summary?by=outcome&every=all')).json()
  expect(summary.totals).toMatchObject({ orders: 1, certificates: 1, valid: 1, failures: 1 })
})

test('every list answers as the document says, page by page without loss or repeat', async () => {
  for (const row of ROUTES) {
    const { shape } = (row.query ?? z.object({})) as z.ZodObject
    if (!('cursor' in shape) || row.role === 'local') continue
    const whole = (await ask(`${row.path}?limit=1000`, 'admin')).json()
    ;(row.answer as z.ZodType).parse(whole)
    const name = Object.keys(whole).find((key) => key !== 'next')!
    const pages: unknown[] = []
    let cursor: string | null = null
    do {
      const page = (
        await ask(`${row.path}?limit=2${cursor === null ? '' : `&cursor=${cursor}`}`, 'admin')
      ).json()
      pages.push(...page[name])
      cursor = page.next
    } while (cursor !== null)
    expect(pages, row.id).toEqual(whole[name])
  }
})

test('single objects, bodies, status, CAs and correlations fit the document too', async () => {
  const { exchanges } = (await ask('/exchanges?operation=newOrder')).json()
  const { intent } = exchanges[0]
  const body = await ask(`/exchanges/${exchanges[0].id}/bodies/${intent.jws.payload}`, 'operator')
  expect(JSON.parse(body.text).identifiers[0].value).toBe('www.three.example')
  for (const [path, id] of [
    [`/exchanges/${exchanges[0].id}`, 'getExchange'],
    [`/certificates/${issued}`, 'getCertificate'],
    ['/status', 'getStatus'],
    ['/cas', 'listCas'],
    ['/inventory/progress', 'getInventoryProgress'],
    ['/failures/correlations', 'correlateFailures'],
    ['/accounts/keys', 'listAccountKeys'],
    ['/tokens', 'listTokens'],
  ] as const) {
    const row = ROUTES.find((one) => one.id === id)!
    const answer = await ask(path, 'admin')
    expect(answer.status, path).toBe(200)
    ;(row.answer as z.ZodType).parse(answer.json())
  }
})

test('a thousand hostile values in the filters of the real inventory: no fault, no row too many, nothing lost', async () => {
  const lists = ROUTES.filter(
    ({ query, role, path }) =>
      query !== undefined && role !== 'local' && !['/events', '/export/certificates'].includes(path),
  )
  const words = [
    'ca',
    'account',
    'client',
    'name',
    'problem',
    'issuer',
    'program',
    'label',
    'source',
    'issuance',
    'profile',
    'limit_name',
    'type',
    'serial',
    'since',
    'cursor',
    'by',
    'expires_before',
  ]
  const before = (await ask('/summary?every=all')).json().totals
  let asked = 0
  for (const [index, value] of HOSTILE.entries()) {
    const row = lists[index % lists.length]!
    const names = Object.keys((row.query as z.ZodObject).shape).filter((name) => words.includes(name))
    const name = names[Math.floor(index / lists.length) % names.length]!
    const query = `${name}=${encodeURIComponent(Buffer.from(value).toString())}`
    const answer = await ask(`${row.path}?${query}`)
    expect([200, 400], `${row.path}?${query} ${answer.text.slice(0, 200)}`).toContain(answer.status)
    if (
      answer.status === 200 &&
      ['ca', 'account', 'client', 'name', 'problem', 'issuance', 'serial'].includes(name)
    ) {
      const [list] = Object.entries(answer.json()).filter(([key]) => key !== 'next')
      if (Array.isArray(list?.[1]) && row.path !== '/summary')
        expect(list[1], `${row.path}?${query}`).toEqual([])
    }
    asked += 1
  }
  expect(asked).toBeGreaterThan(1000)
  const after = (await ask('/summary?every=all')).json().totals
  expect(after).toEqual(before)
})

test('the feed goes on where it was', async () => {
  const { recorded } = (await ask('/inventory/progress')).json()
  const { port } = world.running.addresses.find(({ name }) => name === 'admin')!
  const read = (from: string) =>
    new Promise<number[]>((resolve, reject) => {
      const outgoing = request(
        {
          host: '127.0.0.1',
          port,
          path: '/api/v1/events',
          agent: false,
          headers: { authorization: `Bearer ${tokens.viewer}`, 'last-event-id': from },
        },
        (response) => {
          let text = ''
          response.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk
            const ids = [...text.matchAll(/^id: (\d+)\nevent: exchange\ndata: .+\n\n/gm)].map(([, id]) =>
              Number(id),
            )
            if (ids.length < 3) return
            outgoing.destroy()
            resolve(ids.slice(0, 3))
          })
        },
      )
      outgoing.on('error', reject).end()
    })
  const first = await read('0')
  const second = await read(String(first.at(-1)))
  const { exchanges } = (await ask('/exchanges?limit=1000', 'admin')).json()
  const ended = exchanges
    .map((one: { outcome: { sequence: number } }) => one.outcome.sequence)
    .sort((a: number, b: number) => a - b)
  expect([...first, ...second]).toEqual(ended.slice(0, 6))
  expect(recorded).toBeGreaterThanOrEqual(ended.at(-1))
})

test('who asked what is in the record, and so are exports and tokens; the tokens are not', async () => {
  await ask('/orders?name=secret-project.example')
  await ask('/export/certificates?format=jsonl', 'operator')
  const revoked = (await ask('/tokens', 'admin', 'POST', { name: 'short', role: 'viewer' })).json()
  expect((await ask(`/tokens/${revoked.token.id}`, 'admin', 'DELETE')).status).toBe(204)
  const file = readdirSync(world.data).find(
    (name) => /\.(db|sqlite)$/.test(name) && !name.startsWith('inventory'),
  )!
  const database = new DatabaseSync(`${world.data}/${file}`, { readOnly: true })
  const facts = database
    .prepare('SELECT * FROM facts')
    .all()
    .map((row) => JSON.stringify(row))
  database.close()
  const events = (name: string) => facts.filter((text) => text.includes(name))
  expect(events('searched').length).toBeGreaterThan(0)
  expect(events('exported').length).toBeGreaterThan(0)
  expect(events('tokenRevoked').length).toBe(1)
  expect(facts.join('').includes('secret-project')).toBe(false)
  for (const text of [...Object.values(tokens), revoked.text]) expect(facts.join('')).not.toContain(text)
})

test('the commands see the same over the socket', async () => {
  const remote = (await connectControl(controlSocketPath(world.data)))!
  const filter = orderFilter.parse({ name: '*.two.example', since: '1h' })
  expect(await remote.inventory.orders(filter)).toEqual(
    await world.running.operations.inventory.orders(filter),
  )
  expect((await remote.inventory.orders(filter)).items).toHaveLength(1)
  await expect(remote.inventory.orders(orderFilter.parse({ ca: 'nowhere' }))).rejects.toThrow(/nowhere/)
})
