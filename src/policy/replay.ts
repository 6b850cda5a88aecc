import type { Effect, PolicyVerdict, WebhookAnswer } from '../exchange/decision.ts'
import { LruMap } from '../exchange/lru-map.ts'
import { asEnforced } from './as-enforced.ts'
import { decisionOf } from './denial.ts'
import { Evaluating } from './evaluate.ts'
import type { PolicyFacts } from './facts.ts'
import type { HistoryQuestion } from './history.ts'
import { IssuanceHistory } from './issuance-history.ts'
import { Judging } from './judging.ts'
import type { Needs, Policy } from './policy.ts'
import { factsOf, type PersonalField, recordedOrder } from './recorded-facts.ts'
import {
  isRecordedDecided,
  type PersonalTexts,
  type RecordedEnd,
  type RecordedRequest,
  wasTaken,
} from './recorded-request.ts'
import { type Change, ReplayGroups } from './replay-groups.ts'
import type { ReplayReport, ReplaySample, ReplayTotals } from './replay-report.ts'
import { ReplayedWorld } from './replayed-world.ts'
import { unknownIn } from './unknown-in.ts'

/**
 * Operations that are judged again. Polls (orders, authorizations, challenges, certificates) ask for nothing that their
 * newOrder did not.
 */
export const REPLAYED = [
  'newOrder',
  'newAuthz',
  'finalize',
  'newAccount',
  'account',
  'keyChange',
  'revokeCert',
  'unrecognised',
] as const
const IS_REPLAYED: ReadonlySet<string> = new Set(REPLAYED)

/** Milliseconds that an order may be open (RFC 8555 has no bound; CAs give days). */
const ORDER_LIFETIME = 30 * 86_400_000
/** Orders whose later requests may come. */
const MOST_ORDERS = 100_000
const MOST_NAMES = 100
const NAMES_OF_SAMPLE = 5
/** Of a rule, a client or what is not known; names are many, and each sample is decided once more. */
const MOST_SAMPLES = 20
const SAMPLES_OF_NAME = 3

const NOT_RECORDED: WebhookAnswer = { allow: null, reason: 'no answer is recorded', data: null }

export interface ReplayOptions {
  /** Of the candidate, for the report. */
  readonly file: string
  /** Milliseconds since 1970: what is judged; before it, the record is only counted. */
  readonly since: number
  /** Milliseconds since 1970: where reading begins. */
  readonly countedFrom: number
  /** Facts before `countedFrom` that would have been read are gone. */
  readonly incomplete: boolean
  readonly dropped?: ReadonlySet<PersonalField>
}

/** Milliseconds since 1970 from which the record has to be read, for what is judged from `since` on. */
export function readsFrom({ account, accountKey, keyUses, order, history }: Needs, since: number): number {
  if (account || accountKey || keyUses) return 0
  const windows = history.map(({ within }) => within)
  return Math.max(0, since - Math.max(0, order ? ORDER_LIFETIME : 0, ...windows))
}

/**
 * A candidate judges what is recorded, as if it had been in force: told of requests and of their ends in the order of
 * the record, it counts orders and knows accounts as they stood at each. Reads no later state, parses no payload.
 */
