import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { alertFilter } from '../../src/alerts/alert.ts'
import type { RuleName } from '../../src/alerts/rule-names.ts'
import type { RecordedExchange } from '../../src/audit/record-store.ts'
import { findProgram, runProgram } from '../../src/cli/demo/child.ts'
import { manage } from '../../src/cli/demo/pebble.ts'
import { quantile } from '../soak/soak.ts'
import {
  type AuthorizationDocument,
  type OrderDocument,
  readJson,
  type TestAcmeClient,
} from '../support/acme-client.ts'
import { type Drill, startDrill } from '../support/alerts/drill-clients.ts'
import {
  DRILL_URL,
  type DrillReceivers,
  type Found,
  RECORDED,
  reasonWithoutReceivers,
  startReceivers,
  until,
} from '../support/alerts/drill-world.ts'
import { latencies } from '../support/alerts/failing-fleet.ts'
import { compileCache } from '../support/environment.ts'
import { certbot } from '../support/peers/certbot.ts'
import type { AcmeClient, Surroundings } from '../support/peers/client.ts'
import { dehydrated } from '../support/peers/dehydrated.ts'
import { lego } from '../support/peers/lego.ts'
import { uacme } from '../support/peers/uacme.ts'
import { Refusal } from '../support/test-ca/answer.ts'

const reason = await whyNot()

async function whyNot(): Promise<string | null> {
  for (const program of ['pebble', 'pebble-challtestsrv'])
    if ((await findProgram(program)) === null) return `${program} is not installed`
  for (const client of [certbot, lego, dehydrated]) {
    const missing = await client.missing()
    if (missing !== null) return missing
  }
  return reasonWithoutReceivers()
}

/** Short enough for a test that waits for it, long enough for three runs of a client on a busy machine. */
const PERIOD = 30
const CALM = 100
const UNPAUSE = 'https://unpause.ca.example/sfe/v1/unpause?jwt=canary-eyJhbGciOiJIUzI1NiJ9.pause.1c3f'

let receivers: DrillReceivers
let drill: Drill
let watcher: TestAcmeClient
let sentinels = 0
let calm: ReturnType<typeof firstDays>

beforeAll(async () => {
  if (reason !== null) return
  receivers = await startReceivers()
  drill = await startDrill({
    receivers,
    pebble: { domainBlocklist: ['blocked-domain.example'] },
    alerts: {
      routes: [{ channels: receivers.channels.map(({ name }) => name) }],
      wait: '500ms',
      burst: 100,
      interval: '10s',
      rules: {
        'new-account': { after: '1s' },
        'new-ca': { after: '1s' },
        'new-names': { after: '1s' },
        'account-churn': { within: `${PERIOD}s` },
        'client-looping': { within: `${PERIOD}s` },
      },
    },
  })
  calm = firstDays()
  calm.catch(() => undefined)
  await sleep(1100)
  watcher = await drill.client('test')
}, 120_000)

/** With the rules as they come: the first days of a record; and how long a message takes at a calm pace. */
async function firstDays(): Promise<{
  readonly times: readonly number[]
  readonly told: readonly (readonly [RuleName | null, string])[]
  readonly listed: readonly RuleName[]
}> {
  const hooked = await startReceivers('webhook')
  const calm = await startDrill({
    receivers: hooked,
    pebble: null,
    // All that is told goes there, notices too.
    alerts: { routes: [{ channels: ['hook'] }], burst: 100, interval: '10s' },
  })
  try {
    const times = await latencies(calm, hooked, { size: CALM, every: 150 })
    const { items } = await calm.operations.alerts.alerts(alertFilter.parse({ limit: 1000 }))
    return {
      times,
      told: hooked.told().map(({ notification: { rule, kind } }) => [rule, kind]),
      listed: [...new Set(items.map(({ rule }) => rule))],
    }
  } finally {
    await calm.close()
    await hooked.close()
  }
}

afterAll(async () => {
  await calm?.catch(() => undefined)
  await drill?.close()
  await receivers?.close()
})

const order = (...names: readonly string[]) => ({
  identifiers: names.map((value) => ({ type: 'dns', value })),
})

function asks(client: TestAcmeClient, ...names: readonly string[]) {
  return client.post(client.directory!.newOrder, order(...names))
}

async function fails(work: Promise<unknown>): Promise<void> {
  await work.then(
    () => expect.fail('it should have failed'),
    () => undefined,
  )
}

