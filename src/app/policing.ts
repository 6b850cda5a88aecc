import type { Operation } from '../acme/operation.ts'
import type { Asked } from '../exchange/asked.ts'
import type { Decision } from '../exchange/decision.ts'
import type { Completed, Inspected } from '../exchange/exchange.ts'
import type { ExchangeId } from '../exchange/exchange-id.ts'
import { BUILT_IN } from '../policy/built-in.ts'
import type { KeptAs } from '../policy/counted-order.ts'
import { decisionOf } from '../policy/denial.ts'
import { evaluate } from '../policy/evaluate.ts'
import type { PolicyFacts } from '../policy/facts.ts'
import { gather } from '../policy/gather.ts'
import { IssuanceHistory } from '../policy/issuance-history.ts'
import { LookupMemory } from '../policy/lookup-memory.ts'
import type { Lookups } from '../policy/lookups.ts'
import type { Policy } from '../policy/policy.ts'
import type { Webhooks } from '../policy/webhooks.ts'

export interface PolicingParts {
  readonly lookups: Lookups
  readonly webhooks: Webhooks
  /** What the record keeps of personal values. */
  readonly keptAs: KeptAs
  /** Whether a directory of this CA was read since the start. */
  readonly isRead: (ca: string) => boolean
  /** How long a decision took, in seconds. */
  readonly decidedIn: (seconds: number) => void
  readonly onBug: (error: unknown) => void
  /** Earlier orders could not be read: conditions on history are unknown until they could. */
  readonly onHistoryBehind: (error: unknown) => void
}

const PASSES: Decision = { effect: 'allow' }
/** Milliseconds until reading earlier orders is tried again. */
const SEED_AGAIN = 10_000
/** Seconds after which a client may ask again whose CA's directory was not read yet. */
const DIRECTORY_SOON = 30

/** What a policy decides of POSTs. Reading (directory, nonces, renewal information, lists of orders) is everybody's. */
const DECIDED: ReadonlySet<Operation> = new Set([
  'newAccount',
  'account',
  'keyChange',
  'newOrder',
  'newAuthz',
  'order',
  'authorization',
  'challenge',
  'finalize',
  'certificate',
  'revokeCert',
  'unrecognised',
])

/** The policy in force, and what it decides by beside the request: earlier orders, accounts, webhooks. */
export class Policing {
  readonly #parts: PolicingParts
  readonly #lookups: LookupMemory
  readonly #history = new IssuanceHistory()
  #policy: Policy | null = null
  #seeding: NodeJS.Timeout | null = null
  #closed = false

  constructor(parts: PolicingParts) {
    this.#parts = parts
    this.#lookups = new LookupMemory(parts.lookups)
  }

  /** From the next request on; null: none. What was decided under another one stays decided. */
  use(policy: Policy | null): void {
    this.#policy = policy
    this.#seed()
  }

  /** One policy decides the whole request, whatever is loaded meanwhile. Rejects only where enforcing fails: nothing is sent then. */
  async decide(exchange: Inspected, asked: Asked | null): Promise<Decision> {
    const policy = this.#policy
    if (policy === null || !isDecided(exchange)) return PASSES
    const began = performance.now()
    try {
      return await this.#decide(policy, exchange, asked)
    } catch (error) {
      if (enforces(policy)) throw error
      this.#parts.onBug(error)
      return PASSES
    } finally {
      this.#parts.decidedIn((performance.now() - began) / 1000)
    }
  }

  /** For each exchange that has ended, before its client can ask again. */
  note(exchange: Completed): void {
    this.#lookups.note(exchange)
    const { outcome, operation, id } = exchange
    if (operation !== 'newOrder') return
    const isTaken =
      outcome.kind === 'response' && outcome.response.status >= 200 && outcome.response.status <= 299
    if (!isTaken) this.#history.forget(id)
  }

  /** An exchange that came to no end: nothing was sent. */
  forget(id: ExchangeId): void {
    this.#history.forget(id)
  }

  /** Somebody was erased from the record. */
  forgetPeople(): void {
    this.#lookups.forgetPeople()
  }

  /** What supposed requests are explained with. */
  get history(): IssuanceHistory {
    return this.#history
  }

  close(): void {
    this.#closed = true
    if (this.#seeding !== null) clearTimeout(this.#seeding)
  }

  async #decide(policy: Policy, exchange: Inspected, asked: Asked | null): Promise<Decision> {
    const { keptAs, webhooks } = this.#parts
    const now = exchange.receivedAt.wall / 1000
    let facts: PolicyFacts = await gather(exchange, asked, policy.needs, this.#lookups, this.#history, now, {
      keptAs,
    })
    if (exchange.request.method !== 'POST') facts = { ...facts, operation: 'unrecognised' }
    for (;;) {
      const result = evaluate(policy, facts)
      if ('verdict' in result) return this.#ended(decisionOf(result.verdict, policy, facts), facts)
      const answers = await Promise.all(
        result.ask.map(async (name) => {
          const setting = policy.document.webhooks[name]!
          return [name, await webhooks.ask(name, setting, facts, exchange.id)] as const
        }),
      )
      facts = { ...facts, webhooks: { ...facts.webhooks, ...Object.fromEntries(answers) } }
    }
  }

  /** A CA whose directory can't be read has no URLs that could be recognised: that is not the client's fault. */
  #ended(decision: Decision, { ca }: PolicyFacts): Decision {
    if (decision.effect === 'allow' || decision.rule !== BUILT_IN.unrecognised) return decision
    if (this.#parts.isRead(ca)) return decision
    return {
      ...decision,
      problem: 'serverInternal',
      status: 503,
      retryAfter: DIRECTORY_SOON,
      detail: `acmetap could not read this CA's directory yet, so it cannot tell what this request is, and its policy denies what it cannot tell; try again in a minute (acmetap ca list says how the CA is)`,
    }
  }

  /** Reads earlier orders where the policy counts them and they are not counted yet. */
  #seed(): void {
    if (this.#seeding !== null) clearTimeout(this.#seeding)
    this.#seeding = null
    const back = this.#history.use(this.#policy?.needs.history ?? [])
    if (back === null || this.#closed) return
    const since = Date.now() - back
    void this.#history.seed(this.#lookups.ordersSince(since), since).catch((error: unknown) => {
      if (this.#closed) return
      this.#parts.onHistoryBehind(error)
      this.#seeding = setTimeout(() => this.#seed(), SEED_AGAIN).unref()
    })
  }
}

/** Methods that only read are everybody's; what no ACME server knows is nothing that could be recognised. */
function isDecided({ destination, request, operation }: Inspected): boolean {
  if (!destination || request.method === 'GET' || request.method === 'HEAD') return false
  return request.method !== 'POST' || DECIDED.has(operation)
}

function enforces({ document, rules }: Policy): boolean {
  return document.mode === 'enforce' || rules.some(({ mode }) => mode === 'enforce')
}