export class Replay {
  readonly #policy: Policy
  /** Null where the candidate is as it is. */
  readonly #enforced: Policy | null
  readonly #options: ReplayOptions
  readonly #history: IssuanceHistory
  readonly #world: ReplayedWorld
  readonly #totals: { -readonly [Name in keyof ReplayTotals]: number } = {
    decided: 0,
    orders: 0,
    same: 0,
    deniedNow: 0,
    allowedNow: 0,
    deniedInForce: 0,
    warned: 0,
    unknown: 0,
    follows: 0,
    notAsked: 0,
    withoutAsked: 0,
  }
  readonly #rules = new ReplayGroups(MOST_SAMPLES)
  readonly #clients = new ReplayGroups(MOST_SAMPLES)
  readonly #names = new ReplayGroups(SAMPLES_OF_NAME)
  readonly #unknown = new ReplayGroups(MOST_SAMPLES)
  readonly #then = new Map<string | null, number>()
  /** Orders that the candidate denies. */
  readonly #denied = new LruMap<string, true>(MOST_ORDERS)
  /** Requests that were denied then and would have been sent: nobody can say what the CA had answered; it is taken to agree. */
  readonly #supposed = new LruMap<string, true>(MOST_ORDERS)

  private constructor(policy: Policy, options: ReplayOptions, history: IssuanceHistory) {
    this.#policy = policy
    const { document, rules } = policy
    const isEnforced = [document, ...rules].every(({ mode }) => mode === 'enforce')
    this.#enforced = isEnforced ? null : asEnforced(policy)
    this.#options = options
    this.#history = history
    this.#world = new ReplayedWorld(policy.needs, !options.incomplete)
  }

  static async begin(policy: Policy, options: ReplayOptions): Promise<Replay> {
    const history = new IssuanceHistory()
    history.use(policy.needs.history)
    await history.seed(nothing(), Number.NEGATIVE_INFINITY)
    return new Replay(policy, options, history)
  }

  get decided(): number {
    return this.#totals.decided
  }

  /** `clientOf`: as people know it. Gives the verdict where the request is judged. */
  request(
    request: RecordedRequest,
    personal: PersonalTexts,
    clientOf: (request: RecordedRequest, personal: PersonalTexts) => string,
  ): PolicyVerdict | null {
    if (!isRecordedDecided(request) || !IS_REPLAYED.has(request.operation)) return null
    const isJudged = request.at >= this.#options.since * 1000
    const then: Effect = request.decision.effect === 'deny' ? 'deny' : 'allow'
    if (then === 'deny' && !request.decision.policy) {
      if (isJudged) this.#totals.notAsked += 1
      return null
    }
    if (isJudged && request.operation !== 'newOrder' && this.#followsDenied(request)) {
      this.#totals.follows += 1
      return null
    }
    const facts = this.#factsOf(request, personal)
    if (!isJudged) {
      if (then === 'allow') this.#world.request(request, personal)
      else this.#history.forget(request.exchange)
      return null
    }
    const { verdict, judging } = judged(this.#policy, facts)
    if (verdict.would.effect === 'allow') this.#world.request(request, personal)
    else {
      this.#history.forget(request.exchange)
      if (request.operation === 'newOrder') this.#denied.set(request.exchange, true)
    }
    if (then === 'deny' && verdict.would.effect === 'allow') {
      this.#supposed.set(request.exchange, true)
    }
    this.#count(request, judging, verdict, then, () => clientOf(request, personal))
    return verdict
  }

  ended(end: RecordedEnd): void {
    if (this.#supposed.get(end.exchange) !== undefined) {
      this.#supposed.delete(end.exchange)
      return
    }
    this.#world.ended(end)
    if (!wasTaken(end)) this.#history.forget(end.exchange)
  }

  /** `until`: ms since 1970, what was read up to. */
  report(until: number): ReplayReport {
    const { document, digest } = this.#policy
    const { file, since, countedFrom, incomplete } = this.#options
    const before = [...this.#then].map(([digest, requests]) => ({ digest, requests }))
    return {
      candidate: { file, digest, mode: document.mode, rules: document.rules.length },
      before: before.sort((a, b) => b.requests - a.requests).slice(0, 20),
      range: { since: iso(since), until: iso(until), countedFrom: iso(countedFrom), incomplete },
      totals: { ...this.#totals },
      rules: this.#rules.groups(),
      clients: this.#clients.groups(),
      names: this.#names.groups(),
      unknown: this.#unknown.groups(),
      notes: this.#notes(),
    }
  }

  #followsDenied({ issuance }: RecordedRequest): boolean {
    return issuance !== null && this.#denied.get(issuance) !== undefined
  }

  #factsOf(request: RecordedRequest, personal: PersonalTexts): PolicyFacts {
    const { ca, account, issuance, asked, jws, decision } = request
    const { needs } = this.#policy
    const { dropped } = this.#options
    const read = decision.policy?.read
    const csr = asked?.kind === 'finalize' ? asked.csr : null
    const facts = factsOf(request, personal, {
      ...(dropped === undefined ? {} : { dropped }),
      account: needs.account ? this.#world.account(ca!, account) : undefined,
      order: this.#world.order(issuance),
      history: {},
      keyUses:
        needs.keyUses && csr !== null ? (read?.keyUses ?? this.#world.keyUses(csr.key.spki)) : undefined,
      accountKey:
        needs.accountKey && csr !== null
          ? (read?.accountKey ?? this.#world.isAccountKey(csr.key.thumbprint, jws?.thumbprint ?? null))
          : undefined,
    })!
    if (request.operation !== 'newOrder' || needs.history.length === 0) return facts
    const counted = recordedOrder(facts, request, personal)
    const { incomplete, countedFrom } = this.#options
    const isThere = ({ within }: HistoryQuestion) => !incomplete || facts.at - within >= countedFrom
    const history = this.#history.counts(needs.history.filter(isThere), counted)
    this.#history.begin(counted)
    return { ...facts, history }
  }

  #count(
    request: RecordedRequest,
    judging: Judging,
    verdict: PolicyVerdict,
    then: Effect,
    clientOf: () => string,
  ): void {
    const { facts } = judging
    const totals = this.#totals
    totals.decided += 1
    if (request.operation === 'newOrder') totals.orders += 1
    if (request.asked === undefined && request.operation !== 'unrecognised') totals.withoutAsked += 1
    this.#then.set(request.policyDigest, (this.#then.get(request.policyDigest) ?? 0) + 1)
    const now = verdict.would.effect
    const unknown = unknownIn(this.#policy, judging)
    const changes: Change[] = []
    if (then === now) totals.same += 1
    else changes.push(now === 'deny' ? 'deniedNow' : 'allowedNow')
    if (verdict.warnings.length > 0) changes.push('warned')
    if (unknown.length > 0) changes.push('unknown')
    for (const change of changes) totals[change] += 1
    if (then === 'allow' && verdict.decided.effect === 'deny') totals.deniedInForce += 1
    if (changes.length === 0) return
    const client = clientOf()
    let made: ReplaySample | null = null
    const sample = () => {
      made ??= this.#sample(request, facts, verdict, then, client)
      return made
    }
    const denied = now === 'deny' ? verdict.names : []
    const deciding =
      then === now && unknown.length === 0 ? [] : [verdict.would.rule, ...denied.map(({ rule }) => rule)]
    const about = denied.length > 0 ? denied.map(({ identifier }) => identifier) : (facts.identifiers ?? [])
    this.#rules.add([...deciding, ...verdict.warnings.map(({ rule }) => rule)], changes, sample)
    this.#clients.add([client], changes, sample)
    this.#names.add(
      about.slice(0, MOST_NAMES).map(({ value }) => value),
      changes,
      sample,
    )
    if (unknown.length > 0) this.#unknown.add(unknown, changes, sample)
  }

  #sample(
    { exchange, at, operation, ca, decision }: RecordedRequest,
    facts: PolicyFacts,
    verdict: PolicyVerdict,
    then: Effect,
    client: string,
  ): ReplaySample {
    const { would, warnings } = verdict
    const policy = this.#enforced ?? this.#policy
    const isDenied = would.effect === 'deny'
    const enforced = isDenied && policy !== this.#policy ? judged(policy, facts).verdict : verdict
    const denied = enforced.names
    const told = isDenied ? decisionOf(enforced, policy, facts, { record: exchange }) : null
    const names = denied.length > 0 ? denied.map(({ identifier }) => identifier) : (facts.identifiers ?? [])
    return {
      exchange,
      at: iso(at / 1000),
      operation,
      ca: ca ?? '',
      client,
      names: names.slice(0, NAMES_OF_SAMPLE).map(({ value }) => value),
      was: { effect: then, rule: then === 'deny' ? decision.rule : (decision.policy?.decided.rule ?? null) },
      now: {
        effect: would.effect,
        rule: would.rule,
        message: told?.effect === 'deny' ? told.detail : (warnings[0]?.message ?? null),
      },
    }
  }

  #notes(): readonly string[] {
    const { follows, allowedNow, withoutAsked, unknown } = this.#totals
    const notes = [
      `Polls of orders, authorizations, challenges and certificates are not judged: they ask for nothing new.`,
    ]
    if (follows > 0)
      notes.push(
        `${follows} later requests of orders that the candidate denies are not judged: they would not have been made.`,
      )
    if (allowedNow > 0)
      notes.push(
        `What was denied then never reached the CA; where the candidate allows it, the CA is taken to have agreed.`,
      )
    if (withoutAsked > 0)
      notes.push(
        `${withoutAsked} requests were recorded before policies were: their CSRs, profiles and validities are not known.`,
      )
    if (unknown > 0)
      notes.push(
        `${unknown} requests met a condition that can't be known now; they are decided as their rules say of it.`,
      )
    if (this.#options.incomplete)
      notes.push(
        `Older facts were removed for their age: budgets and accounts that reach back to them are not known.`,
      )
    return notes
  }
}

/** A webhook that answered then is taken to answer so again; one that was not asked is not asked now. */
function judged(policy: Policy, facts: PolicyFacts): { verdict: PolicyVerdict; judging: Judging } {
  for (let answered = facts; ; ) {
    const judging = new Judging(answered, policy.slots)
    const result = new Evaluating(policy, judging).result()
    if ('verdict' in result) return { verdict: result.verdict, judging }
    const unanswered = Object.fromEntries(result.ask.map((name) => [name, NOT_RECORDED]))
    answered = { ...answered, webhooks: { ...answered.webhooks, ...unanswered } }
  }
}

async function* nothing(): AsyncGenerator<never> {}

function iso(at: number): string {
  return new Date(Math.min(8.64e15, Math.max(0, at))).toISOString()
}
