import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { observeWith } from '../../src/app/observe.ts'
import { openDnsResponder } from '../../src/engine/dns/open-dns-responder.ts'
import { systemClock } from '../../src/exchange/clock.ts'
import { createMetrics } from '../../src/observability/metrics.ts'
import { questionOf } from '../support/dns-question.ts'
import { MemoryEngineStore } from '../support/engine/memory-engine-store.ts'

const ZONE = 'acme-dns.example.net'
const [SOA, TXT] = [6, 16]

test('questions to the DNS responder and calls of its API are counted by how they ended', async () => {
  const metrics = createMetrics(
    () => ({ inFlight: 0, queue: 0, lastCommit: 0, spill: 0, writable: true }) as never,
  )
  const observe = observeWith((() => {}) as never, metrics)
  const responder = await openDnsResponder(
    {
      address: '127.0.0.1',
      port: 0,
      zone: ZONE,
      nameserver: `ns.${ZONE}`,
      addresses: [],
      api: { address: '127.0.0.1', port: 0, tls: false, names: ['localhost'], register: ['127.0.0.0/8'] },
    },
    {
      store: new MemoryEngineStore(),
      clock: systemClock(),
      tls: null,
      observe: { ...observe.dns, fault: () => {} },
    },
  )
  const socket = createSocket('udp4')
  onTestFinished(async () => {
    socket.close()
    await responder.close()
    metrics.close()
  })
  const questions = [
    questionOf(ZONE, SOA),
    questionOf(ZONE, TXT),
    questionOf(`nobody.${ZONE}`, TXT),
    questionOf('example.com', TXT),
    questionOf('example.org', TXT),
  ]
  for (const question of questions) {
    socket.send(question, responder.port, '127.0.0.1')
    await once(socket, 'message')
  }
  const api = `http://127.0.0.1:${responder.apiPort}`
  await fetch(`${api}/register`, { method: 'POST' })
  await fetch(`${api}/update`, { method: 'POST', body: '{}' })
  await fetch(`${api}/health`)
  await fetch(`${api}/x?y=z`)
  await expect
    .poll(async () => (await metrics.exposition()).body)
    .toContain('acmetap_dns_api_calls_total{operation="other",outcome="malformed"} 1\n')
  const { body } = await metrics.exposition()
  const lines = body.split('\n').filter((line) => line.startsWith('acmetap_dns_'))
  expect(lines.toSorted()).toEqual(
    [
      'acmetap_dns_api_calls_total{operation="health",outcome="ok"} 1',
      'acmetap_dns_api_calls_total{operation="other",outcome="malformed"} 1',
      'acmetap_dns_api_calls_total{operation="register",outcome="ok"} 1',
      'acmetap_dns_api_calls_total{operation="update",outcome="refused"} 1',
      'acmetap_dns_queries_total{outcome="noerror"} 1',
      'acmetap_dns_queries_total{outcome="nodata"} 1',
      'acmetap_dns_queries_total{outcome="nxdomain"} 1',
      'acmetap_dns_queries_total{outcome="refused"} 2',
    ].toSorted(),
  )
})
