import { readdir } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import Database from 'better-sqlite3'
import { afterEach, expect, test } from 'vitest'
import { createLog } from '../../src/observability/log.ts'
import { StoreFaults } from '../../src/store/sqlite/faults.ts'
import { tls, untilClosed } from '../proxy/tls-client.ts'
import { signJws } from '../support/sign-jws.ts'
import { startTestCa } from '../support/test-ca/test-ca.ts'
import { compose, everyByte, Opened, until } from './composed.ts'

const opened = new Opened()
afterEach(() => opened.close())

const SECRETS = {
  unpause: 'eyJhbGciOiJIUzI1NiJ9.eyJjYW5hcnkiOiJ1bnBhdXNlIn0.canaryUnpauseSignature',
  opaqueUnpause: 'canaryOpaqueUnpauseToken',
  basic: 'Y2FuYXJ5QmFzaWM6cGFzc3dvcmQ',
  proxyBasic: 'Y2FuYXJ5UHJveHk6cGFzc3dvcmQ',
  bearer: 'canaryBearerToken0123456789',
  password: 'canaryUrlPassword',
  cookie: 'canarySessionCookie',
}
const CONTACT = 'canary-contact@example.com'

function ask(socketPath: string, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ socketPath, path }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      response.on('end', () => resolve(text)).on('error', reject)
    })
    request.on('error', reject).end()
  })
}

