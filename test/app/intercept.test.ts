import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectTcp, createServer, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { afterEach, expect, test } from 'vitest'
import { httpsTransport, TestAcmeClient } from '../support/acme-client.ts'
import { askAdmin } from '../support/acmetap-process.ts'
import { startTestCa, type TestCa } from '../support/test-ca/test-ca.ts'
import { askConnect } from '../support/tunnel-client.ts'
import { type Composed, compose, Opened, until } from './composed.ts'

const opened = new Opened()
afterEach(() => opened.close())

type Sections = Readonly<Record<string, unknown>>

/** acmetap taking over connections to one CA, and nothing relayed. */
async function intercepting(
  ca: TestCa,
  intercept: Sections = {},
  proxy: Sections = {},
): Promise<Composed & { readonly proxyPort: number; readonly sniPort: number }> {
  const world = opened.add(
    await compose(
      { ca: { directory: ca.directory, trust: ca.trust } },
      { sections: sectionsOf(intercept, proxy) },
    ),
  )
  await world.settled()
  const portOf = (name: string) => world.running.addresses.find((one) => one.name === name)?.port ?? 0
  return { ...world, proxyPort: portOf('proxy'), sniPort: portOf('sni') }
}

function sectionsOf(intercept: Sections, proxy: Sections = {}): Record<string, unknown> {
  return {
    listeners: { proxy: { port: 0, ...proxy }, sni: { port: 0 }, admin: { port: 0 } },
    relay: [],
    intercept: { cas: ['ca'], ...intercept },
  }
}

async function rootOf(port: number): Promise<string> {
  const page = await askAdmin(`http://127.0.0.1:${port}/root.pem`)
  expect(page?.status).toBe(200)
  return page?.body ?? ''
}

async function clientThrough(port: number, user = ''): Promise<TestAcmeClient> {
  const proxy = `http://${user}127.0.0.1:${port}`
  return new TestAcmeClient(opened.add(httpsTransport(await rootOf(port), { proxy })))
}

test('an issuance through CONNECT reaches the CA unchanged and is recorded', async () => {
  const ca = opened.add(await startTestCa())
  const world = await intercepting(ca)
  expect(world.running.addresses.map(({ name }) => name)).toEqual(['proxy', 'sni', 'admin'])
  const client = await clientThrough(world.proxyPort)
  await client.discover(ca.directory)
  await client.newAccount()
  await client.issue(['a.example'])
  expect(new Set(ca.log.requests.map(({ host }) => host))).toEqual(new Set([ca.authority]))
  const exchanges = await world.exchanges({ mode: 'intercept' })
  expect(exchanges.length).toBeGreaterThan(8)
  for (const { intent, outcome } of exchanges) {
    expect(intent).toMatchObject({ ca: 'ca', instance: 'acmetap', client: { listener: 'proxy' } })
    expect(intent.operation).not.toBe('unrecognised')
    if (intent.jws) expect(intent.jws.verdict).toBe('verified')
    expect(outcome).toMatchObject({ outcome: 'response', tunnel: null })
  }
  expect((await world.exchanges({ name: 'a.example' })).length).toBeGreaterThan(3)
})

test('a request in the tunnel for another Host is refused there, and recorded', async () => {
  const ca = opened.add(await startTestCa())
  const world = await intercepting(ca)
  const transport = opened.add(
    httpsTransport(await rootOf(world.proxyPort), { proxy: `http://127.0.0.1:${world.proxyPort}` }),
  )
  const answer = await transport.send('GET', ca.directory, undefined, { Host: 'other.example' })
  expect([answer.status, JSON.parse(answer.body.toString()).detail]).toEqual([
    421,
    expect.stringContaining('"other.example"'),
  ])
  const recorded = await world.running.operations.exchange(answer.exchange ?? '')
  expect(recorded?.intent).toMatchObject({ mode: 'intercept', ca: null, decision: { rule: 'unknown-host' } })
  expect(recorded?.outcome).toMatchObject({ outcome: 'refused', status: 421 })
})

test('a Host in other letters is still the CA, and goes on as it was written', async () => {
  const ca = opened.add(await startTestCa())
  const world = await intercepting(ca)
  const transport = opened.add(
    httpsTransport(await rootOf(world.proxyPort), { proxy: `http://127.0.0.1:${world.proxyPort}` }),
  )
  const written = ca.authority.toUpperCase()
  const answer = await transport.send('GET', ca.directory, undefined, { Host: written })
  expect(answer.status).toBe(200)
  expect(ca.log.requests.at(-1)?.host).toBe(written)
})

test('another host is refused with the line to add; once that is there, its bytes pass blindly', async () => {
  const sockets: Socket[] = []
  const echo = createServer((socket) => {
    sockets.push(socket)
    socket.pipe(socket)
  })
  echo.listen(0, '127.0.0.1')
  await once(echo, 'listening')
  opened.add({ close: () => echo.close() })
  const { port } = echo.address() as { port: number }
  const ca = opened.add(await startTestCa())
  const world = await intercepting(ca)
  const target = `localhost:${port}`
  const refused = await askConnect({ port: world.proxyPort, target })
  expect(refused.status).toBe(403)
  refused.socket.destroy()
  const [first] = await world.exchanges({ operation: 'tunnel' })
  expect(first?.intent).toMatchObject({ ca: null, request: { method: 'CONNECT', target } })
  expect(first?.outcome).toMatchObject({ outcome: 'refused', status: 403, tunnel: null })
  expect(first?.outcome?.problem?.detail).toContain(`localhost:${port}`)
  const page = await askAdmin(`http://127.0.0.1:${world.proxyPort}/refused-hosts`)
  expect(page?.body).toBe(`localhost:${port}\n`)

  await world.configure(
    { ca: { directory: ca.directory, trust: ca.trust } },
    sectionsOf({ other_hosts: [target] }),
  )
  expect(await world.running.reload()).toMatchObject({ ok: true, problems: [] })
  const { socket, status } = await askConnect({ port: world.proxyPort, target })
  expect(status).toBe(200)
  socket.write('ping')
  const [back] = (await once(socket.resume(), 'data')) as [Buffer]
  expect(back.toString()).toBe('ping')
  expect((await world.running.operations.status()).tunnels).toBe(1)
  socket.end()
  await until(async () => (await world.exchanges({ operation: 'tunnel' }))[1]?.outcome != null)
  const [, second] = await world.exchanges({ operation: 'tunnel' })
  expect(second?.intent.decision.effect).toBe('allow')
  expect(second?.outcome).toMatchObject({
    outcome: 'response',
    status: 200,
    tunnel: { up: 4, down: 4, duration: expect.any(Number), end: 'clientClosed' },
  })
})

