/** One example of each object, for the document. Tests hold them to their schemas. */
import type { InventoriedAccount } from '../audit/inventory/account.ts'
import type { InventoriedCertificate } from '../audit/inventory/certificate.ts'
import type { InventoriedChallenge } from '../audit/inventory/challenge.ts'
import type { Client } from '../audit/inventory/client.ts'
import type { Correlation, Failure, RateLimitEvent } from '../audit/inventory/failure.ts'
import type { InventoryProgress } from '../audit/inventory/inventory-reader.ts'
import type { InventoriedOrder, OrderDetail } from '../audit/inventory/order.ts'
import type { Summary } from '../audit/inventory/summary.ts'
import type { RecordedExchange } from '../audit/record-store.ts'
import type { AccountKey } from '../exchange/resource.ts'
import type { CaStatus, Status } from './operations.ts'

const AT = '2026-11-22T01:20:25.000Z'
const LATER = '2026-11-22T01:20:31.000Z'
const MICROS = Date.parse(AT) * 1000
const CA = 'letsencrypt'
const BASE = 'https://acme-v02.api.letsencrypt.org/acme'
const NAME = { type: 'dns', value: 'www.example.com' }
const EXCHANGE = '019ab003-0000-7000-8000-000000000000'
const account = { id: 'a1b2c3d4e5f60718', url: `${BASE}/acct/123456789` }
const clientRef = { id: 'c0ffee00c0ffee00', program: 'CertbotACMEClient', source: '192.0.2.7', label: null }
const digest = (character: string) => character.repeat(64)

const diagnosis: Failure['diagnosis'] = {
  class: 'firewall',
  cause: 'A firewall drops what the CA sends to port 80.',
  remedy: 'Let port 80 in from everywhere: CAs do not tell the addresses they validate from.',
  fixer: 'network',
  details: { address: '203.0.113.9' },
}
const problem = {
  type: 'urn:ietf:params:acme:error:connection',
  detail:
    '203.0.113.9: Fetching http://www.example.com/.well-known/acme-challenge/x: Timeout during connect (likely firewall problem)',
}

export const accountExample: InventoriedAccount = {
  ...account,
  ca: CA,
  status: 'valid',
  thumbprint: 'qvKYxmM7gdU2ToYcFrhwnfDQIvDhSUj13cQGqWJAIx0',
  keyType: 'P-256',
  contacts: ['mailto:ops@example.com'],
  requester: '123456789',
  externalAccount: null,
  keyChanges: [],
  orders: 12,
  certificates: 11,
  firstSeen: AT,
  lastSeen: LATER,
}

export const accountKeyExample: AccountKey = {
  ca: CA,
  account: account.url,
  jwk: {
    kty: 'EC',
    crv: 'P-256',
    x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
    y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
  },
  thumbprint: 'oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U',
  source: 'import',
}

export const clientExample: Client = {
  ...clientRef,
  account: { ...account, ca: CA },
  versions: ['2.1.0', '5.5.0'],
  userAgent: 'CertbotACMEClient/5.5.0 (certbot; Debian GNU/Linux 13)',
  modes: ['intercept'],
  orders: 12,
  certificates: 11,
  failures: 1,
  asksRenewalInfo: true,
  firstSeen: AT,
  lastSeen: LATER,
}

export const challengeExample: InventoriedChallenge = {
  id: 'b0b1b2b3b4b5b6b7',
  ca: CA,
  url: `${BASE}/chall/123456789/42/x`,
  type: 'http-01',
  identifier: NAME,
  wildcard: false,
  account,
  status: 'invalid',
  answeredAt: AT,
  judgedAt: LATER,
  error: problem,
  diagnosis,
}

export const orderExample: InventoriedOrder = {
  id: 'd0d1d2d3d4d5d6d7',
  ca: CA,
  url: `${BASE}/order/123456789/42`,
  account,
  client: clientRef,
  identifiers: [NAME],
  status: 'invalid',
  expires: '2026-11-29T01:20:25.000Z',
  profile: 'classic',
  replaces: null,
  notBefore: null,
  notAfter: null,
  requests: 1,
  csr: null,
  certificate: null,
  certificateUrl: null,
  error: problem,
  diagnosis,
  createdAt: AT,
  updatedAt: LATER,
}

