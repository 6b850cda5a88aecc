import { randomBytes } from 'node:crypto'
import type { LocalCertificate, LocalCrl } from '../../../src/broker/local-ca/local-ca-store.ts'
import type {
  BrokerAccount,
  BrokerAuthorization,
  BrokerCertificate,
  BrokerOrder,
  EabKey,
} from '../../../src/broker/objects.ts'
import type { Sealed } from '../../../src/engine/sealing.ts'
import { newExchangeId } from '../../../src/exchange/exchange-id.ts'

/** 2026-06-01, in µs. */
export const BROKER_T0 = Date.UTC(2026, 5, 1) * 1000
export const DAY = 86_400_000_000

export function brokerId(): string {
  return randomBytes(16).toString('base64url')
}

export function brokerAccount(changes: Partial<BrokerAccount> = {}): BrokerAccount {
  return {
    id: brokerId(),
    endpoint: 'fleet',
    status: 'valid',
    jwk: { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' },
    thumbprint: randomBytes(32).toString('base64url'),
    contact: ['mailto:ops@example.com'],
    termsAgreed: true,
    label: null,
    eabKey: null,
    createdAt: BROKER_T0,
    ...changes,
  }
}

export function brokerOrder(changes: Partial<BrokerOrder> = {}): BrokerOrder {
  return {
    id: brokerId(),
    endpoint: 'fleet',
    account: 'a1',
    status: 'pending',
    identifiers: [{ type: 'dns', value: 'www.example.com' }],
    authorizations: ['z1'],
    profile: null,
    replaces: null,
    csr: null,
    certificate: null,
    error: null,
    upstream: { ca: 'pebble', reference: 'r1', candidates: ['pebble'], left: [] },
    issuance: newExchangeId(),
    expiresAt: BROKER_T0 + 7 * DAY,
    createdAt: BROKER_T0,
    changedAt: BROKER_T0,
    ...changes,
  }
}

export function brokerAuthorization(changes: Partial<BrokerAuthorization> = {}): BrokerAuthorization {
  return {
    id: brokerId(),
    endpoint: 'fleet',
    account: 'a1',
    status: 'pending',
    identifier: { type: 'dns', value: 'www.example.com' },
    wildcard: false,
    proof: 'challenge',
    challenges: [
      {
        id: brokerId(),
        type: 'http-01',
        token: randomBytes(32).toString('base64url'),
        status: 'pending',
        validatedAt: null,
        error: null,
      },
    ],
    expiresAt: BROKER_T0 + 7 * DAY,
    createdAt: BROKER_T0,
    ...changes,
  }
}

export function brokerCertificate(changes: Partial<BrokerCertificate> = {}): BrokerCertificate {
  return {
    id: brokerId(),
    endpoint: 'fleet',
    account: 'a1',
    order: 'o1',
    ca: 'pebble',
    chains: ['-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'],
    identifiers: [{ type: 'dns', value: 'www.example.com' }],
    fingerprint: randomBytes(32).toString('hex'),
    serial: '4a',
    ariId: `${brokerId()}.Sg`,
    upstreamAccount: 'u1',
    notBefore: BROKER_T0,
    notAfter: BROKER_T0 + 90 * DAY,
    revokedAt: null,
    replacedBy: null,
    issuedAt: BROKER_T0,
    ...changes,
  }
}

export function eabKey(changes: Partial<EabKey> = {}): EabKey {
  return {
    id: brokerId(),
    label: 'team-a',
    names: ['.a.example'],
    endpoints: [],
    cas: [],
    uses: null,
    used: 0,
    mac: 'v1.mac' as Sealed,
    expiresAt: null,
    revokedAt: null,
    createdAt: BROKER_T0,
    ...changes,
  }
}

export function localCertificate(changes: Partial<LocalCertificate> = {}): LocalCertificate {
  return {
    ca: 'internal',
    generation: 1,
    serial: randomBytes(16).toString('hex').replace(/^0+/, ''),
    order: brokerId(),
    certificate: Buffer.from([0x30, 1, 2, 3]),
    notBefore: BROKER_T0,
    notAfter: BROKER_T0 + 30 * DAY,
    issuedAt: BROKER_T0,
    revokedAt: null,
    reason: null,
    ...changes,
  }
}

export function localCrl(changes: Partial<LocalCrl> = {}): LocalCrl {
  return {
    ca: 'internal',
    generation: 1,
    number: 1,
    list: Buffer.from([0x30, 4, 5]),
    thisUpdate: BROKER_T0,
    nextUpdate: BROKER_T0 + 7 * DAY,
    ...changes,
  }
}
