/** What clients do, as requests with their answers, one after the other; a seed chooses what goes wrong. */
import { hash, X509Certificate } from 'node:crypto'
import { readCertificateChain } from '../../src/acme/certificate.ts'
import type { Identifier } from '../../src/acme/identifier.ts'
import type { Entry, FactDraft } from '../../src/audit/record.ts'
import type { PolicyVerdict } from '../../src/exchange/decision.ts'
import { newExchangeId } from '../../src/exchange/exchange-id.ts'
import { NOTHING_LEARNED } from '../../src/exchange/resource.ts'
import { ORIGIN, problem, type Story, type StoryClient, type Told } from './acme-story.ts'

export type Random = () => number

/** mulberry32. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

export function pick<T>(random: Random, values: readonly T[]): T {
  return values[Math.floor(random() * values.length)]!
}

const EXPIRES = '2026-12-01T00:00:00Z'

export interface OrderPlan {
  readonly account: string
  readonly order: string
  readonly names: readonly Identifier[]
  readonly authorizations: readonly string[]
  readonly verdict?: Told['verdict']
}

export function orderAnswer(plan: OrderPlan, status: string, more: object = {}): object {
  return {
    status,
    expires: EXPIRES,
    identifiers: plan.names,
    authorizations: plan.authorizations,
    finalize: `${plan.order}/finalize`,
    ...more,
  }
}

export function authorizationAnswer(
  url: string,
  identifier: Identifier,
  status: string,
  challenge: object = {},
): object {
  const wildcard = identifier.value.startsWith('*.')
  return {
    status,
    expires: EXPIRES,
    identifier: { type: identifier.type, value: identifier.value.replace(/^\*\./, '') },
    ...(wildcard ? { wildcard: true } : {}),
    challenges: [
      { type: 'http-01', url: `${url}/http`, token: 't', status: 'pending', ...challenge },
      { type: 'dns-01', url: `${url}/dns`, token: 't', status: 'pending' },
    ],
  }
}

export const REFUSED = problem('connection', '192.0.2.1: Fetching http://a.example/: Connection refused')

/** A whole issuance that goes well, step by step. */
export function* issuance(story: Story, plan: OrderPlan, chain: string): Generator<Told, void> {
  const { account, order, names, authorizations } = plan
  yield newOrder(plan, 'pending')
  for (const [index, url] of authorizations.entries()) {
    yield* authorize(plan, url, names[index]!)
  }
  yield { operation: 'order', url: order, account, answer: orderAnswer(plan, 'ready') }
  yield* deliver(story, plan, chain)
}

export function newOrder(plan: OrderPlan, status: string, payload: object = {}): Told {
  return {
    operation: 'newOrder',
    account: plan.account,
    ...(plan.verdict ? { verdict: plan.verdict } : {}),
    payload: { identifiers: plan.names, ...payload },
    status: 201,
    answer: orderAnswer(plan, status),
    // Relative, as RFC 9110 §10.2.2 allows.
    fields: [['location', plan.order.slice(ORIGIN.length)]],
  }
}

export function* authorize({ account }: OrderPlan, url: string, name: Identifier): Generator<Told, void> {
  const up: Told['fields'] = [['link', `<${url}>;rel="up"`]]
  const pending = { type: 'http-01', url: `${url}/http`, token: 't', status: 'pending' }
  yield { operation: 'authorization', url, account, answer: authorizationAnswer(url, name, 'pending') }
  yield { operation: 'challenge', url: `${url}/http`, account, payload: {}, answer: pending, fields: up }
  const valid = authorizationAnswer(url, name, 'valid', { status: 'valid' })
  yield { operation: 'authorization', url, account, answer: valid }
}

