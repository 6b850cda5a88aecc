import { connect as connectHttp2 } from 'node:http2'
import { gzipSync } from 'node:zlib'
import { afterEach, expect, test } from 'vitest'
import { openOffline, start } from '../../src/app.ts'
import { loadConfig } from '../../src/config/load.ts'
import { startRawCa } from '../support/raw-ca.ts'
import { runMain } from '../support/run-main.ts'
import { makeAccountKey, signJws } from '../support/sign-jws.ts'
import { startTestCa } from '../support/test-ca/test-ca.ts'
import { compose, Opened, until } from './composed.ts'

const opened = new Opened()
afterEach(() => opened.close())

test('two CAs by Host; an unknown Host gets 421, recorded', async () => {
  const first = opened.add(await startTestCa())
  const second = opened.add(await startTestCa())
  const world = opened.add(
    await compose({
      first: { directory: first.directory, trust: first.trust },
      second: { directory: second.directory, trust: second.trust, hosts: ['127.0.0.1'] },
    }),
  )
  await world.settled()
  for (const host of ['localhost', '127.0.0.1']) {
    const client = await world.client()
    await client.discover(`https://${host}:${world.port}${new URL(first.directory).pathname}`)
    await client.newAccount()
    await client.issue([`${host === 'localhost' ? 'one' : 'two'}.example`])
  }
  const hostsSeen = (ca: typeof first) =>
    new Set(ca.log.requests.map(({ host }) => host).filter((host) => host !== ca.authority))
  expect(hostsSeen(first)).toEqual(new Set([`localhost:${world.port}`]))
  expect(hostsSeen(second)).toEqual(new Set([`127.0.0.1:${world.port}`]))
  expect((await world.exchanges({ ca: 'second', name: 'two.example' })).length).toBeGreaterThan(4)
  expect(await world.exchanges({ ca: 'second', name: 'one.example' })).toEqual([])

  const before = first.log.requests.length + second.log.requests.length
  const transport = await world.transport()
  const answer = await transport.send('GET', `https://localhost:${world.port}/dir`, undefined, {
    Host: `LOCALHOST:${world.port}`,
  })
  expect(answer.status).toBe(421)
  const recorded = await world.running.operations.exchange(answer.exchange ?? '')
  expect(recorded?.intent).toMatchObject({ ca: null, decision: { effect: 'deny', rule: 'unknown-host' } })
  expect(recorded?.outcome).toMatchObject({ outcome: 'refused', status: 421 })
  expect(first.log.requests.length + second.log.requests.length).toBe(before)
})

