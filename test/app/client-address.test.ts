import { afterEach, expect, test } from 'vitest'
import { tls, untilClosed } from '../proxy/tls-client.ts'
import { httpsTransport } from '../support/acme-client.ts'
import { askAdmin } from '../support/acmetap-process.ts'
import { startTestCa } from '../support/test-ca/test-ca.ts'
import { compose, Opened, until } from './composed.ts'

const opened = new Opened()
afterEach(() => opened.close())

async function openWorld(from: string, trusted: readonly string[]) {
  const ca = opened.add(await startTestCa())
  const world = opened.add(
    await compose(
      { ca: { directory: ca.directory, trust: ca.trust } },
      {
        sections: {
          listeners: { acme: { port: 0, client_address: { from, trusted } }, admin: { port: 0 } },
          relay: [{ host: 'relay.example', ca: 'ca' }],
        },
      },
    ),
  )
  await world.settled()
  const port = world.running.addresses.find(({ name }) => name === 'acme')?.port ?? 0
  const target = { port, root: await world.root() }
  const ask = async (before: Buffer | null, fields = '') => {
    const socket = await tls({ ...target, ...(before ? { before } : {}) })
    const answer = untilClosed(socket)
    socket.write(`GET /dir HTTP/1.1\r\nHost: relay.example\r\n${fields}Connection: close\r\n\r\n`)
    const id = /acmetap-exchange: (\S+)/i.exec(await answer)?.[1] ?? ''
    return world.running.operations.exchange(id)
  }
  return { ca, world, ask }
}

test('the address in X-Forwarded-For of a trusted balancer is the one on record, as a personal value', async () => {
  const { ca, ask } = await openWorld('x_forwarded_for', ['127.0.0.1/32'])
  const recorded = await ask(null, 'X-Forwarded-For: 203.0.113.9, 127.0.0.1\r\n')
  expect(recorded?.personal.clientAddress).toBe('203.0.113.9')
  // In the fact itself only a salted digest stands for it.
  expect(JSON.stringify(recorded?.intent)).not.toContain('203.0.113.9')
  expect(JSON.stringify(ca.log.requests)).not.toContain('203.0.113.9')
})

test('nobody else is believed about X-Forwarded-For', async () => {
  const untrusted = await openWorld('x_forwarded_for', ['192.0.2.1/32'])
  expect((await untrusted.ask(null, 'X-Forwarded-For: 203.0.113.9\r\n'))?.personal.clientAddress).toBe(
    '127.0.0.1',
  )
  const unasked = await openWorld('connection', [])
  expect((await unasked.ask(null, 'X-Forwarded-For: 203.0.113.9\r\n'))?.personal.clientAddress).toBe(
    '127.0.0.1',
  )
})

test('the address in the PROXY header of a trusted balancer is on record; an untrusted one is cut off and counted', async () => {
  const header = Buffer.from('PROXY TCP4 203.0.113.7 192.0.2.2 5555 443\r\n')
  const { ask } = await openWorld('proxy_protocol', ['127.0.0.0/8'])
  const recorded = await ask(header)
  expect(recorded?.personal.clientAddress).toBe('203.0.113.7')
  expect(recorded?.intent.client.port).toBe(5555)
  expect(JSON.stringify(recorded?.intent)).not.toContain('203.0.113.7')

  const untrusted = await openWorld('proxy_protocol', ['192.0.2.1/32'])
  const cut = untrusted.ask(header)
  cut.catch(() => undefined)
  await until(() => untrusted.world.log.some(({ event }) => event === 'connection.failed'))
  expect(untrusted.world.log.find(({ event }) => event === 'connection.failed')?.facts).toMatchObject({
    kind: 'proxyProtocolRefused',
    clientAddress: '127.0.0.1',
  })
  const known = await untrusted.world.running.operations.exchanges({ mode: 'relay' }, 10)
  expect(known).toEqual([])
})

test('what listener acme believes of its balancers holds for no other listener', async () => {
  const ca = opened.add(await startTestCa())
  const world = opened.add(
    await compose(
      { ca: { directory: ca.directory, trust: ca.trust } },
      {
        sections: {
          listeners: {
            acme: { port: 0, client_address: { from: 'x_forwarded_for', trusted: ['127.0.0.1/32'] } },
            proxy: { port: 0 },
            admin: { port: 0 },
          },
          relay: [{ host: 'relay.example', ca: 'ca' }],
          intercept: { cas: ['ca'] },
        },
      },
    ),
  )
  await world.settled()
  const proxy = `http://127.0.0.1:${world.running.addresses.find(({ name }) => name === 'proxy')?.port}`
  const root = (await askAdmin(`${proxy}/root.pem`))?.body ?? ''
  const transport = opened.add(httpsTransport(root, { proxy }))
  const fields = { 'X-Forwarded-For': '203.0.113.9' }
  const { exchange } = await transport.send('GET', ca.directory, undefined, fields)
  const recorded = await world.running.operations.exchange(exchange ?? '')
  expect(recorded?.intent.mode).toBe('intercept')
  expect(recorded?.personal.clientAddress).toBe('127.0.0.1')
})
