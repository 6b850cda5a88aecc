import { contactsOf, identifiersOf } from '../../../src/acme/payloads.ts'
import type { PolicyVerdict } from '../../../src/exchange/decision.ts'
import { evaluate } from '../../../src/policy/evaluate.ts'
import { gather } from '../../../src/policy/gather.ts'
import { IssuanceHistory } from '../../../src/policy/issuance-history.ts'
import type { AccountFacts, Lookups, SeenOrder } from '../../../src/policy/lookups.ts'
import { orderFactsOf } from '../../../src/policy/order-facts.ts'
import type { Policy } from '../../../src/policy/policy.ts'
import type { Step } from './issuances.ts'

/** Polls are decided live and not again: see policy/replay.ts. */
const POLLS: ReadonlySet<string> = new Set(['authorization', 'challenge', 'order', 'certificate'])

/**
 * Decides what a fleet asks for as a server would that enforces the policy from `since` (µs) on: by what it gathers, with
 * a history that runs along, while those that it denies never reach the CA. The world it looks things up in is kept here,
 * told by the answers alone.
 */
export class LiveDecisions {
  readonly verdicts = new Map<string, PolicyVerdict>()
  readonly #policy: Policy
  readonly #since: number
  readonly #history = new IssuanceHistory()
  readonly #accounts = new Map<string, AccountFacts>()
  readonly #orders = new Map<string, SeenOrder>()
  readonly #uses = new Map<string, string[][]>()
  readonly #keys = new Set<string>()
  readonly #denied = new Set<string>()
  #follows = 0

  private constructor(policy: Policy, since: number) {
    this.#policy = policy
    this.#since = since
  }

  static async begin(policy: Policy, since: number): Promise<LiveDecisions> {
    const live = new LiveDecisions(policy, since)
    live.#history.use(policy.needs.history)
    await live.#history.seed(live.#lookups.ordersSince(0), Number.NEGATIVE_INFINITY)
    return live
  }

  /** Requests, polls left out, that came after a denial of their order. */
  get follows(): number {
    return this.#follows
  }

  async take(step: Step): Promise<void> {
    if (step.kind === 'end') return this.#ended(step)
    const { exchange, asked } = step
    const { id, receivedAt, resource, operation } = exchange
    if (POLLS.has(operation)) return
    if (resource?.issuance && this.#denied.has(resource.issuance)) {
      this.#denied.add(id)
      this.#follows += 1
      return
    }
    const now = receivedAt.wall / 1000
    const facts = await gather(exchange, asked, this.#policy.needs, this.#lookups, this.#history, now)
    if (receivedAt.wall < this.#since) return
    const result = evaluate(this.#policy, facts)
    if (!('verdict' in result)) throw new Error('a webhook was asked')
    this.verdicts.set(id, result.verdict)
    if (result.verdict.decided.effect === 'allow') return
    this.#history.forget(id)
    this.#denied.add(id)
  }

  #ended({ exchange, asked, status, account }: Extract<Step, { kind: 'end' }>): void {
    const { id, operation, inspection } = exchange
    if (this.#denied.has(id)) return
    if (status === null || status > 299) {
      this.#history.forget(id)
      return
    }
    const payload = inspection?.jws.payload
    const url = account ?? inspection?.jws.header.kid
    const place = `${exchange.destination!.ca} ${url}`
    if (operation === 'newAccount' && asked?.kind === 'account') {
      this.#accounts.set(place, { contacts: contactsOf(payload), externalAccount: asked.externalAccount })
      this.#keys.add(inspection!.thumbprint!)
    }
    const known = this.#accounts.get(place)
    if (operation === 'account' && known)
      this.#accounts.set(place, { ...known, contacts: contactsOf(payload) })
    if (operation === 'newOrder' && asked?.kind === 'order') {
      const identifiers = identifiersOf(payload, 'newOrder')
      this.#orders.set(id, { ...orderFactsOf(asked, exchange.receivedAt.wall / 1000), identifiers })
    }
    if (asked?.kind === 'finalize' && asked.csr) {
      const names = asked.csr.names.map(({ value }) => value).sort()
      const uses = this.#uses.get(asked.csr.key.spki) ?? []
      if (uses.length < 20 && !uses.some((set) => set.join() === names.join())) uses.push(names)
      this.#uses.set(asked.csr.key.spki, uses)
    }
  }

  readonly #lookups: Lookups = {
    account: async (ca, url) => this.#accounts.get(`${ca} ${url}`),
    order: async (issuance) => this.#orders.get(issuance),
    keyUses: async (spki) => [...(this.#uses.get(spki) ?? [])],
    isAccountKey: async (thumbprint) => this.#keys.has(thumbprint),
    async *ordersSince() {},
  }
}