test('a CA with several directories under one Host: each is a directory, and teaches its own resources', async () => {
  const ca = opened.add(await startRawCa())
  const { origin, trust } = ca.ca()
  const world = opened.add(
    await compose({
      steps: {
        directory: [`${origin}/acme/one/directory`, `${origin}/acme/two/directory`],
        trust: trust ?? '',
      },
    }),
  )
  ca.answerWith(({ head, socket }) => {
    const [, target = ''] = head.split(' ')
    const host = /^host: (.*)$/im.exec(head)?.[1]
    const base = `https://${host}${target.replace(/directory$/, '')}`
    const body = target.endsWith('/directory')
      ? JSON.stringify({
          newNonce: `${base}new-nonce`,
          newAccount: `${base}new-account`,
          newOrder: `${base}new-order`,
          revokeCert: `${base}revoke`,
          keyChange: `${base}key-change`,
        })
      : '{}'
    socket.write(`HTTP/1.1 200 OK\r\nReplay-Nonce: n1\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  })
  await world.running.operations.probe()
  expect((await world.running.operations.cas())[0]).toMatchObject({
    directories: [{ state: 'ok' }, { state: 'ok' }],
    relays: [{ state: 'ok' }, { state: 'ok' }],
  })
  const transport = await world.transport()
  for (const name of ['one', 'two']) {
    const at = `https://localhost:${world.port}/acme/${name}`
    await transport.send('GET', `${at}/directory`)
    await transport.send('HEAD', `${at}/new-nonce`)
  }
  expect((await world.exchanges()).map(({ intent }) => intent.operation)).toEqual([
    'directory',
    'newNonce',
    'directory',
    'newNonce',
  ])
})

test('relay is refused to a CA that answers with its own host, with advice, until the CA has changed', async () => {
  const ca = opened.add(await startRawCa())
  const { origin, trust } = ca.ca()
  let host: string | null = new URL(origin).host
  ca.answerWith(({ head, socket }) => {
    const base = `https://${host ?? /^host: (.*)$/im.exec(head)?.[1]}`
    const body = JSON.stringify({ newNonce: `${base}/n`, newAccount: `${base}/a`, newOrder: `${base}/o` })
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  })
  const world = opened.add(await compose({ own: { directory: `${origin}/dir`, trust: trust ?? '' } }))
  await world.settled()
  const sent = ca.requests.length
  const transport = await world.transport()
  const refused = await transport.send('GET', `https://localhost:${world.port}/dir`)
  expect(refused.status).toBe(503)
  expect(Number(refused.fields['retry-after'])).toBeGreaterThan(0)
  const { detail } = JSON.parse(refused.body.toString()) as { detail: string }
  expect(detail).toContain('Let clients call this CA directly')
  const recorded = await world.running.operations.exchange(refused.exchange ?? '')
  expect(recorded?.intent.decision.rule).toBe('relay-refused')
  expect(ca.requests.length).toBe(sent)
  const [status] = await world.running.operations.cas()
  expect(status?.directories[0]?.state).toBe('ok')
  expect(status?.relays[0]).toMatchObject({ host: `localhost:${world.port}`, state: 'refused' })
  expect(status?.relays[0]?.advice).toContain('Let clients call this CA directly')
  expect(world.log.filter(({ event }) => event === 'relay.refused')).toHaveLength(1)

  host = null
  const [after] = await world.running.operations.probe('own')
  expect(after?.relays[0]).toMatchObject({ state: 'ok', advice: null })
  expect((await transport.send('GET', `https://localhost:${world.port}/dir`)).status).toBe(200)
})

test('exactly the answer of the CA: status, nonce on errors, every Link, Retry-After as a date, bytes', async () => {
  const ca = opened.add(await startTestCa())
  const world = opened.add(await compose({ ca: { directory: ca.directory, trust: ca.trust } }))
  const client = await world.client()
  await client.discover(`https://localhost:${world.port}${new URL(ca.directory).pathname}`)
  await client.newAccount()

  const rejected = client.post(client.directory?.newOrder ?? '', { identifiers: [] })
  await expect(rejected).rejects.toMatchObject({ answer: { status: 400 } })
  expect(client.answers.at(-1)?.fields['replay-nonce']).toMatch(/./)

  const squeezed = gzipSync('{"type":"urn:ietf:params:acme:error:rateLimited","detail":"slow down"}')
  ca.script(
    { path: '/odd' },
    {
      kind: 'answer',
      status: 429,
      fields: [
        ['Content-Type', 'application/problem+json'],
        ['Content-Encoding', 'gzip'],
        ['Retry-After', 'Wed, 21 Oct 2099 07:28:00 GMT'],
        ['Link', '<https://a.example/1>;rel="help"'],
        ['Link', '<https://a.example/2>;rel="up", <https://a.example/3>;rel="index"'],
        ['Replay-Nonce', 'odd-nonce'],
      ],
      body: squeezed,
    },
  )
  const odd = await client.transport.send('GET', `https://localhost:${world.port}/odd`, undefined, {
    'Accept-Encoding': 'gzip',
  })
  expect(odd.status).toBe(429)
  expect(odd.body).toEqual(squeezed)
  expect(odd.fields).toMatchObject({
    'content-encoding': 'gzip',
    'retry-after': 'Wed, 21 Oct 2099 07:28:00 GMT',
    'replay-nonce': 'odd-nonce',
    link: '<https://a.example/1>;rel="help", <https://a.example/2>;rel="up", <https://a.example/3>;rel="index"',
  })
  const recorded = await world.running.operations.exchange(odd.exchange ?? '')
  expect(recorded?.outcome).toMatchObject({
    status: 429,
    problem: { type: 'urn:ietf:params:acme:error:rateLimited', detail: 'slow down' },
    body: { bytes: squeezed.length },
  })
  expect(recorded?.outcome?.retryAfter).toBeGreaterThan(1_000_000)
})

test('an answer over 1 MiB is 502, a request over 50,000 bytes 413; both recorded', async () => {
  const ca = opened.add(await startTestCa())
  const world = opened.add(await compose({ ca: { directory: ca.directory, trust: ca.trust } }))
  const transport = await world.transport()
  ca.script({ path: '/huge' }, { kind: 'huge-body', bytes: 1024 * 1024 + 1 })
  const huge = await transport.send('GET', `https://localhost:${world.port}/huge`)
  expect(huge.status).toBe(502)
  expect(huge.fields['replay-nonce']).toBeUndefined()
  const { operations } = world.running
  expect((await operations.exchange(huge.exchange ?? ''))?.outcome).toMatchObject({
    outcome: 'failed',
    failure: { cause: 'responseTooLarge' },
  })
  const received = ca.log.requests.length
  const large = await transport.send('POST', `https://localhost:${world.port}/x`, Buffer.alloc(50_001, 32))
  expect(large.status).toBe(413)
  expect(await operations.exchange(large.exchange ?? '')).toMatchObject({
    intent: { decision: { rule: 'body-too-large' } },
    outcome: { outcome: 'refused', status: 413 },
  })
  expect(ca.log.requests.length).toBe(received)
})

test('HEAD and GET newNonce, chunked answers, and HTTP/2 clients', async () => {
  const ca = opened.add(await startTestCa())
  const world = opened.add(await compose({ ca: { directory: ca.directory, trust: ca.trust } }))
  await world.settled()
  const client = await world.client()
  const directory = await client.discover(`https://localhost:${world.port}${new URL(ca.directory).pathname}`)
  const head = await client.transport.send('HEAD', directory.newNonce)
  const get = await client.transport.send('GET', directory.newNonce)
  expect([head.status, get.status]).toEqual([200, 204])
  expect(head.fields['replay-nonce']).not.toBe(get.fields['replay-nonce'])

  // Sent a few bytes at a time, without a length.
  ca.script({ operation: 'directory', times: 1 }, { kind: 'drip', bytes: 50, ms: 1 })
  const direct = await client.transport.send('GET', client.answers[0]?.url ?? '')
  expect(direct.body).toEqual(client.answers[0]?.body)

  const session = connectHttp2(`https://localhost:${world.port}`, { ca: await world.root() })
  try {
    const key = makeAccountKey()
    const url = directory.newAccount
    const body = signJws(
      key,
      { jwk: key.jwk, url, nonce: get.fields['replay-nonce'] },
      {
        termsOfServiceAgreed: true,
      },
    )
    const stream = session.request({
      ':method': 'POST',
      ':path': new URL(url).pathname,
      'content-type': 'application/jose+json',
    })
    stream.end(body)
    const fields = await new Promise<Record<string, unknown>>((resolve, reject) => {
      stream.on('response', resolve).on('error', reject)
    })
    stream.resume()
    expect(fields[':status']).toBe(201)
    const recorded = await world.running.operations.exchange(String(fields['acmetap-exchange']))
    expect(recorded?.intent).toMatchObject({
      operation: 'newAccount',
      client: { httpVersion: '2', tlsVersion: 'TLSv1.3' },
      jws: { verdict: 'verified' },
    })
  } finally {
    session.destroy()
  }
})

test('a second start on the same folder is refused; the record can be read while it runs and after', async () => {
  const ca = opened.add(await startTestCa())
  const world = opened.add(await compose({ ca: { directory: ca.directory, trust: ca.trust } }))
  await world.settled()
  const transport = await world.transport()
  await transport.send('GET', `https://localhost:${world.port}${new URL(ca.directory).pathname}`)
  await expect(start(loadConfig(world.file), { log: () => undefined })).rejects.toMatchObject({
    name: 'StoreRefusal',
  })
  // The one that runs has lost nothing by it.
  expect((await world.admin('/readyz')).status).toBe(200)
  expect((await world.running.operations.status()).inFlight).toBe(0)

  const { config } = loadConfig(world.file)
  const count = async () => {
    const offline = await openOffline(config)
    try {
      return (await offline.exchanges({}, 1000)).length
    } finally {
      await offline.close()
    }
  }
  const whileRunning = await count()
  expect(whileRunning).toBe(
    (await world.exchanges()).length + (await world.exchanges({ mode: 'engine' })).length,
  )
  await world.running.close()
  expect(await count()).toBe(whileRunning)
  const listed = await runMain(['exchanges', '--json', '--config', world.file], world.folder)
  expect(listed).toMatchObject({ code: 0 })
  expect(listed.out.trim().split('\n').length).toBeGreaterThanOrEqual(1)
})

test('after a restart a client with a cached directory and account is understood at its first request', async () => {
  const ca = opened.add(await startTestCa())
  const world = opened.add(await compose({ ca: { directory: ca.directory, trust: ca.trust } }))
  const client = await world.client()
  await client.discover(`https://localhost:${world.port}${new URL(ca.directory).pathname}`)
  await client.newAccount()
  const { order } = await client.issue(['before.example'])
  // Its directory can't be had again before the client comes.
  ca.script({ operation: 'directory' }, { kind: 'hang' })
  await world.restart()
  const answer = await client.post(order)
  const recorded = await world.running.operations.exchange(answer.exchange ?? '')
  expect(recorded?.intent).toMatchObject({
    operation: 'order',
    order,
    account: client.account,
    identifiers: [{ type: 'dns', value: 'before.example' }],
    jws: { verdict: 'verified' },
  })
  const next = await client.post(client.directory?.newOrder ?? '', {
    identifiers: [{ type: 'dns', value: 'after.example' }],
  })
  expect((await world.running.operations.exchange(next.exchange ?? ''))?.intent.operation).toBe('newOrder')
  ca.clearScript()
  ca.dropConnections()
  await until(async () => (await world.running.operations.status()).inFlight === 0)
})