export const orderDetailExample: OrderDetail = {
  ...orderExample,
  authorizations: [
    {
      id: 'e0e1e2e3e4e5e6e7',
      url: `${BASE}/authz/123456789/42`,
      identifier: NAME,
      wildcard: false,
      status: 'invalid',
      expires: '2026-11-29T01:20:25.000Z',
      reused: false,
      challenges: [challengeExample],
    },
  ],
  timeline: [
    {
      exchange: EXCHANGE,
      at: AT,
      operation: 'newOrder',
      about: [NAME.value],
      challengeType: null,
      outcome: 'response',
      status: 201,
      objectStatus: 'pending',
      problem: null,
      diagnosis: null,
      duration: 0.182,
    },
  ],
}

export const certificateExample: InventoriedCertificate = {
  fingerprint: digest('e'),
  serial: '3f2a1b',
  ca: CA,
  identifiers: [NAME],
  commonName: NAME.value,
  issuer: "CN=E8,O=Let's Encrypt,C=US",
  notBefore: '2026-11-22T00:20:25.000Z',
  notAfter: '2027-02-20T00:20:24.000Z',
  keyType: 'P-256',
  keyBits: 256,
  spki: digest('5'),
  ariId: 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE',
  profile: 'classic',
  chain: [{ fingerprint: digest('1'), subject: "CN=E8,O=Let's Encrypt,C=US" }],
  alternates: [],
  order: orderExample.id,
  account,
  client: clientRef.id,
  downloadedBy: [{ account: account.url, firstAt: AT, lastAt: LATER }],
  replaces: null,
  replacedBy: null,
  revokedAt: null,
  revocationReason: null,
  revokedBy: null,
  renewalWindow: {
    start: '2027-01-20T00:00:00.000Z',
    end: '2027-01-22T00:00:00.000Z',
    askedAt: LATER,
    explanation: null,
  },
  source: 'observed',
  imported: null,
  exchange: EXCHANGE,
  firstSeen: LATER,
}

export const pemExample = '-----BEGIN CERTIFICATE-----\nMIIB…\n-----END CERTIFICATE-----\n'

export const failureExample: Failure = {
  id: 'f0f1f2f3f4f5f6f7',
  at: LATER,
  exchange: EXCHANGE,
  ca: CA,
  mode: 'intercept',
  operation: 'authorization',
  account,
  client: clientRef,
  names: [NAME.value],
  challengeType: 'http-01',
  order: orderExample.id,
  outcome: 'response',
  status: 200,
  problem,
  diagnosis,
}

export const correlationExample: Correlation = {
  class: 'firewall',
  shared: { kind: 'address', value: '203.0.113.9' },
  names: 37,
  failures: 52,
  since: AT,
  last: LATER,
  says: '37 names, one address (203.0.113.9), since 01:20',
  examples: [failureExample.id],
}

export const rateLimitExample: RateLimitEvent = {
  exchange: EXCHANGE,
  at: AT,
  ca: CA,
  account,
  client: clientRef.id,
  names: [NAME.value],
  operation: 'newOrder',
  by: 'ca',
  limit: 'NewOrdersPerAccount',
  key: account.url,
  until: '2026-11-22T02:20:25.000Z',
  detail:
    'too many new orders (300) from this account in the last 3h0m0s, retry after 2026-11-22 02:20:25 UTC',
}

export const summaryExample: Summary = {
  buckets: [{ start: '2026-11-22T01:00:00.000Z', by: { ca: CA, operation: 'newOrder' }, exchanges: 12 }],
  totals: {
    exchanges: 4200,
    accounts: 3,
    clients: 41,
    orders: 310,
    certificates: 298,
    valid: 101,
    failures: 12,
    unclassified: 0,
  },
}

export const bodyExample = {
  digest: digest('a'),
  text: '{"identifiers":[{"type":"dns","value":"www.example.com"}]}',
}

const envelope = {
  version: 1,
  stream: '019ab000-0000-7000-8000-000000000000',
  boot: '019ab001-0000-7000-8000-000000000000',
  exchange: EXCHANGE,
  previous: digest('0'),
  personal: {},
}
const about = {
  account: account.url,
  authorization: null,
  challenge: null,
  certificate: null,
  issuance: EXCHANGE,
  identifiers: [NAME],
}