async function run(client: AcmeClient, around: Surroundings, name: string, good: boolean): Promise<void> {
  const { code, output } = await client.issue(around, { name, method: 'http-01' })
  if ((code === 0) !== good) expect.fail(`${client.name} ended with ${code}:\n${output}`)
}

async function listed(filter: Readonly<Record<string, unknown>>) {
  return (await drill.operations.alerts.alerts(alertFilter.parse(filter))).items
}

/** Everything that happened before has been evaluated: names that are new are told of in their turn. */
async function evaluated(): Promise<void> {
  sentinels += 1
  const name = `sentinel${sentinels}.example.net`
  await asks(watcher, name)
  await until(
    async () => ((await listed({ rule: 'new-names', name }))[0] ? true : undefined),
    () => `the alert of ${name}`,
  )
}

/** How many alerts of the rule there are, or were, about the name or of the CA. */
async function alertsOf(rule: RuleName, about: { readonly name?: string; readonly ca?: string }) {
  await evaluated()
  return listed({ rule, ...about })
}

const line = (text: string, label: string) =>
  new RegExp(`^${label}: (.+)$`, 'm').exec(text)?.[1] ?? `no line ${label} in ${text}`

const plain = (text: string) =>
  text
    .replace(/<[^>]*>/g, '')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&#34;', '"')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
    .replaceAll('\\', '')
    .replaceAll('\u200b', '')

/** The message says why, what to do, where the record is and how to silence it, wherever it is read. */
async function readEverywhere({ told, alert }: Found): Promise<RecordedExchange> {
  const { text, notification } = told
  expect(notification.count).toBe(1)
  const link = `${DRILL_URL}/api/v1/exchanges/${alert.evidence.exchange}`
  expect(line(text, 'Record')).toBe(link)
  expect(alert.cause.length).toBeGreaterThan(20)
  expect(line(text, 'Why')).toContain(alert.cause)
  expect(line(text, 'Do').length).toBeGreaterThan(20)
  expect(line(text, 'Silence')).toMatch(new RegExp(`^acmetap alerts silence --rule ${alert.rule} --key `))
  const says = [alert.cause, ...['Do', 'Record', 'Silence'].map((label) => line(text, label))]

  const mail = await receivers.mail(alert.rule, 'firing', link)
  expect(mail.headers.subject?.[0]).toBe(told.title)
  expect(mail.parts.map(({ type }) => type)).toEqual(['text/plain', 'text/html'])
  for (const part of mail.parts)
    for (const said of says) expect(plain(part.text).replace(/\s+/g, ' ')).toContain(plain(said))

  const held = await receivers.held(alert.id)
  expect(held.labels).toMatchObject({ alertname: alert.rule, severity: alert.severity, job: 'acmetap' })
  expect(held.annotations).toMatchObject({ summary: alert.title, record: link })
  expect(held.generatorURL).toBe(link)
  for (const said of says) expect(held.annotations.message).toContain(said)

  for (const kind of RECORDED) {
    const body = plain(await receivers.sent(kind, line(text, 'Silence')))
    for (const said of says) expect(body, kind).toContain(plain(said))
  }
  return drill.exchange(alert.evidence.exchange)
}

/** It is over, and everybody who was told that it began is told so. */
async function readTheEnd({ alert }: Found, seconds?: number): Promise<string> {
  const { rule, id } = alert
  const { told, alert: ended } = await receivers.find(
    { rule, kind: 'resolved', is: (one) => one.id === id },
    seconds,
  )
  expect(ended.state).toBe('resolved')
  expect(told.title).toMatch(/^Over: /)
  const why = line(told.text, 'Over')
  expect(why).toContain(ended.resolution)
  const mail = await receivers.mail(rule, 'resolved', told.title)
  for (const { text } of mail.parts) expect(plain(text)).toContain(plain(why))
  await receivers.endedAtAlertmanager(id)
  for (const kind of RECORDED) {
    // These two have one incident for each alert and end it by its id.
    if (kind === 'pagerduty' || kind === 'opsgenie') await receivers.ended(kind, id)
    else await receivers.sent(kind, `${ended.resolution}`)
  }
  return `${ended.resolution}`
}

