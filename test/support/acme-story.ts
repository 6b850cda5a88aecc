/**
 * Exchanges of several clients with a CA, as real ones go, made into facts by the same code that records real ones:
 * for tests and measurements of what is derived from a record. Everything follows from the seed but keys and times
 * inside certificates.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { Identifier } from '../../src/acme/identifier.ts'
import type { Operation } from '../../src/acme/operation.ts'
import { intentFact } from '../../src/audit/intent.ts'
import { outcomeFact } from '../../src/audit/outcome.ts'
import { KEEP_ALL } from '../../src/audit/privacy.ts'
import type { FactDraft } from '../../src/audit/record.ts'
import type { PolicyVerdict } from '../../src/exchange/decision.ts'
import type { Completed, Decided, FieldList, JwsInspection, Outcome } from '../../src/exchange/exchange.ts'
import { newExchangeId } from '../../src/exchange/exchange-id.ts'
import { learnFrom } from '../../src/exchange/learn.ts'
import type { Resource } from '../../src/exchange/resource.ts'
import { AT_ONCE } from '../../src/exchange/turn.ts'
import { decided, inspection, received } from './exchanges.ts'
import { type Issuer, issueLeaf, makeCsr, makeRoot } from './test-ca/certificates.ts'

const AUTHORITY = 'ca.example'
const END = '-----END CERTIFICATE-----'
export const ORIGIN = `https://${AUTHORITY}`
const CONTEXT = {
  tenant: 'default',
  instance: 'test',
  configDigest: 'c'.repeat(64),
  policyDigest: null,
  privacy: KEEP_ALL,
}

export interface Told {
  readonly operation: Operation
  /** Absolute; by default the directory's for the operation. */
  readonly url?: string
  /** Left out: POST-as-GET. Null: not signed. */
  readonly payload?: unknown
  /** Account URL, or a key of its own. */
  readonly account?: string | null
  readonly status?: number
  readonly answer?: unknown
  readonly fields?: FieldList
  readonly verdict?: JwsInspection['verdict']
  readonly thumbprint?: string
  /** Instead of an answer. */
  readonly outcome?: Exclude<Outcome, { kind: 'response' }>
  readonly rule?: string
  /** Of a policy; a denial where there is a `rule` too. */
  readonly policy?: PolicyVerdict
}

export interface StoryClient {
  readonly address: string
  readonly userAgent: string
  readonly proxyUser?: string
}

export interface StoryExchange {
  readonly id: string
  readonly intent: FactDraft
  readonly outcome: FactDraft
}

/** Knows what its CA has named, and makes facts of what clients do. */
export class Story {
  readonly root: Issuer = makeRoot('Story Root')
  readonly other: Issuer = makeRoot('Other Root')
  readonly key: KeyObject
  readonly spki: Buffer
  readonly #resources = new Map<string, Resource>()
  /** µs; every exchange takes a second. */
  now = 1_790_000_000_000_000
  readonly ca: string

  constructor(ca = 'story') {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.key = privateKey
    this.spki = publicKey.export({ type: 'spki', format: 'der' })
    this.ca = ca
  }

  csr(names: readonly Identifier[]): string {
    return makeCsr(this.key, this.spki, names).toString('base64url')
  }

  leaf(names: readonly Identifier[], issuer: Issuer = this.root): string {
    const notBefore = new Date(Math.floor(this.now / 1e6) * 1000)
    const notAfter = new Date(notBefore.getTime() + 90 * 86_400_000)
    return issueLeaf({ spki: this.spki, issuer, names, notBefore, notAfter })
  }

  /** The same leaf with another chain. */
  leafWith(chain: string): string {
    return `${chain.slice(0, chain.indexOf(END) + END.length)}\n${this.other.pem}`
  }

  exchange(client: StoryClient, told: Told): StoryExchange {
    const { operation, payload } = told
    const url = told.url ?? `${ORIGIN}/${operation}`
    const signed = payload !== null && !['directory', 'newNonce', 'renewalInfo'].includes(operation)
    const inspected = signed ? this.#inspection(told) : null
    const receivedAt = { wall: this.#pass(400_000), monotonic: this.now / 10 }
    const exchange: Decided = {
      ...decided(operation),
      ...received(
        {
          method: signed ? 'POST' : operation === 'newNonce' ? 'HEAD' : 'GET',
          target: url.slice(ORIGIN.length),
          authority: AUTHORITY,
          fields: [['User-Agent', client.userAgent]],
          body: Buffer.from(JSON.stringify(payload ?? '')),
        },
        { mode: 'intercept', destination: { ca: this.ca, authority: AUTHORITY }, receivedAt },
      ),
      id: newExchangeId(),
      connection: {
        ...received().connection,
        clientAddress: client.address,
        mode: 'intercept',
        proxyUser: client.proxyUser ?? null,
      },
      operation,
      inspection: inspected,
      resource: this.#resources.get(url) ?? null,
      decision: {
        ...(told.rule
          ? ({ effect: 'deny', rule: told.rule, problem: 'malformed', detail: 'no' } as const)
          : ({ effect: 'allow' } as const)),
        ...(told.policy && { policy: told.policy }),
      },
    }
    const outcome: Outcome = told.outcome ?? {
      kind: 'response',
      response: this.#response(told),
      durationCa: 9000,
    }
    const completedAt = { wall: this.#pass(600_000), monotonic: this.now / 10 }
    const completed: Completed = { ...exchange, turn: AT_ONCE, outcome, completedAt }
    if (outcome.kind === 'response') {
      for (const resource of learnFrom(exchange, outcome.response).resources) {
        const known = this.#resources.get(resource.url)
        this.#resources.set(resource.url, known ? merged(known, resource) : resource)
      }
    }
    return {
      id: exchange.id,
      intent: intentFact(exchange, CONTEXT),
      outcome: outcomeFact(completed, KEEP_ALL),
    }
  }

  #pass(time: number): number {
    this.now += time
    return this.now
  }

  #inspection({ payload, account = null, verdict = 'verified', thumbprint }: Told): JwsInspection {
    const header =
      account === null ? { jwk: { kty: 'EC', crv: 'P-256', x: thumbprint ?? 'x', y: 'y' } } : { kid: account }
    return {
      ...inspection(payload, header),
      verdict,
      thumbprint:
        verdict === 'keyUnknown' ? null : (thumbprint ?? (account === null ? 'own' : `key of ${account}`)),
    }
  }

  #response({ status = 200, answer, fields = [] }: Told) {
    const isPem = typeof answer === 'string'
    const body = Buffer.from(isPem ? answer : answer === undefined ? '' : JSON.stringify(answer))
    const type = isPem
      ? 'application/pem-certificate-chain'
      : status >= 400
        ? 'application/problem+json'
        : 'application/json'
    return { status, fields: [['content-type', type], ...fields] as FieldList, body, decoded: body }
  }
}

function merged(known: Resource, told: Resource): Resource {
  return {
    ...told,
    account: told.account ?? known.account,
    order: told.order ?? known.order,
    authorization: told.authorization ?? known.authorization,
    issuance: told.issuance ?? known.issuance,
    identifiers: told.identifiers.length > 0 ? told.identifiers : known.identifiers,
  }
}

export function problem(type: string, detail: string, more: object = {}): object {
  return { type: `urn:ietf:params:acme:error:${type}`, detail, ...more }
}

export function dns(...names: string[]): Identifier[] {
  return names.map((value) => ({ type: 'dns', value }))
}