export function* deliver(story: Story, plan: OrderPlan, chain: string): Generator<Told, void> {
  const { account, order, names } = plan
  const certificate = `${order}/certificate`
  yield {
    operation: 'finalize',
    url: `${order}/finalize`,
    account,
    payload: { csr: story.csr(names) },
    answer: orderAnswer(plan, 'processing'),
    fields: [['location', order]],
  }
  yield { operation: 'order', url: order, account, answer: orderAnswer(plan, 'valid', { certificate }) }
  yield {
    operation: 'certificate',
    url: certificate,
    account,
    answer: chain,
    fields: [['link', `<${certificate}/1>;rel="alternate"`]],
  }
}

export function derOf(chain: string): string {
  return new X509Certificate(chain).raw.toString('base64url')
}

/** What a policy says that only warns, by this rule; or that denies. */
export function verdictOf(rule: string, effect: 'allow' | 'deny' = 'allow'): PolicyVerdict {
  const deciding = { effect, rule: effect === 'deny' ? rule : 'default' }
  return {
    digest: 'd'.repeat(64),
    decided: deciding,
    would: deciding,
    warnings: effect === 'deny' ? [] : [{ rule, message: `${rule} has its reasons` }],
    names: [],
    deniedNames: 0,
    rules: [],
    read: {},
  }
}

/** The same asked for, and the policy's no. */
export function deniedByPolicy({ operation, account, payload }: Told, rule: string): Told {
  const type = 'urn:ietf:params:acme:error:unauthorized'
  return {
    operation,
    account: account ?? null,
    payload,
    rule,
    policy: verdictOf(rule, 'deny'),
    outcome: {
      kind: 'refused',
      problem: { type, detail: `policy rule ${rule} denies it; retry in 7 s`, status: 403 },
    },
  }
}

