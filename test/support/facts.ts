import { hash, randomBytes } from 'node:crypto'
import type { EventContent } from '../../src/audit/event.ts'
import type { Entry, FactDraft, IntentContent, OutcomeContent } from '../../src/audit/record.ts'
import { UNKNOWN_OUTCOME } from '../../src/audit/unknown-outcome.ts'
import { type ExchangeId, newExchangeId } from '../../src/exchange/exchange-id.ts'
import { type AccountKey, NOTHING_LEARNED, type Resource } from '../../src/exchange/resource.ts'

export function sha256(bytes: Buffer | string): string {
  return hash('sha256', bytes)
}

export function intentContent(changes: Partial<IntentContent> = {}): IntentContent {
  return {
    parent: null,
    issuance: null,
    tenant: 'default',
    instance: 'acmetap',
    configDigest: 'a'.repeat(64),
    policyDigest: null,
    mode: 'relay',
    ca: 'pebble',
    operation: 'newOrder',
    client: { listener: 'acme', port: 40000, userAgent: 'test', tlsVersion: 'TLSv1.3', httpVersion: '1.1' },
    request: {
      method: 'POST',
      authority: 'localhost:8443',
      target: '/order-plz',
      fields: { 'content-type': 'application/jose+json' },
      bytes: 2,
      digest: sha256('{}'),
    },
    jws: null,
    account: 'https://ca.example/account/1',
    identifiers: [{ type: 'dns', value: 'one.example' }],
    order: null,
    authorization: null,
    challenge: null,
    certificate: null,
    decision: { effect: 'allow', rule: null, ambiguities: [] },
    ...changes,
  }
}

export function outcomeContent(changes: Partial<OutcomeContent> = {}): OutcomeContent {
  return {
    ...UNKNOWN_OUTCOME,
    outcome: 'response',
    status: 201,
    durationTotal: 5000,
    durationCa: 3000,
    ...changes,
  }
}

interface FactParts {
  readonly at?: number
  readonly bodies?: readonly { readonly bytes: Buffer; readonly repeats: boolean }[]
  readonly personal?: FactDraft['personal']
}

function fact(
  kind: FactDraft['kind'],
  exchange: ExchangeId,
  content: FactDraft['content'],
  { at = 1_700_000_000_000_000, bodies = [], personal = [] }: FactParts,
): FactDraft {
  const blobs = bodies.map(({ bytes, repeats }) => ({
    digest: hash('sha256', bytes, 'buffer'),
    bytes,
    repeats,
  }))
  return { kind, exchange, at, monotonic: 7, content, blobs, personal }
}

export function intentOf(
  exchange: ExchangeId,
  parts: FactParts & { readonly content?: Partial<IntentContent> } = {},
): FactDraft {
  return fact('intent', exchange, intentContent(parts.content), parts)
}

export function outcomeOf(
  exchange: ExchangeId,
  parts: FactParts & { readonly content?: Partial<OutcomeContent> } = {},
): FactDraft {
  return fact('outcome', exchange, outcomeContent(parts.content), parts)
}

export function eventOf(content: Partial<EventContent> = {}, parts: FactParts = {}): FactDraft {
  const event = {
    event: 'searched',
    what: 'orders',
    actor: { kind: 'token', token: '0011aabb', name: 'someone' },
    instance: 'acmetap',
    ...content,
  } as EventContent
  return fact('event', newExchangeId(), event, parts)
}

export function entryOf(facts: readonly FactDraft[], learned: Entry['learned'] = NOTHING_LEARNED): Entry {
  return { facts, learned }
}

/** An exchange with both facts, in one entry. */
export function wholeExchange(
  parts: {
    readonly intent?: Partial<IntentContent>
    readonly outcome?: Partial<OutcomeContent>
    at?: number
  } = {},
): { readonly id: ExchangeId; readonly entry: Entry } {
  const id = newExchangeId()
  const when = parts.at === undefined ? {} : { at: parts.at }
  const entry = entryOf([
    intentOf(id, { ...when, content: parts.intent ?? {} }),
    outcomeOf(id, { ...when, content: parts.outcome ?? {} }),
  ])
  return { id, entry }
}

export function resourceOf(url: string, changes: Partial<Resource> = {}): Resource {
  return {
    ca: 'pebble',
    authority: 'localhost:8443',
    url,
    canonical: new URL(url).pathname.toLowerCase(),
    operation: 'order',
    account: null,
    order: null,
    authorization: null,
    issuance: null,
    identifiers: [],
    ...changes,
  }
}

export function accountKeyOf(account: string, changes: Partial<AccountKey> = {}): AccountKey {
  return {
    ca: 'pebble',
    account,
    jwk: { kty: 'EC', crv: 'P-256', x: randomBytes(32).toString('base64url'), y: 'y' },
    thumbprint: randomBytes(32).toString('base64url'),
    source: 'newAccount',
    ...changes,
  }
}