export const exchangeExample: RecordedExchange = {
  id: EXCHANGE,
  personal: { clientAddress: '192.0.2.7' },
  intent: {
    ...envelope,
    ...about,
    kind: 'intent',
    sequence: 3,
    at: MICROS,
    monotonic: 17_000_000,
    parent: null,
    order: null,
    tenant: 'default',
    instance: 'acmetap',
    configDigest: digest('c'),
    policyDigest: digest('7'),
    mode: 'intercept',
    ca: CA,
    operation: 'newOrder',
    client: {
      listener: 'proxy',
      port: 40_000,
      userAgent: 'CertbotACMEClient/5.5.0 (certbot; Debian GNU/Linux 13)',
      tlsVersion: 'TLSv1.3',
      httpVersion: '1.1',
    },
    request: {
      method: 'POST',
      authority: 'acme-v02.api.letsencrypt.org',
      target: '/acme/new-order',
      fields: { 'content-type': 'application/jose+json' },
      bytes: 612,
      digest: digest('b'),
    },
    jws: {
      alg: 'ES256',
      nonce: 'oFvnlFP1wIhRlYS2jTaXbA',
      url: `${BASE}/new-order`,
      kid: account.url,
      thumbprint: null,
      verdict: 'valid',
      protected: digest('d'),
      payload: bodyExample.digest,
      signature: digest('f'),
      signatureDigest: digest('9'),
    },
    decision: {
      effect: 'allow',
      rule: null,
      ambiguities: [],
      policy: {
        decided: { effect: 'allow', rule: 'internal-names' },
        would: { effect: 'allow', rule: 'internal-names' },
        warnings: [],
        names: [],
        deniedNames: 0,
        rules: [],
        read: {},
      },
    },
    asked: { kind: 'order', profile: null, notBefore: null, notAfter: null, replaces: null },
  },
  outcome: {
    ...envelope,
    ...about,
    kind: 'outcome',
    sequence: 4,
    at: MICROS + 182_000,
    monotonic: 17_182_000,
    order: orderExample.url,
    outcome: 'response',
    status: 201,
    fields: { 'content-type': 'application/json', location: orderExample.url },
    body: { bytes: 340, digest: digest('8'), stored: digest('8') },
    failure: null,
    problem: null,
    objectStatus: 'pending',
    objectError: null,
    retryAfter: null,
    durationTotal: 182_000,
    waited: 0,
    source: 'ca',
    operation: null,
    tunnel: null,
    durationCa: 180_000,
    spilled: false,
  },
}

export const statusExample: Status = {
  version: '0.1.0',
  instance: 'acmetap',
  pid: 4711,
  startedAt: MICROS,
  config: { file: '/etc/acmetap/acmetap.yaml', digest: digest('c') },
  policy: { file: '/etc/acmetap/policy.yaml', digest: digest('d'), mode: 'enforce', rules: 12 },
  listeners: [{ name: 'admin', address: '127.0.0.1', port: 9080 }],
  store: { state: 'ok', detail: null, waiting: 0, lastCommit: 900 },
  inFlight: 0,
  tunnels: 0,
  namesNotCovered: [],
  sinks: [],
}

export const casExample: { readonly cas: readonly CaStatus[] } = {
  cas: [
    {
      name: CA,
      title: "Let's Encrypt",
      directories: [
        {
          url: 'https://acme-v02.api.letsencrypt.org/directory',
          state: 'ok',
          checkedAt: MICROS,
          detail: null,
        },
      ],
      relays: [],
    },
  ],
}

export const progressExample: InventoryProgress = {
  projected: 8400,
  recorded: 8400,
  rebuilding: false,
  fault: null,
}

export const backupExample = { file: '/var/backups/acmetap/record.db', bytes: 4096 }

export const tokenExample = {
  id: '0a1b2c3d',
  name: 'dashboard',
  role: 'viewer',
  createdAt: AT,
  expires: '2027-02-20T01:20:25.000Z',
}
export const createdTokenExample = { token: tokenExample, text: 'acmetap_0a1b2c3d_…' }