/** Months of one client: accounts, orders, what goes wrong and what is tried again. */
export function* life(story: Story, name: string, random: Random, orders: number): Generator<Told, void> {
  let made = 0
  const newAccountUrl = () => `${ORIGIN}/acct/${name}-${++made}`
  yield { operation: 'directory', payload: null, answer: { newOrder: `${ORIGIN}/newOrder` } }
  let account = newAccountUrl()
  const isKnown = random() < 0.7
  if (isKnown) yield createAccount(account, random() < 0.5 ? [`mailto:${name}@example.com`] : [])
  const issued: { chain: string; plan: OrderPlan }[] = []
  for (let n = 0; n < orders; n++) {
    yield { operation: 'newNonce', payload: null, status: 200 }
    const count = 1 + Math.floor(random() * 3)
    const names = Array.from({ length: count }, (_, index) => {
      const label = pick(random, ['www', '*', 'api'])
      return {
        type: 'dns',
        value: `${index === 0 ? label : `n${index}`}.${name}${Math.floor(random() * 2)}.example`,
      }
    })
    const order = `${ORIGIN}/order/${name}-${n}`
    const reused = issued.at(-1)
    const reuses = reused !== undefined && reused.plan.account === account && random() < 0.3
    const plan: OrderPlan = {
      account,
      order,
      names: reuses ? reused.plan.names : names,
      authorizations: reuses
        ? reused.plan.authorizations
        : names.map((_, index) => `${ORIGIN}/authz/${name}-${n}-${index}`),
      ...(isKnown ? {} : { verdict: 'keyUnknown' as const }),
    }
    const chain = story.leaf(plan.names) + story.root.pem
    const chance = random()
    if (n % 7 === 6) yield deniedByPolicy(newOrder(plan, 'pending'), 'paced-out')
    if (chance < 0.08) {
      yield {
        ...newOrder(plan, 'pending'),
        status: 429,
        answer: problem(
          'rateLimited',
          'too many new orders (300) from this account in the last 3h0m0s, retry after 2026-11-22 12:00:00 UTC: see https://x/',
        ),
        fields: [['retry-after', '60']],
      }
      continue
    }
    if (chance < 0.12) yield { ...newOrder(plan, 'pending'), status: 400, answer: problem('badNonce', 'no') }
    if (chance < 0.16) {
      yield {
        ...newOrder(plan, 'pending'),
        rule: 'paced-out',
        outcome: {
          kind: 'refused',
          problem: {
            type: 'urn:ietf:params:acme:error:rateLimited',
            detail: 'Service busy; retry in 7 s. acmetap did not send this request',
            status: 503,
          },
        },
      }
      continue
    }
    if (chance < 0.2) {
      yield {
        ...newOrder(plan, 'pending'),
        outcome: {
          kind: 'failed',
          failure: { cause: 'reset', message: 'ECONNRESET' },
          problem: { type: 'urn:ietf:params:acme:error:serverInternal', detail: 'no answer', status: 502 },
          durationCa: 5,
        },
      }
      continue
    }
    if (chance < 0.24) {
      const both = plan.names.map((identifier) => ({
        ...problem('rejectedIdentifier', 'policy'),
        identifier,
      }))
      yield {
        ...newOrder(plan, 'pending'),
        status: 403,
        answer: problem('rejectedIdentifier', 'several', { subproblems: both }),
        fields: [],
      }
      continue
    }
    const accepted = newOrder(
      plan,
      reuses ? 'ready' : 'pending',
      random() < 0.2 ? { profile: 'shortlived' } : {},
    )
    yield n % 5 === 4 ? { ...accepted, policy: verdictOf('soon-forbidden') } : accepted
    if (random() < 0.2) yield newOrder(plan, reuses ? 'ready' : 'pending')
    if (random() < 0.06) continue
    if (!reuses) {
      let failed = false
      for (const [index, url] of plan.authorizations.entries()) {
        const identifier = plan.names[index]!
        failed = random() < 0.12
        if (!failed) {
          yield* authorize(plan, url, identifier)
          continue
        }
        yield* failing(plan, url, identifier, random)
        break
      }
      if (failed) continue
    }
    if (random() < 0.1) {
      yield {
        operation: 'finalize',
        url: `${order}/finalize`,
        account,
        payload: { csr: story.csr([]) },
        status: 400,
        answer: problem('badCSR', 'Error finalizing order :: names do not match'),
      }
    }
    yield* deliver(story, plan, chain)
    const certificate = `${order}/certificate`
    if (random() < 0.2)
      yield { operation: 'certificate', url: `${certificate}/1`, account, answer: story.leafWith(chain) }
    if (random() < 0.1)
      yield { operation: 'certificate', url: certificate, account: `${ORIGIN}/acct/reader`, answer: chain }
    issued.push({ chain, plan })
    const { ariId } = readCertificateChain(Buffer.from(chain))!.leaf
    if (random() < 0.3) {
      yield {
        operation: 'renewalInfo',
        url: `${ORIGIN}/renewal-info/${ariId}`,
        payload: null,
        answer: { suggestedWindow: { start: '2026-12-01T00:00:00Z', end: '2026-12-03T00:00:00Z' } },
      }
    }
    if (random() < 0.1) {
      const byKey = random() < 0.5
      const revocation: Told = {
        operation: 'revokeCert',
        account: byKey ? null : account,
        payload: { certificate: derOf(chain), reason: 1 },
      }
      yield revocation
      if (random() < 0.5) yield { ...revocation, status: 400, answer: problem('alreadyRevoked', 'again') }
    }
    if (isKnown && random() < 0.06) {
      const inner = {
        protected: Buffer.from(
          JSON.stringify({ alg: 'ES256', jwk: { kty: 'EC', crv: 'P-256', x: 'AAAA', y: `y${n}` } }),
        ).toString('base64url'),
        payload: 'e30',
        signature: 'AA',
      }
      yield { operation: 'keyChange', account, payload: inner }
    }
    if (isKnown && random() < 0.06) {
      yield {
        operation: 'account',
        url: account,
        account,
        payload: { status: 'deactivated' },
        answer: { status: 'deactivated' },
      }
      account = newAccountUrl()
      yield createAccount(account, [])
    }
  }
}