test('a user of the proxy is a label in the record, and nobody else is let in', async () => {
  const ca = opened.add(await startTestCa())
  const world = await intercepting(ca, {}, { users: [{ name: 'cluster-a', password: 'swordfish' }] })
  const client = await clientThrough(world.proxyPort, 'cluster-a:swordfish@')
  await client.discover(ca.directory)
  const [exchange] = await world.exchanges({ mode: 'intercept' })
  expect(exchange?.personal.proxyUser).toBe('cluster-a')
  const stranger = await clientThrough(world.proxyPort, 'cluster-a:tunafish@')
  await expect(stranger.discover(ca.directory)).rejects.toThrow(/407/)
  expect(JSON.stringify(world.log)).not.toMatch(/swordfish|tunafish/)
})

test('listener sni takes TLS for the CA by its name, and for no other', async () => {
  const ca = opened.add(await startTestCa())
  const world = await intercepting(ca)
  const root = await rootOf(world.proxyPort)
  const secured = connectTls({ port: world.sniPort, host: '127.0.0.1', servername: 'localhost', ca: root })
  await once(secured, 'secureConnect')
  secured.write(
    `GET ${new URL(ca.directory).pathname} HTTP/1.1\r\nHost: ${ca.authority}\r\nConnection: close\r\n\r\n`,
  )
  let answer = ''
  for await (const chunk of secured) answer += chunk
  expect(answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*newNonce/)
  const [exchange] = await world.exchanges({ mode: 'intercept' })
  expect(exchange?.intent).toMatchObject({ operation: 'directory', client: { listener: 'sni' } })
  const stranger = connectTls({ port: world.sniPort, host: '127.0.0.1', servername: 'other.test', ca: root })
  await expect(once(stranger, 'secureConnect')).rejects.toThrow()
})

test('a CA that joins with a reload is told to need another root, and the others go on', async () => {
  const ca = opened.add(await startTestCa())
  const world = await intercepting(ca)
  const cas = {
    ca: { directory: ca.directory, trust: ca.trust },
    second: { directory: 'https://second.test/dir' },
  }
  await world.configure(cas, sectionsOf({ cas: ['ca', 'second'] }))
  expect(await world.running.reload()).toMatchObject({ ok: true })
  expect((await world.running.operations.status()).namesNotCovered).toEqual(['second.test'])
  const told = world.log.find(({ event }) => event === 'interception.notCovered')
  expect(told?.facts).toMatchObject({ names: ['second.test'], run: expect.stringContaining('acmetap root') })
  const client = await clientThrough(world.proxyPort)
  await client.discover(ca.directory)
})

test('what only a restart can open is refused at a reload', async () => {
  const ca = opened.add(await startTestCa())
  const world = await intercepting(ca)
  const cas = { ca: { directory: ca.directory, trust: ca.trust } }
  await world.configure(cas, { ...sectionsOf({}), relay: [{ host: 'localhost:8443', ca: 'ca' }] })
  const report = await world.running.reload()
  expect(report).toMatchObject({ ok: false, problems: [{ path: 'relay and intercept.cas' }] })
})

test('the pages that set a client up', async () => {
  const ca = opened.add(await startTestCa())
  const world = await intercepting(ca)
  const ask = async (path: string) =>
    (await askAdmin(`http://127.0.0.1:${world.proxyPort}${path}`))?.body ?? ''
  const fingerprint = new X509Certificate(await ask('/root.pem')).fingerprint256.replaceAll(':', '')
  const script = await ask('/doctor.sh')
  expect(script).toMatch(/^#!\/bin\/sh\n/)
  for (const text of [fingerprint, ca.directory, `http://127.0.0.1:${world.proxyPort}`])
    expect(script).toContain(text)
  expect(await ask('/proxy.pac')).toContain(`PROXY 127.0.0.1:${world.proxyPort}; DIRECT`)
  expect(await ask('/')).toContain('/doctor.sh')
  expect((await askAdmin(`http://127.0.0.1:${world.proxyPort}/nothing`))?.status).toBe(404)
})

test('a Host that is no plain name goes into no script', async () => {
  const ca = opened.add(await startTestCa())
  const world = await intercepting(ca)
  for (const host of [`x';id;':1`, '$(id):1', 'acmetap.invalid', 'UPPER:1']) {
    const socket = connectTcp(world.proxyPort, '127.0.0.1')
    socket.write(`GET /doctor.sh HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    let answer = ''
    for await (const chunk of socket) answer += chunk
    expect(answer).not.toContain('id;')
    expect(answer).not.toContain('$(id)')
    if (answer.includes(' 200 ')) expect(answer).toContain(`http://localhost:${world.proxyPort}`)
  }
})
