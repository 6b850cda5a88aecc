import type {
  AccountRequest,
  EngineEvent,
  EngineOperations,
  IssueRequest,
  PlanRequest,
  ReissueEvent,
  RenewRequest,
  RevokeRequest,
  ShownDnsRegistration,
  ShownEngineAccount,
  ShownJob,
  ShownManagedCertificate,
  ShownPlan,
} from '../../src/api/engine-operations.ts'
import { OperationRefused } from '../../src/api/operations.ts'
import type { Actor } from '../../src/audit/event.ts'

/** An engine that answers what it was given, and remembers how it was asked. */
export class FakeEngine implements EngineOperations {
  readonly calls: unknown[][] = []
  accountList: ShownEngineAccount[] = []
  certificateList: ShownManagedCertificate[] = []
  jobList: ShownJob[] = []
  planList: ShownPlan[] = []
  registrationList: ShownDnsRegistration[] = []
  events: EngineEvent[] = []
  reissueEvents: ReissueEvent[] = []
  revoked = { fingerprint: 'f'.repeat(64), ca: 'letsencrypt' }
  /** PEM by plan and line: `<plan>/1`. */
  readonly chains = new Map<string, string>()
  /** Where given, whatever changes something rejects with it. */
  refusal: Error | null = null
  /** Where given, a stream rejects with it after its events. */
  failure: Error | null = null
  /** Where true, a stream waits for its signal after the events. */
  endless = false
  ended = 0

  async accounts() {
    return this.accountList
  }
  async register(request: AccountRequest, actor: Actor) {
    return this.#account(request.ca, 'register', request, actor)
  }
  async updateContact(ca: string, contact: readonly string[], actor: Actor) {
    return this.#account(ca, 'updateContact', ca, contact, actor)
  }
  async rollOver(ca: string, actor: Actor) {
    return this.#account(ca, 'rollOver', ca, actor)
  }
  async deactivate(ca: string, actor: Actor) {
    return this.#account(ca, 'deactivate', ca, actor)
  }
  async certificates() {
    return this.certificateList
  }
  async jobs(filter: { readonly certificate?: string; readonly open?: boolean; readonly limit: number }) {
    this.calls.push(['jobs', filter])
    return this.jobList.slice(0, filter.limit)
  }
  issue(request: IssueRequest, actor: Actor, signal: AbortSignal) {
    return this.#stream(this.events, signal, 'issue', request, actor)
  }
  renew(request: RenewRequest, actor: Actor, signal: AbortSignal) {
    return this.#stream(this.events, signal, 'renew', request, actor)
  }
  async revoke(request: RevokeRequest, actor: Actor) {
    this.#called('revoke', request, actor)
    return this.revoked
  }
  async plans() {
    return this.planList.map(({ lines: _, ...plan }) => plan)
  }
  async plan(id: string) {
    return this.planList.find((one) => one.id === id) ?? null
  }
  async makePlan(request: PlanRequest, actor: Actor) {
    this.#called('makePlan', request, actor)
    const [plan] = this.planList
    if (plan === undefined) throw new Error('nothing was prepared for makePlan')
    return plan
  }
  applyPlan(id: string, actor: Actor, signal: AbortSignal) {
    return this.#stream(this.reissueEvents, signal, 'applyPlan', id, actor)
  }
  async pickup(plan: string, line: number) {
    return this.chains.get(`${plan}/${line}`) ?? null
  }
  async dnsRegistrations() {
    return this.registrationList
  }
  async registerDns(allowFrom: readonly string[], actor: Actor) {
    this.#called('registerDns', allowFrom, actor)
    const [registration] = this.registrationList
    if (registration === undefined) throw new Error('nothing was prepared for registerDns')
    return { registration: { ...registration, allowFrom }, password: 'p'.repeat(40) }
  }
  async removeDnsRegistration(subdomain: string, actor: Actor) {
    this.#called('removeDnsRegistration', subdomain, actor)
    if (!this.registrationList.some((one) => one.subdomain === subdomain))
      throw new OperationRefused('there is no registration with this subdomain', 404)
  }

  #called(call: string, ...given: unknown[]) {
    this.calls.push([call, ...given])
    if (this.refusal !== null) throw this.refusal
  }
  #account(ca: string, call: string, ...given: unknown[]) {
    this.#called(call, ...given)
    const account = this.accountList.find((one) => one.ca === ca)
    if (account === undefined) throw new OperationRefused(`there is no CA ${ca}`, 404)
    return account
  }
  async *#stream<T>(events: readonly T[], signal: AbortSignal, call: string, ...given: unknown[]) {
    this.#called(call, ...given)
    try {
      yield* events
      if (this.failure !== null) throw this.failure
      if (this.endless && !signal.aborted)
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
    } finally {
      this.ended += 1
    }
  }
}
