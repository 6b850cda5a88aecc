import { setTimeout as sleep } from 'node:timers/promises'
import type { Asked } from '../exchange/asked.ts'
import type { Decision } from '../exchange/decision.ts'
import type { Completed, Destination, Inspected } from '../exchange/exchange.ts'
import type { ExchangeId } from '../exchange/exchange-id.ts'
import { BUILT_IN } from '../policy/built-in.ts'
import type { KeptAs } from '../policy/counted-order.ts'
import { isDecided } from '../policy/decided-operations.ts'
import { decisionOf } from '../policy/denial.ts'
import { evaluate } from '../policy/evaluate.ts'
import type { PolicyFacts } from '../policy/facts.ts'
import { gather } from '../policy/gather.ts'
import { questionText } from '../policy/history.ts'
import { IssuanceHistory } from '../policy/issuance-history.ts'
import { LookupMemory } from '../policy/lookup-memory.ts'
import type { Lookups } from '../policy/lookups.ts'
import type { Policy } from '../policy/policy.ts'
import type { Webhooks } from '../policy/webhooks.ts'

export interface PolicingParts {
  /** Told what each decision rests on, before webhooks are asked. */
  readonly onFacts?: ((exchange: ExchangeId, facts: PolicyFacts) => void) | undefined
  readonly lookups: Lookups
  readonly webhooks: Webhooks
  /** What the record keeps of personal values. */
  readonly keptAs: KeptAs
  /** Whether a directory of this CA was read since the start. */
  readonly isRead: (ca: string) => boolean
  /** Whether this CA knows of external accounts, so that a binding is more than its client's claim. */
  readonly bindsAccounts: (destination: Destination) => Promise<boolean>
  /** How long a decision took, in seconds. */
  readonly decidedIn: (seconds: number) => void
  readonly onBug: (error: unknown) => void
  /** Earlier orders could not be read: conditions on history are unknown until they could. */
  readonly onHistoryBehind: (error: unknown) => void
}

const PASSES: Decision = { effect: 'allow' }
/** Milliseconds until reading earlier orders is tried again, where it failed or the clock was set back meanwhile. */
const SEED_AGAIN = 10_000
/** Milliseconds that a newOrder waits for earlier orders to be counted. */
const PATIENCE = 2_000
/** Seconds after which a client may ask again whose CA's directory was not read yet. */
const DIRECTORY_SOON = 30

/** The policy in force, and what it decides by beside the request: earlier orders, accounts, webhooks. */
export class Policing {
  readonly #parts: PolicingParts
  readonly #lookups: LookupMemory
  readonly #history = new IssuanceHistory()
  #policy: Policy | null = null
  readonly #checking: NodeJS.Timeout
  /** Earlier orders are being read, for these questions. */
  #seeding: { readonly questions: string; readonly done: Promise<void> } | null = null
  #closed = false

  constructor(parts: PolicingParts) {
    this.#parts = parts
    this.#lookups = new LookupMemory(parts.lookups)
    this.#checking = setInterval(() => {
      if (!this.#history.seeded) this.#seed()
    }, SEED_AGAIN).unref()
  }

  /** From the next request on; null: none. What was decided under another one stays decided. */
  use(policy: Policy | null): void {
    this.#policy = policy
    this.#seed()
  }

  /** One policy decides the whole request, whatever is loaded meanwhile. Rejects only where enforcing fails: nothing is sent then. */
  async decide(exchange: Inspected, asked: Asked | null): Promise<Decision> {
    const policy = this.#policy
    if (policy === null || !exchange.destination) return PASSES
    if (!isDecided(exchange.request.method, exchange.operation)) return PASSES
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
    clearInterval(this.#checking)
  }

  async #decide(policy: Policy, exchange: Inspected, asked: Asked | null): Promise<Decision> {
    const { keptAs, webhooks } = this.#parts
    const now = exchange.receivedAt.wall / 1000
    await this.#seeded(exchange, policy)
    const bindsAccounts = await this.#bindsAccounts(exchange, policy)
    let facts: PolicyFacts = await gather(exchange, asked, policy.needs, this.#lookups, this.#history, now, {
      keptAs,
      bindsAccounts,
    })
    this.#parts.onFacts?.(exchange.id, facts)
    if (exchange.request.method !== 'POST') facts = { ...facts, operation: 'unrecognised' }
    for (;;) {
      const result = evaluate(policy, facts, { record: exchange.id })
      if ('verdict' in result)
        return this.#ended(decisionOf(result.verdict, policy, facts, { record: exchange.id }), facts)
      const answers = await Promise.all(
        result.ask.map(async (name) => {
          const setting = policy.document.webhooks[name]!
          return [name, await webhooks.ask(name, setting, facts, exchange.id)] as const
        }),
      )
      facts = { ...facts, webhooks: { ...facts.webhooks, ...Object.fromEntries(answers) } }
    }
  }

  async #bindsAccounts({ destination, operation }: Inspected, { needs }: Policy): Promise<boolean> {
    if (destination === null || (!needs.account && operation !== 'newAccount')) return true
    return this.#parts.bindsAccounts(destination)
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

  /** Reads earlier orders where the policy counts them and they are not counted, or being read, yet. */
  #seed(): void {
    const asked = this.#policy?.needs.history ?? []
    const questions = asked.map(questionText).sort().join('\n')
    if (this.#closed || this.#seeding?.questions === questions) return
    const back = this.#history.use(asked)
    if (back === null) return
    const since = Date.now() - back
    const done = this.#history.seed(this.#lookups.ordersSince(since), since).catch((error: unknown) => {
      if (!this.#closed) this.#parts.onHistoryBehind(error)
    })
    const seeding = { questions, done }
    this.#seeding = seeding
    void done.then(() => {
      if (this.#seeding === seeding) this.#seeding = null
    })
  }

  /** A budget that is not known yet is soon: a newOrder waits for it for a moment. */
  async #seeded({ operation }: Inspected, policy: Policy): Promise<void> {
    if (operation !== 'newOrder' || policy.needs.history.length === 0 || this.#seeding === null) return
    const waited = new AbortController()
    const patience = sleep(PATIENCE, undefined, { ref: false, signal: waited.signal }).catch(() => {})
    await Promise.race([this.#seeding.done, patience])
    waited.abort()
  }
}

function enforces({ document, rules }: Policy): boolean {
  return document.mode === 'enforce' || rules.some(({ mode }) => mode === 'enforce')
}
