import type { Diagnosis } from '../../src/audit/diagnosis/diagnosis.ts'
import type { InventoriedAccount } from '../../src/audit/inventory/account.ts'
import type { InventoriedCertificate } from '../../src/audit/inventory/certificate.ts'
import type { InventoriedChallenge } from '../../src/audit/inventory/challenge.ts'
import type { Client } from '../../src/audit/inventory/client.ts'
import type { Failure } from '../../src/audit/inventory/failure.ts'
import type { OrderDetail, Step } from '../../src/audit/inventory/order.ts'

const AT = '2026-11-22T01:20:25.000Z'
export const ACCOUNT = { id: 'a'.repeat(16), url: 'https://localhost:8443/acct/1' }
export const CLIENT = { id: 'c'.repeat(16), program: 'CertbotACMEClient', source: '192.0.2.7', label: null }

export function anAccount(parts: Partial<InventoriedAccount> = {}): InventoriedAccount {
  return {
    ...ACCOUNT,
    ca: 'pebble',
    status: 'valid',
    thumbprint: 'qvKYxmM7gdU2ToYcFrhwnfDQIvDhSUj13cQGqWJAIx0',
    keyType: 'P-256',
    contacts: ['mailto:ops@example.com'],
    requester: null,
    externalAccount: null,
    keyChanges: [],
    orders: 3,
    certificates: 2,
    firstSeen: AT,
    lastSeen: AT,
    ...parts,
  }
}

export function aClient(parts: Partial<Client> = {}): Client {
  return {
    ...CLIENT,
    account: { ...ACCOUNT, ca: 'pebble' },
    versions: ['2.1.0', '5.5.0'],
    userAgent: 'CertbotACMEClient/5.5.0 (certbot; Debian)',
    modes: ['relay'],
    orders: 3,
    certificates: 2,
    failures: 1,
    asksRenewalInfo: true,
    firstSeen: AT,
    lastSeen: AT,
    ...parts,
  }
}

export function aDiagnosis(parts: Partial<Diagnosis> = {}): Diagnosis {
  return {
    class: 'http-not-found',
    cause: 'The web server answers 404 where the CA looks for the file of the challenge.',
    remedy: 'Let the client write its files where the web server of the name serves them.',
    fixer: 'server',
    details: {},
    ...parts,
  }
}

export function aFailure(parts: Partial<Failure> = {}): Failure {
  return {
    id: 'f'.repeat(16),
    at: AT,
    exchange: '019ab003-0000-7000-8000-000000000000',
    ca: 'pebble',
    mode: 'relay',
    operation: 'authorization',
    account: ACCOUNT,
    client: CLIENT,
    names: ['blog.example.com'],
    challengeType: 'http-01',
    order: 'd'.repeat(16),
    outcome: 'response',
    status: 200,
    problem: {
      type: 'urn:ietf:params:acme:error:unauthorized',
      detail: 'Non-200 status code from HTTP: http://blog.example.com/x returned 404',
    },
    diagnosis: aDiagnosis(),
    ...parts,
  }
}

export function aChallenge(parts: Partial<InventoriedChallenge> = {}): InventoriedChallenge {
  return {
    id: 'b'.repeat(16),
    ca: 'pebble',
    url: 'https://localhost:8443/chalZ/1',
    type: 'http-01',
    identifier: { type: 'dns', value: 'www.example.com' },
    wildcard: false,
    account: ACCOUNT,
    status: 'valid',
    answeredAt: AT,
    judgedAt: AT,
    error: null,
    diagnosis: null,
    ...parts,
  }
}

/** A step `seconds` after the order was made. */
export function aStep(seconds: number, operation: string, parts: Partial<Step> = {}): Step {
  return {
    exchange: `019ab${String(Math.round(seconds * 10)).padStart(3, '0')}-0000-7000-8000-000000000000`,
    at: new Date(Date.parse(AT) + seconds * 1000).toISOString(),
    operation,
    about: ['www.example.com'],
    challengeType: null,
    outcome: 'response',
    status: 200,
    objectStatus: null,
    problem: null,
    diagnosis: null,
    duration: 0.012,
    ...parts,
  }
}

export function anOrder(parts: Partial<OrderDetail> = {}): OrderDetail {
  return {
    id: 'd'.repeat(16),
    ca: 'pebble',
    url: 'https://localhost:8443/my-order/1',
    account: ACCOUNT,
    client: CLIENT,
    identifiers: [{ type: 'dns', value: 'www.example.com' }],
    status: 'valid',
    expires: '2026-11-29T01:20:25.000Z',
    profile: null,
    replaces: null,
    notBefore: null,
    notAfter: null,
    requests: 1,
    csr: null,
    certificate: 'e'.repeat(64),
    certificateUrl: 'https://localhost:8443/certZ/1',
    error: null,
    diagnosis: null,
    createdAt: AT,
    updatedAt: AT,
    authorizations: [],
    timeline: [],
    ...parts,
  }
}

export function aCertificate(parts: Partial<InventoriedCertificate> = {}): InventoriedCertificate {
  return {
    fingerprint: 'e'.repeat(64),
    serial: '3f2a1b',
    ca: 'pebble',
    identifiers: [{ type: 'dns', value: 'www.example.com' }],
    commonName: 'www.example.com',
    issuer: 'CN=Pebble Intermediate CA 0a1b2c',
    notBefore: '2026-11-22T00:20:25.000Z',
    notAfter: '2027-02-20T00:20:24.000Z',
    keyType: 'P-256',
    keyBits: 256,
    spki: '5'.repeat(64),
    ariId: null,
    profile: null,
    chain: [{ fingerprint: '1'.repeat(64), subject: 'CN=Pebble Intermediate CA 0a1b2c' }],
    alternates: [],
    order: 'd'.repeat(16),
    account: ACCOUNT,
    client: CLIENT.id,
    downloadedBy: [{ account: ACCOUNT.url, firstAt: AT, lastAt: AT }],
    replaces: null,
    replacedBy: null,
    revokedAt: null,
    revocationReason: null,
    revokedBy: null,
    renewalWindow: null,
    source: 'observed',
    imported: null,
    exchange: '019ab009-0000-7000-8000-000000000000',
    firstSeen: AT,
    ...parts,
  }
}
