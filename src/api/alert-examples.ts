/** One example of each object about alerts, for the document. Tests hold them to their schemas. */
import type { Alert, Silence } from '../alerts/alert.ts'
import type { EndpointState } from '../alerts/endpoint.ts'
import type { Delivery } from '../alerts/notification.ts'
import { failureExample } from './examples.ts'
import type { ChannelState, ChannelTest } from './operations.ts'

const AT = '2026-11-22T01:20:25.000Z'
const LATER = '2026-11-22T01:20:31.000Z'
const { diagnosis, problem, exchange, client, account, names } = failureExample

export const alertExample: Alert = {
  id: '5a1e9d3b7c2f4680',
  rule: 'validation-failed',
  key: 'letsencrypt c0ffee00c0ffee00 www.example.com',
  severity: 'warning',
  state: 'firing',
  since: AT,
  last: LATER,
  resolved: null,
  resolution: null,
  count: 3,
  subject: {
    ca: 'letsencrypt',
    names,
    nameCount: names.length,
    account: account?.url ?? null,
    client: client?.id ?? null,
    clientText: 'CertbotACMEClient 192.0.2.7',
    label: null,
    details: { class: diagnosis.class, challenge: 'http-01' },
  },
  title: 'www.example.com: a firewall keeps the CA out (http-01)',
  cause: diagnosis.cause,
  remedy: diagnosis.remedy,
  fixer: diagnosis.fixer,
  said: problem?.detail ?? null,
  evidence: { exchange, order: failureExample.order, certificate: null },
  silenced: null,
  told: 1,
}

export const silenceExample: Silence = {
  id: 'b0a1c2d3e4f50617',
  rule: 'validation-failed',
  name: '.example.com',
  until: '2026-11-23T01:20:25.000Z',
  reason: 'moving the web servers',
  by: 'local',
  made: AT,
  ended: null,
}

export const deliveryExample: Delivery = {
  notification: {
    id: '6f1c2a44-8b59-5d0e-9c1a-2f7d1f0a9b3c',
    number: 17,
    channel: 'ops',
    kind: 'firing',
    key: 'validation-failed',
    made: LATER,
    rule: 'validation-failed',
    severity: 'warning',
    title: alertExample.title,
    shared: null,
    alerts: [alertExample],
    count: 1,
    occurrences: 3,
    text: null,
  },
  state: 'delivered',
  attempts: 1,
  next: null,
  delivered: LATER,
  error: null,
}

export const channelExample: ChannelState = {
  name: 'ops',
  kind: 'webhook',
  waiting: 0,
  failingSince: null,
  lastError: null,
}

export const channelTestExample: ChannelTest = { channel: 'ops', ok: true, detail: '200 OK' }

export const endpointExample: EndpointState = {
  endpoint: 'www.example.com:443',
  source: 'config',
  probed: LATER,
  served: {
    fingerprint: 'ab'.repeat(32),
    serial: '04a1b2c3d4e5f60718293a4b5c6d7e8f9001',
    names: ['www.example.com'],
    issuer: 'CN=E7,O=Example CA,C=US',
    notBefore: '2026-09-01T00:00:00.000Z',
    notAfter: '2026-11-30T00:00:00.000Z',
    chain: ['CN=www.example.com', 'CN=E7,O=Example CA,C=US'],
    trusted: true,
    fault: null,
  },
  error: null,
  failingSince: null,
  newer: { fingerprint: 'cd'.repeat(32), serial: '04ffeeddccbbaa99887766554433221100ff', firstSeen: AT },
}
