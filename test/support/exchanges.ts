/** Exchanges at any stage, for tests of one stage: everything has a default. */

import { readStrictJson } from '../../src/acme/json.ts'
import type { Jwk } from '../../src/acme/jwk.ts'
import type { Operation } from '../../src/acme/operation.ts'
import type { Clock } from '../../src/exchange/clock.ts'
import type {
  Classified,
  Decided,
  FieldList,
  Inspected,
  JwsInspection,
  ObservedRequest,
  ObservedResponse,
  Received,
} from '../../src/exchange/exchange.ts'
import { newExchangeId } from '../../src/exchange/exchange-id.ts'
import type { Admitted, Answered, Taught } from '../../src/exchange/pipeline.ts'
import { NOTHING_LEARNED, type Resource } from '../../src/exchange/resource.ts'
import { AT_ONCE } from '../../src/exchange/turn.ts'

export const AUTHORITY = 'acme.test:8443'
export const ORIGIN = `https://${AUTHORITY}`
export const ACCOUNT = `${ORIGIN}/acct/1`

/** A clock that stands still until it is told to move. */
export function stillClock(): Clock & { wall: number; monotonic: number } {
  return {
    wall: 1_700_000_000_000_000,
    monotonic: 1000,
    now() {
      return { wall: this.wall, monotonic: this.monotonic }
    },
  }
}

export function received(request: Partial<ObservedRequest> = {}, changes: Partial<Received> = {}): Received {
  return {
    id: newExchangeId(),
    parent: null,
    mode: 'relay',
    connection: {
      listener: 'acme',
      clientAddress: '192.0.2.7',
      clientPort: 4711,
      tlsVersion: 'TLSv1.3',
      serverName: 'acme.test',
      mode: 'relay',
      proxyUser: null,
      intercepted: null,
    },
    destination: { ca: 'pebble', authority: AUTHORITY },
    request: {
      method: 'POST',
      target: '/order-plz',
      authority: AUTHORITY,
      fields: [['User-Agent', 'test/1']],
      body: Buffer.from('{}'),
      truncated: false,
      httpVersion: '1.1',
      ambiguities: [],
      ...request,
    },
    receivedAt: { wall: 1_700_000_000_000_000, monotonic: 1000 },
    ...changes,
  }
}

export function classified(operation: Operation, changes: Partial<Classified> = {}): Classified {
  return { ...received(), operation, resource: null, ambiguities: [], ...changes }
}

export function resource(changes: Partial<Resource> & { url: string }): Resource {
  return {
    ca: 'pebble',
    authority: AUTHORITY,
    canonical: new URL(changes.url).pathname.toLowerCase(),
    operation: 'order',
    account: ACCOUNT,
    order: null,
    authorization: null,
    issuance: null,
    identifiers: [],
    ...changes,
  }
}

/** What inspection would make of a signed request; the signature is not looked at. */
export function inspection(
  payload: unknown,
  header: { kid?: string; jwk?: Jwk } = { kid: ACCOUNT },
  key: Jwk | null = header.jwk ?? null,
): JwsInspection {
  const payloadBytes = payload === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(payload))
  const protectedBytes = Buffer.from(JSON.stringify({ alg: 'ES256', nonce: 'n', url: ORIGIN, ...header }))
  return {
    jws: {
      protectedBytes,
      payloadBytes,
      signatureBytes: Buffer.from('the signature'),
      header: {
        alg: 'ES256',
        nonce: 'n',
        url: `${ORIGIN}/order-plz`,
        kid: header.kid,
        jwk: header.jwk,
      },
      payload: payload === undefined ? undefined : readStrictJson(payloadBytes, 'payload').value,
    },
    verdict: 'verified',
    thumbprint: null,
    key,
  }
}

/** Decided, and let through at once. */
export function decided(operation: Operation, changes: Partial<Decided> = {}): Admitted {
  const inspected: Inspected = { ...classified(operation), inspection: null }
  return { ...inspected, asked: null, decision: { effect: 'allow' }, turn: AT_ONCE, ...changes }
}

export function denied(operation: Operation, changes: Partial<Decided> = {}): Admitted {
  return decided(operation, {
    decision: { effect: 'deny', rule: 'ambiguous-request', problem: 'malformed', detail: 'no' },
    ...changes,
  })
}

export function response(status: number, body: unknown, fields: FieldList = []): ObservedResponse {
  const bytes = Buffer.isBuffer(body)
    ? body
    : Buffer.from(typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body))
  return { status, fields, body: bytes, decoded: bytes }
}

export function answered(exchange: Admitted, answer: ObservedResponse): Answered {
  return {
    ...exchange,
    intent: 'durable',
    outcome: { kind: 'response', response: answer, durationCa: 500 },
    answeredAt: { wall: 1_700_000_000_001_000, monotonic: 2000 },
  }
}

export function taught(exchange: Admitted, answer: ObservedResponse = response(200, {})): Taught {
  return { ...answered(exchange, answer), learned: NOTHING_LEARNED }
}

export function refused(exchange: Admitted): Taught {
  return {
    ...exchange,
    intent: 'none',
    outcome: {
      kind: 'refused',
      problem: { type: 'urn:ietf:params:acme:error:malformed', detail: 'no', status: 400 },
    },
    answeredAt: { wall: 1_700_000_000_001_000, monotonic: 2000 },
    learned: NOTHING_LEARNED,
  }
}
