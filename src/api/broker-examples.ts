/** One example of each object of the broker, for the document. Tests hold them to their schemas. */
import type {
  BrokerStatus,
  CreatedEabKey,
  ShownBrokerOrder,
  ShownDrill,
  ShownEabKey,
} from './broker-operations.ts'
import type { ShownLocalCertificate } from './local-ca-operations.ts'

const AT = '2026-11-22T01:20:25.000Z'
const LATER = '2026-11-22T01:30:25.000Z'

export const drillExample: ShownDrill = { ca: 'letsencrypt', labels: ['team-a'], until: LATER }

export const brokerStatusExample: BrokerStatus = {
  endpoints: [
    {
      name: 'fleet',
      directory: 'https://acme.example.net/fleet/directory',
      staging: false,
      cas: ['letsencrypt', 'zerossl'],
      proof: 'both',
      eab: 'required',
      labels: [{ name: 'team-a', directory: 'https://acme.example.net/fleet/~team-a/directory' }],
      openOrders: 1,
    },
  ],
  cas: [
    {
      name: 'letsencrypt',
      kind: 'acme',
      state: 'open',
      why: 'answered 503 three times in a row',
      until: LATER,
    },
    { name: 'zerossl', kind: 'acme', state: 'closed', why: null, until: null },
  ],
  drills: [drillExample],
  openOrders: 1,
}

export const brokerOrderExample: ShownBrokerOrder = {
  id: 'q0t1Yh3vS5m2zZ8c9aBdEw',
  endpoint: 'fleet',
  account: 'Jx7PqkO1RkqZVbT4mO2n3A',
  label: 'team-a',
  status: 'processing',
  identifiers: [{ type: 'dns', value: 'www.a.example' }],
  profile: null,
  ca: 'zerossl',
  candidates: ['letsencrypt', 'zerossl'],
  left: [{ ca: 'letsencrypt', why: 'answered 503' }],
  error: null,
  issuance: '019ab003-0000-7000-8000-00000000c001',
  createdAt: AT,
  changedAt: AT,
  expiresAt: '2026-11-29T01:20:25.000Z',
}

export const eabKeyExample: ShownEabKey = {
  id: 'u2Vq8cJw1mYt5sKfLr0ZbA',
  label: 'team-a',
  names: ['.a.example'],
  endpoints: ['fleet'],
  cas: [],
  uses: 5,
  used: 2,
  state: 'usable',
  expiresAt: '2027-02-20T01:20:25.000Z',
  revokedAt: null,
  createdAt: AT,
}

export const createdEabKeyExample: CreatedEabKey = {
  key: { ...eabKeyExample, used: 0 },
  mac: 'm'.repeat(43),
  directories: [{ endpoint: 'fleet', url: 'https://acme.example.net/fleet/directory' }],
}

export const localCertificateExample: ShownLocalCertificate = {
  ca: 'internal',
  issuer: 1,
  serial: '5f3a9c0b7d214e6f8a1b2c3d4e5f6071',
  identifiers: [{ type: 'dns', value: 'db.internal.example.net' }],
  fingerprint: '6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b',
  order: 'Zk1c0nV5b0tQd3R4eWFiYw',
  notBefore: '2026-11-22T01:19:25.000Z',
  notAfter: '2026-12-22T01:20:24.000Z',
  issuedAt: '2026-11-22T01:20:25.000Z',
  revokedAt: '2026-11-23T08:00:00.000Z',
  reason: 'keyCompromise',
}