describe.skipIf(reason !== null)(`what happens is told${reason === null ? '' : ` (${reason})`}`, () => {
  test('account-churn: from the seventh account within the period; accounts that were there count nothing', async () => {
    // The watcher's is the first.
    for (let made = 2; made <= 6; made += 1) await drill.client('test')
    await watcher.newAccount()
    expect(await alertsOf('account-churn', { ca: 'test' })).toEqual([])
    await drill.client('test')
    const churn = await receivers.find({ rule: 'account-churn', ca: 'test' })
    const { intent, outcome } = await readEverywhere(churn)
    expect([intent.operation, outcome?.status]).toEqual(['newAccount', 201])
    expect(churn.alert.title).toContain('7 accounts')
  })

  test('a CA refuses a name: issuance-failed and new-account; new-ca and new-names only of orders it took', async () => {
    const name = 'www.blocked-domain.example'
    const around = await drill.around('blocked', 'pebble')
    await run(certbot, around, name, false)

    const failed = await receivers.find({ rule: 'issuance-failed', name })
    const { intent, outcome } = await readEverywhere(failed)
    expect(intent.operation).toBe('newOrder')
    expect(outcome?.problem?.type).toBe('urn:ietf:params:acme:error:rejectedIdentifier')
    expect(line(failed.told.text, 'Said')).toContain('forbidden by policy')

    const made = await receivers.find({ rule: 'new-account', ca: 'pebble' })
    const exchange = await readEverywhere(made)
    expect(exchange.intent.operation).toBe('newAccount')
    expect(exchange.outcome?.status).toBe(201)

    expect(await alertsOf('new-ca', { ca: 'pebble' })).toEqual([])
    expect(await alertsOf('new-names', { name })).toEqual([])
  })

  test('the first order at a CA, new names; the same again is no news; the third in a row is a loop', async () => {
    const name = 'shop.example.test'
    const around = await drill.around('loop', 'pebble')
    const wish = { name, method: 'http-01' } as const
    await run(lego, around, name, true)
    const accounts = (await alertsOf('new-account', { ca: 'pebble' })).length
    expect((await lego.renew(around, wish)).code).toBe(0)
    expect(await alertsOf('client-looping', { name })).toEqual([])
    expect((await lego.renew(around, wish)).code).toBe(0)

    for (const wanted of [
      { rule: 'new-ca', ca: 'pebble' },
      { rule: 'new-names', name },
    ] as const) {
      const { intent, outcome } = await readEverywhere(await receivers.find(wanted))
      expect([intent.operation, intent.ca, outcome?.status]).toEqual(['newOrder', 'pebble', 201])
      expect(intent.identifiers).toEqual([{ type: 'dns', value: name }])
    }
    const looping = await receivers.find({ rule: 'client-looping', name })
    const { intent } = await readEverywhere(looping)
    expect(intent.operation).toBe('certificate')
    expect(looping.alert.cause).toContain('3 certificates for exactly these names')

    expect(await alertsOf('new-ca', { ca: 'pebble' })).toHaveLength(1)
    expect(await alertsOf('new-names', { name })).toHaveLength(1)
    expect(await alertsOf('new-account', { ca: 'pebble' })).toHaveLength(accounts)
  })

  test('issuance-failed: a CSR the CA does not take, and its end; a nonce too old or a broken connection is none', async () => {
    const name = 'csr.example.com'
    const around = await drill.around('csr', 'test')
    const detail = 'Error finalizing order :: CSR contains a key that is known to be compromised'
    const scripted = drill.ca.script(
      { operation: 'finalize' },
      { kind: 'problem', type: 'badCSR', status: 400, detail },
    )
    await run(lego, around, name, false)
    scripted.remove()
    const failed = await receivers.find({ rule: 'issuance-failed', name })
    const { intent, outcome } = await readEverywhere(failed)
    expect([intent.operation, outcome?.problem?.detail]).toEqual(['finalize', detail])

    const stale = 'stale.example.com'
    const nonce = await watcher.nonce()
    await watcher.post(watcher.directory!.newOrder, order(stale), { nonce })
    await fails(watcher.post(watcher.directory!.newOrder, order(stale), { nonce }))
    const cut = 'cut-off.example.com'
    const resetting = drill.ca.script({ operation: 'newOrder' }, { kind: 'reset', when: 'before-reading' })
    await fails(asks(watcher, cut))
    resetting.remove()
    for (const near of [stale, cut]) expect(await alertsOf('issuance-failed', { name: near })).toEqual([])

    await run(lego, around, name, true)
    expect(await readTheEnd(failed)).toContain('issued')
  })

  test('limit-hit: orders per account, and the end with the next order', async () => {
    const name = 'limited.example.com'
    const around = await drill.around('limited', 'test')
    const scripted = drill.ca.script(
      { operation: 'newOrder' },
      {
        kind: 'problem',
        type: 'rateLimited',
        status: 429,
        detail:
          'too many new orders (300) from this account in the last 3h0m0s, retry after 2030-01-02 03:04:05 UTC: see https://letsencrypt.org/docs/rate-limits/#new-orders-per-account',
        retryAfter: 36,
      },
    )
    await run(certbot, around, name, false)
    scripted.remove()
    const limited = await receivers.find({ rule: 'limit-hit', is: isOfLimit('NewOrdersPerAccount') })
    const { outcome } = await readEverywhere(limited)
    expect(outcome?.status).toBe(429)
    expect(limited.told.title).toContain('2030-01-02 03:04 UTC')
    expect(await alertsOf('issuance-failed', { name })).toEqual([])

    await run(certbot, around, name, true)
    expect(await readTheEnd(limited)).toContain('order')
  })

  test.each([
    [
      'CertificatesPerFQDNSet',
      429,
      'too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s, retry after 2030-01-02 03:04:05 UTC',
    ],
    [
      'CertificatesPerDomain',
      429,
      'too many certificates (50) already issued for "example.com" in the last 168h0m0s, retry after 2030-01-02 03:04:05 UTC',
    ],
    [
      'FailedAuthorizationsPerDomainPerAccount',
      429,
      'too many failed authorizations (5) for "set.example.com" in the last 1h0m0s, retry after 2030-01-02 03:04:05 UTC',
    ],
    ['busy', 503, 'Service busy; retry later.'],
  ] as const)('limit-hit: %s (%i)', async (limit, status, detail) => {
    const name = `${limit.toLowerCase()}.example.com`
    const scripted = drill.ca.script(
      { operation: 'newOrder' },
      { kind: 'problem', type: 'rateLimited', status, detail, retryAfter: 60 },
    )
    await fails(asks(watcher, name))
    scripted.remove()
    const limited = await receivers.find({ rule: 'limit-hit', is: isOfLimit(limit) })
    expect((await drill.exchange(limited.alert.evidence.exchange)).outcome?.status).toBe(status)
    await asks(watcher, name)
    // That a busy CA took one request says little.
    if (limit === 'busy') expect((await alertsOf('limit-hit', {}))[0]?.state).toBe('firing')
    else await receivers.find({ rule: 'limit-hit', kind: 'resolved', is: isOfLimit(limit) })
  })

  test('limit-hit: new accounts of one address, and the end with the next account', async () => {
    const scripted = drill.ca.script(
      { operation: 'newAccount' },
      {
        kind: 'problem',
        type: 'rateLimited',
        status: 429,
        detail:
          'too many new registrations (10) from this IP address in the last 3h0m0s, retry after 2030-01-02 03:04:05 UTC',
      },
    )
    await fails(drill.client('test'))
    scripted.remove()
    const limited = await receivers.find({ rule: 'limit-hit', is: isOfLimit('NewRegistrationsPerIPAddress') })
    expect((await drill.exchange(limited.alert.evidence.exchange)).intent.operation).toBe('newAccount')
    await drill.client('test')
    await receivers.find({
      rule: 'limit-hit',
      kind: 'resolved',
      is: isOfLimit('NewRegistrationsPerIPAddress'),
    })
  })

  test('limit-hit: not where a CA merely says when to come again, or is out of order', async () => {
    const before = (await alertsOf('limit-hit', {})).length
    for (const behaviour of [
      { kind: 'retry-after', value: 30 },
      { kind: 'problem', type: 'serverInternal', status: 503, detail: 'out of order' },
    ] as const) {
      const scripted = drill.ca.script({ operation: 'newOrder' }, behaviour)
      await asks(watcher, 'later.example.com').catch(() => undefined)
      scripted.remove()
    }
    expect(await alertsOf('limit-hit', {})).toHaveLength(before)
  })

  test('account-paused: with no link that acts for the account; its end; another 429 is no pause', async () => {
    const name = 'paused.example.com'
    const around = await drill.around('paused', 'test')
    const scripted = drill.ca.script(
      { operation: 'newOrder' },
      {
        kind: 'problem',
        type: 'rateLimited',
        status: 429,
        detail: `Your account is temporarily prevented from requesting certificates for ${name} and possibly others. Please visit: ${UNPAUSE}`,
      },
    )
    await run(lego, around, name, false)
    scripted.remove()
    const paused = await receivers.find({ rule: 'account-paused', name })
    const { outcome } = await readEverywhere(paused)
    expect(outcome?.status).toBe(429)
    expect(paused.alert.severity).toBe('critical')
    expect(await alertsOf('account-paused', {})).toHaveLength(1)
    expect((await alertsOf('limit-hit', { name })).length).toBe(0)

    await run(lego, around, name, true)
    expect(await readTheEnd(paused)).toContain('again')
  })

  test('refused: a request that is signed for another URL, and its end; an odd one that is clear passes', async () => {
    const name = 'refused.example.com'
    const client = await drill.client('test')
    const url = client.directory!.newOrder
    const odd = { nonce: await client.nonce(), typ: 'jose+json' }
    await client.post(url, order('odd.example.com'), odd)
    expect(await alertsOf('refused', {})).toEqual([])

    const body = client.sign(`${url}?a=b`, order(name), { nonce: await client.nonce() })
    const answer = await client.transport.send('POST', url, body)
    expect(answer.status).toBe(400)
    const refused = await receivers.find({ rule: 'refused', name })
    const { intent, outcome } = await readEverywhere(refused)
    expect(outcome?.outcome).toBe('refused')
    expect(intent.decision.rule).toBe('ambiguous-request')

    await asks(client, name)
    expect(await readTheEnd(refused)).toContain('passed')
  })

  test('a silence as the message has it: the same again is recorded, and nobody is told', async () => {
    const name = 'silenced.example.com'
    const validation = () =>
      drill.ca.validate(() => new Refusal('dns', `DNS problem: NXDOMAIN looking up A for ${name}`))
    validation()
    await fails(watcher.issue([name]))
    const { told } = await receivers.find({ rule: 'validation-failed', name })
    const command = line(told.text, 'Silence')
    const main = path.resolve(import.meta.dirname, '..', '..', 'src', 'main.ts')
    const script = `acmetap() { "${process.execPath}" "${main}" "$@" --config "${path.join(drill.folder, 'acmetap.yaml')}"; }\n${command}`
    const { code, output } = await runProgram('sh', ['-c', script], {
      environment: { PATH: process.env.PATH, HOME: drill.folder, ...compileCache() },
      folder: drill.folder,
    })
    expect(output).toContain('holds until')
    expect(code).toBe(0)
    drill.ca.validate(() => null)
    await watcher.issue([name])
    await until(
      async () =>
        (await listed({ rule: 'validation-failed', name, state: 'firing' })).length === 0 ? true : undefined,
      () => 'the end of the first',
    )
    validation()
    await fails(watcher.issue([name]))
    drill.ca.validate(() => null)
    const [again] = await alertsOf('validation-failed', { name })
    expect(again).toMatchObject({ state: 'firing', told: 0 })
    expect(again?.silenced).toMatch(/^[0-9a-f]+$/)
    expect(receivers.all({ rule: 'validation-failed', name })).toHaveLength(1)
  })

  test('validation-failed: a web server without the answer, and its end', async () => {
    const name = 'lost.example.test'
    const around = await drill.around('lost', 'pebble', drill.unserved)
    await run(certbot, around, name, false)
    const failed = await receivers.find({ rule: 'validation-failed', name })
    const { outcome } = await readEverywhere(failed)
    expect(outcome?.objectStatus).toBe('invalid')
    expect(outcome?.objectError?.detail).toContain('404')
    expect(failed.alert.subject.details).toMatchObject({ class: 'http-not-found', challenge: 'http-01' })
    expect(line(failed.told.text, 'Do')).not.toContain('NAME')

    await run(certbot, { ...around, webroot: drill.webroot }, name, true)
    expect(await readTheEnd(failed)).toMatch(/validated|issued/)
  })

  test('validation-failed: of each client by its name and cause', async () => {
    const refusing = 'refusing.example.test'
    await manage(drill.pebble?.dnsManagement ?? '', 'add-a', {
      host: `${refusing}.`,
      addresses: ['127.0.0.99'],
    })
    const runs: (readonly [AcmeClient, string])[] = [
      [lego, refusing],
      [dehydrated, 'dehydrated.example.test'],
    ]
    if ((await uacme.missing()) === null) runs.push([uacme, 'uacme.example.test'])
    await Promise.all(
      runs.map(async ([client, name]) =>
        run(client, await drill.around(`failing-${client.name}`, 'pebble', drill.unserved), name, false),
      ),
    )
    for (const [client, name] of runs) {
      const { alert } = await receivers.find({ rule: 'validation-failed', name })
      expect(alert.subject.details.class).toBe(name === refusing ? 'connection-refused' : 'http-not-found')
      expect(alert.subject.clientText).toMatch(
        client.name === 'lego' ? /lego|xenolf/ : new RegExp(client.name),
      )
    }
  })

  test('validation-failed: a client that never reads the authorization is told of from its order', async () => {
    const name = 'unread.example.test'
    const client = await drill.client('pebble')
    const ordered = await asks(client, name)
    const { authorizations } = readJson<OrderDocument>(ordered)
    const { challenges } = readJson<AuthorizationDocument>(await client.post(authorizations[0] ?? ''))
    await client.post(challenges.find(({ type }) => type === 'http-01')?.url ?? '', {})
    const url = ordered.fields.location ?? ''
    await until(
      async () => (readJson<OrderDocument>(await client.post(url)).status === 'invalid' ? true : undefined),
      () => 'an invalid order',
    )
    const found = await receivers.find({ rule: 'validation-failed', name })
    const { intent, outcome } = await readEverywhere(found)
    expect([intent.operation, outcome?.objectStatus]).toEqual(['order', 'invalid'])
    expect(line(found.told.text, 'Why')).toMatch(/never read the authorization.*state of the order/)
    expect(found.alert.subject.details.shownBy).toBe('order')
  })

  test('validation-failed: not of an authorization that the client gave up (RFC 8555 §7.5.2)', async () => {
    const name = 'given-up.example.test'
    const client = await drill.client('pebble')
    const { authorizations } = readJson<OrderDocument>(await asks(client, name))
    await client.post(authorizations[0] ?? '', { status: 'deactivated' })
    expect(await alertsOf('validation-failed', { name })).toEqual([])
    expect(await alertsOf('issuance-failed', { name })).toEqual([])
  })

  test('in the first days of a record nothing new is told, and failures are, in seconds', async () => {
    const { times, told, listed } = await calm
    console.log(
      `${times.length} failures: from the CA's answer to the webhook p50 ${Math.round(quantile(times, 0.5))} ms, p99 ${Math.round(quantile(times, 0.99))} ms`,
    )
    expect(times).toHaveLength(CALM)
    for (const time of times) expect(time).toBeGreaterThan(0)
    expect(listed).toEqual(['validation-failed'])
    for (const [rule, kind] of told) expect([rule, kind]).toEqual(['validation-failed', 'firing'])
  })

  test('account-churn is over when no account was made for its period', async () => {
    await readTheEnd(await receivers.find({ rule: 'account-churn', ca: 'test' }), PERIOD + 20)
  })

  test('client-looping is over when its period has passed', async () => {
    const looping = await receivers.find({ rule: 'client-looping', name: 'shop.example.test' })
    await readTheEnd(looping, PERIOD + 20)
  })

  test('notices end without a word', async () => {
    for (const rule of ['new-account', 'new-ca', 'new-names'] as const) {
      expect(receivers.all({ rule }).length).toBeGreaterThan(0)
      expect(receivers.all({ rule, kind: 'resolved' })).toEqual([])
    }
  })

  test('the link that unpauses the account is in no message, table or log', async () => {
    const canaries = [UNPAUSE, 'canary-eyJ', 'pause.1c3f']
    const everything: (readonly [string, string])[] = [
      ['what acmetap wrote', drill.acmetap.process.output()],
      ['webhook', JSON.stringify(receivers.hook.received)],
      ['services', JSON.stringify(receivers.services.received)],
      ['Alertmanager', JSON.stringify(receivers.fromManager.received)],
      ['mail', JSON.stringify(await receivers.smtp?.mails())],
    ]
    // Bodies are compressed in the table.
    const [paused] = receivers.all({ rule: 'account-paused' })
    const { intent, outcome } = await drill.exchange(paused?.alert.evidence.exchange ?? null)
    const body = await drill.operations.body(intent.exchange, outcome?.body?.stored ?? '')
    expect(body?.toString()).toContain('Please visit')
    everything.push(['body', `${body}`], ['record', JSON.stringify({ intent, outcome })])
    for (const file of await readdir(drill.acmetap.dataFolder, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue
      const name = path.join(file.parentPath, file.name)
      everything.push([name, await readFile(name, 'latin1')])
    }
    expect(everything.filter(([name]) => name.endsWith('.sqlite')).length).toBeGreaterThanOrEqual(3)
    expect(everything.some(([, text]) => text.includes('paused.example.com'))).toBe(true)
    for (const [where, text] of everything)
      for (const canary of canaries) expect(text.includes(canary), `${canary} in ${where}`).toBe(false)
  })
})

function isOfLimit(limit: string) {
  return ({ subject }: Found['alert']) => subject.details.limit === limit
}
