import { once } from 'node:events'
import { request } from 'node:https'
import type { SecureContextOptions } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { makeServerCertificate, type ServerCertificate } from '../../../src/cli/demo/test-certificates.ts'
import type { DnsApiTls } from '../../../src/engine/dns/acme-dns-api.ts'
import { openDnsResponder } from '../../../src/engine/dns/open-dns-responder.ts'
import { systemClock } from '../../../src/exchange/clock.ts'
import { MemoryEngineStore } from '../../support/engine/memory-engine-store.ts'
import { SETTINGS } from './fixtures.ts'

const { zone, nameserver } = SETTINGS
const CONFIG = {
  address: '127.0.0.1',
  port: 0,
  zone,
  nameserver,
  addresses: [],
  api: { address: '127.0.0.1', port: 0, tls: true, names: ['localhost'], register: ['127.0.0.0/8'] },
}

async function open(tls: DnsApiTls | null, api: Partial<typeof CONFIG.api> = {}) {
  const responder = await openDnsResponder(
    { ...CONFIG, api: { ...CONFIG.api, ...api } },
    {
      store: new MemoryEngineStore(),
      clock: systemClock(),
      tls,
      observe: { query: () => {}, apiCall: () => {}, fault: () => {} },
    },
  )
  onTestFinished(() => responder.close())
  return responder
}

async function register(port: number, { root: ca }: ServerCertificate): Promise<number> {
  const asked = request({
    port,
    host: 'localhost',
    method: 'POST',
    path: '/register',
    ca,
    agent: false,
    family: 4,
  })
  asked.end()
  const [answer] = (await once(asked, 'response')) as [{ statusCode: number; resume(): void }]
  answer.resume()
  return answer.statusCode
}

test('the API speaks TLS, and serves another certificate once there is one', async () => {
  const [first, second] = [
    await makeServerCertificate(['localhost'], []),
    await makeServerCertificate(['localhost'], []),
  ]
  let use: (options: SecureContextOptions) => void = () => {}
  const responder = await open({
    options: { cert: first.certificate, key: first.key },
    watch: (given) => {
      use = given
    },
  })
  const port = responder.apiPort ?? 0
  expect(await register(port, first)).toBe(201)
  await expect(register(port, second)).rejects.toThrow(/certificate|signature/i)
  use({ cert: second.certificate, key: second.key })
  expect(await register(port, second)).toBe(201)
  await expect(register(port, first)).rejects.toThrow(/certificate|signature/i)
  // Who speaks plainly is not answered.
  await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow()
})

test('without a certificate it does not speak plainly instead', async () => {
  await expect(open(null)).rejects.toThrow('engine.dns.api has no certificate')
  const plain = await open(null, { tls: false })
  expect((await fetch(`http://127.0.0.1:${plain.apiPort}/health`)).status).toBe(200)
})

test('where the port of the API is taken, nothing listens', async () => {
  const taken = await open(null, { tls: false })
  const port = taken.apiPort ?? 0
  await expect(open(null, { tls: false, port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  const free = await open(null, { tls: false })
  const dns = free.port
  await free.close()
  const config = { ...CONFIG, port: dns, api: { ...CONFIG.api, tls: false, port } }
  const parts = {
    store: new MemoryEngineStore(),
    clock: systemClock(),
    tls: null,
    observe: { query: () => {}, apiCall: () => {}, fault: () => {} },
  }
  await expect(openDnsResponder(config, parts)).rejects.toMatchObject({ code: 'EADDRINUSE' })
  // Its DNS sockets are closed again.
  const again = await openDnsResponder({ ...config, api: undefined }, parts)
  expect(again.port).toBe(dns)
  await again.close()
})