test('K3: no secret is in any file, log line, metric or listing; contacts are in the personal table alone', async () => {
  const lines: string[] = []
  const faults = new StoreFaults()
  const ca = opened.add(await startTestCa())
  const world = opened.add(
    await compose(
      { ca: { directory: ca.directory, trust: ca.trust } },
      {
        overrides: {
          storeFaults: faults,
          log: createLog('debug', 'test', 'json', { write: (line: string) => lines.push(line) }),
        },
      },
    ),
  )
  await world.settled()
  const client = await world.client()
  const directory = await client.discover(`https://localhost:${world.port}${new URL(ca.directory).pathname}`)
  const contact = [`mailto:${CONTACT}`]
  const refusal = (detail: string) => ({
    type: 'urn:ietf:params:acme:error:invalidContact',
    detail,
    subproblems: [{ type: 'urn:ietf:params:acme:error:invalidContact', detail }],
  })

  // The contact comes back in a problem, then in the account; the second outcome by way of the spill file.
  ca.script(
    { operation: 'newAccount', times: 1 },
    { kind: 'answer', status: 400, body: JSON.stringify(refusal(`"${CONTACT}" is no contact`)) },
  )
  const terms = { termsOfServiceAgreed: true, contact }
  await expect(client.newAccount(terms)).rejects.toThrow()
  ca.script({ operation: 'newAccount', times: 1 }, { kind: 'slow', ms: 300 })
  const seen = ca.log.requests.length
  const registered = client.newAccount(terms)
  await until(() => ca.log.requests.slice(seen).some(({ operation }) => operation === 'newAccount'))
  faults.failCommits('full')
  await registered
  faults.failCommits('none')
  await until(async () => (await world.admin('/metrics')).body.includes('acmetap_record_spill_bytes 0'))
  await client.post(client.account ?? '')

  // An unpause link: in the detail, a Link, and once more in a coding of its own.
  const link = (token: string) => `https://portal.example/sfe/v1/unpause?jwt=${token}`
  const paused = `paused; see ${link(SECRETS.unpause)} or ${link(SECRETS.opaqueUnpause)}`
  const body = JSON.stringify({ ...refusal(paused), type: 'urn:ietf:params:acme:error:rateLimited' })
  for (const coding of ['identity', 'gzip']) {
    ca.script(
      { operation: 'newOrder', times: 1 },
      {
        kind: 'answer',
        status: 429,
        fields: [
          ['Link', `<${link(SECRETS.unpause)}>;rel="help"`],
          ...(coding === 'gzip' ? ([['Content-Encoding', 'gzip']] as const) : []),
        ],
        body: coding === 'gzip' ? gzipSync(body) : body,
      },
    )
    await expect(client.post(directory.newOrder, { identifiers: [] })).rejects.toThrow()
  }
  // The client itself gets the link whole.
  expect(JSON.stringify(client.answers.map((answer) => answer.fields))).toContain(SECRETS.unpause)

  const credentials = {
    Authorization: `Basic ${SECRETS.basic}`,
    'Proxy-Authorization': `Basic ${SECRETS.proxyBasic}`,
    Cookie: `session=${SECRETS.cookie}`,
    'User-Agent': `client Authorization: Bearer ${SECRETS.bearer}`,
  }
  const fetched = await client.transport.send('GET', client.answers[0]?.url ?? '', undefined, credentials)
  expect(fetched.status).toBe(200)
  const withPassword = directory.newOrder.replace('https://', `https://user:${SECRETS.password}@`)
  const mismatch = signJws(
    client.key,
    { kid: client.account, nonce: 'n', url: withPassword },
    { identifiers: [] },
  )
  const refused = await client.transport.send('POST', directory.newOrder, mismatch)
  expect(refused.status).toBe(400)
  const socket = await tls({ port: world.port, root: await world.root() })
  const answered = untilClosed(socket)
  const host = `localhost:${world.port}`
  socket.write(
    `GET https://user:${SECRETS.password}@${host}/dir?jwt=${SECRETS.opaqueUnpause} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
  )
  expect(await answered).toMatch(/^HTTP\/1.1 400 /)

  await client.transport.send('GET', client.answers[0]?.url ?? '', undefined, {
    Host: `user:${SECRETS.password}@${host}`,
  })

  const socketPath = join(world.data, 'control.sock')
  const listings: string[] = [(await world.admin('/metrics')).body, (await world.admin('/readyz')).body]
  for (const path of ['exchanges?limit=1000', 'accounts', 'cas', 'status'])
    listings.push(await ask(socketPath, `/api/v1/${path}`))
  expect(listings[2]).toContain('invalidContact')

  // Bodies are compressed on disk: every one that a fact names is read as acmetap gives it out.
  const bodies: Buffer[] = []
  const exchanges = await world.running.operations.exchanges({ after: 0 }, 1000)
  for (const { id, intent, outcome } of exchanges) {
    const digests = [
      ...[intent.jws?.protected, intent.jws?.payload, intent.jws?.signature, outcome?.body?.stored],
      ...Object.values(intent.personal),
      ...Object.values(outcome?.personal ?? {}),
    ]
    for (const digest of digests) {
      const kept = digest ? await world.running.operations.body(id, digest) : null
      if (kept) bodies.push(kept)
    }
  }
  expect(bodies.length).toBeGreaterThan(15)
  expect(bodies.some((kept) => kept.includes(CONTACT))).toBe(true)

  expect((await readdir(world.data)).some((name) => name.endsWith('-wal'))).toBe(true)
  const places = [
    ...(await everyByte(world.data)),
    ...listings.map((text, i) => [`listing ${i}`, Buffer.from(text)] as const),
    ...bodies.map((kept, i) => [`body ${i}: ${kept.toString().slice(0, 200)}`, kept] as const),
    ['log', Buffer.from(lines.join(''))] as const,
  ]
  const found = (text: string) =>
    places.filter(([, bytes]) => bytes.includes(text)).map(([place]) => `${text} in ${place}`)
  for (const secret of Object.values(SECRETS)) {
    expect(found(secret)).toEqual([])
    expect(found(Buffer.from(secret).toString('base64').slice(0, -4))).toEqual([])
  }
  expect(lines.join('')).not.toContain(CONTACT)
  expect(listings.slice(0, 2).join('')).not.toContain(CONTACT)

  // Table by table, for the file itself can't tell whose page it is.
  await world.running.close()
  expect((await everyByte(world.data)).get(join(world.data, 'spill'))?.every((byte) => byte === 0)).toBe(true)
  const name = (await readdir(world.data)).find((file) => /\.(db|sqlite3?)$/.test(file)) ?? ''
  const db = new Database(join(world.data, name), { readonly: true })
  try {
    const tables = db.prepare("select name from sqlite_master where type = 'table'").pluck().all() as string[]
    const holding = tables.filter((table) =>
      db
        .prepare(`select * from "${table}"`)
        .raw()
        .all()
        .some((row) => (row as unknown[]).some((value) => Buffer.from(String(value)).includes(CONTACT))),
    )
    expect(holding).toEqual(['personal'])
  } finally {
    db.close()
  }
})