export function createAccount(account: string, contact: readonly string[], payload: object = {}): Told {
  return {
    operation: 'newAccount',
    payload: { termsOfServiceAgreed: true, contact, ...payload },
    thumbprint: `key of ${account}`,
    status: 201,
    answer: { status: 'valid', contact },
    fields: [
      ['location', account],
      ['boulder-requester', String(account.length)],
    ],
  }
}

/** The failure shows in the challenge, in the authorization, in the order, or in several of them. */
function* failing(plan: OrderPlan, url: string, name: Identifier, random: Random): Generator<Told, void> {
  const { account, order } = plan
  const challenge = { type: 'http-01', url: `${url}/http`, token: 't', status: 'invalid', error: REFUSED }
  yield { operation: 'authorization', url, account, answer: authorizationAnswer(url, name, 'pending') }
  yield {
    operation: 'challenge',
    url: `${url}/http`,
    account,
    payload: {},
    answer: { ...challenge, status: 'pending', error: undefined },
    fields: [['link', `<${url}>;rel="up"`]],
  }
  const told: Told[] = [
    {
      operation: 'challenge',
      url: `${url}/http`,
      account,
      answer: challenge,
      fields: [['link', `<${url}>;rel="up"`]],
    },
    {
      operation: 'authorization',
      url,
      account,
      answer: authorizationAnswer(url, name, 'invalid', challenge),
    },
    { operation: 'order', url: order, account, answer: orderAnswer(plan, 'invalid', { error: REFUSED }) },
  ]
  const polls = 1 + Math.floor(random() * 4)
  for (let poll = 0; poll < polls; poll++) yield pick(random, told)
}

/** The facts of several clients as they interleave: requests are under way at the same time. */
export function* interleaved(
  story: Story,
  lives: readonly { readonly client: StoryClient; readonly steps: Iterator<Told, void> }[],
  random: Random,
): Generator<FactDraft, void> {
  const open = lives.map((one) => ({ ...one, outcome: null as FactDraft | null, over: false }))
  for (;;) {
    const alive = open.filter(({ over }) => !over)
    if (alive.length === 0) return
    const one = pick(random, alive)
    if (one.outcome !== null) {
      yield one.outcome
      one.outcome = null
      continue
    }
    const next = one.steps.next()
    if (next.done) {
      one.over = true
      continue
    }
    const { intent, outcome } = story.exchange(one.client, next.value)
    yield intent
    one.outcome = outcome
  }
}

export function importedEvent(story: Story, chains: readonly string[], host: string): FactDraft {
  const blobs = chains.map((pem) => {
    const bytes = Buffer.from(pem)
    return { digest: hash('sha256', bytes, 'buffer'), bytes, repeats: true }
  })
  return {
    kind: 'event',
    exchange: newExchangeId(),
    at: story.now,
    monotonic: story.now / 10,
    content: {
      event: 'imported',
      host,
      unmanaged: true,
      certificates: chains.map((pem, index) => ({
        fingerprint: readCertificateChain(Buffer.from(pem))!.leaf.fingerprint,
        chain: blobs[index]!.digest.toString('hex'),
        path: `/etc/ssl/${index}.pem`,
        ca: null,
        format: 'pem',
      })),
      actor: { kind: 'local', token: null, name: null },
      instance: 'test',
    },
    blobs,
    personal: [],
  }
}

/** Entries of some facts each. */
export function* entriesOf(facts: Iterable<FactDraft>, size: number): Generator<Entry, void> {
  let batch: FactDraft[] = []
  for (const fact of facts) {
    batch.push(fact)
    if (batch.length < size) continue
    yield { facts: batch, learned: NOTHING_LEARNED }
    batch = []
  }
  if (batch.length > 0) yield { facts: batch, learned: NOTHING_LEARNED }
}
