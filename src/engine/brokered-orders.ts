import type { Identifier } from '../acme/identifier.ts'
import { problemShortName } from '../acme/problem-types.ts'
import type { ExchangeId } from '../exchange/exchange-id.ts'
import { newExchangeId } from '../exchange/exchange-id.ts'
import { messageOf } from '../exchange/message-of.ts'
import { isAboutAccount } from './account-fault.ts'
import { AllChains } from './all-chains.ts'
import { authorize } from './authorize.ts'
import { cleanUp } from './clean-up.ts'
import type { OpenAccount } from './engine-accounts.ts'
import { EngineError } from './engine-error.ts'
import type { EngineParts } from './engine-parts.ts'
import { finalizeOrder, findFinalized, isNotReady } from './finalize-order.ts'
import { hasEnded, type Job, NOT_BEGUN } from './job.ts'
import { JobRun, type SignedRun } from './job-run.ts'
import { fetchOrder, newOrder } from './new-order.ts'
import { currentOrder, NO_ORDER } from './obtain.ts'
import { knownOrder, obtainOrder } from './obtain-order.ts'
import type { OrderObject } from './order-object.ts'
import { SharedWork } from './shared-work.ts'
import { Turns } from './turns.ts'
import { namesText } from './wanted-names.ts'

export interface WantedBrokered {
  readonly ca: string
  /** Of the broker's: asked twice for the same, the same job is given back. */
  readonly order: string
  /** Whose account at the CA; null: the one that all share. */
  readonly tenant: string | null
  /** In lower case; `*.` is part of a wildcard's value. */
  readonly identifiers: readonly Identifier[]
  readonly profile: string | null
  readonly replaces: string | null
  /** The client's exchange. */
  readonly parent: ExchangeId
}

/** Finalize was sent, or may have been, and what became of it is not known: asking again finds out. */
export class FateUnknown extends EngineError {}

/** µs after which jobs are forgotten: those that have ended, and those that nobody has gone on with. */
const KEPT = { ended: 3_600_000_000, open: 31 * 86_400_000_000 }
/** µs between two times of forgetting. */
const FORGETTING = 60_000_000
/** Seconds a CA that failed is given before its word about the order counts. */
const SETTLING = 1
/** Open jobs that are looked at: more than were ever open at a time. */
const MOST_OPEN = 100_000
/** Orders that are remembered, as they stood last, and µs for which that is believed. */
const MOST_SEEN = 10_000
const BELIEVED = 600_000_000
/** Times that something which is no certificate is taken for a proxy's, or a moment's, fault. */
const MOST_UNREADABLE = 2

interface Seen {
  readonly job: string | null
  readonly order: OrderObject
  /** µs on the monotonic clock. */
  readonly at: number
}

/**
 * Orders that clients of acmetap's want: each is a job whose request comes late. Whoever serves the client goes on with it, step by
 * step; every step may be repeated after a kill. One attempt each: a failure is thrown, as EngineError, and nothing waits for a
 * better time. A job that came to nothing has ended; for one that may still succeed the step can be asked for again.
 */
export class BrokeredOrders {
  readonly #parts: EngineParts
  readonly #turns: Turns
  readonly #works = new SharedWork()
  readonly #chains = new AllChains()
  /** By URL: how an order stood last, and the only job that has it; null where several do. */
  readonly #seen = new Map<string, Seen>()
  /** By job: how often what came in the place of its certificate was none. */
  readonly #unreadable = new Map<string, number>()
  readonly #closing = new AbortController()
  readonly #cleaning = new Set<Promise<unknown>>()
  /** Monotonic µs. */
  #forgot: number | null = null

  /** `parts.turns`: those of the Engine over the same store. */
  constructor(parts: EngineParts) {
    this.#parts = parts
    this.#turns = parts.turns ?? new Turns()
  }

  /**
   * RFC 8555 §7.4: resolves when the CA has taken the order, with the job's id. It waits for nobody: where the CA gives several jobs
   * the same order, they have it one after the other.
   */
  place(
    wanted: WantedBrokered,
    signal: AbortSignal,
  ): Promise<{ readonly job: string; readonly expires: number | null }> {
    this.#forget()
    const certificate = `broker:${wanted.order}@${wanted.ca}`
    return this.#works.join(certificate, signal, async (stop) => {
      const [known] = await this.#parts.store.jobs({ certificate, limit: 1 })
      if (known === undefined || known.step === 'failed') return this.#place(certificate, wanted, stop)
      const expires = await this.#signed(known.id, stop, async (signed) => {
        if (known.step === 'done' || known.step === 'finalizing') return null
        return (await currentOrder(signed)).expires
      })
      return { job: known.id, expires }
    })
  }

  /** RFC 8555 §7.5: resolves when every name is validated. Nothing happens for an order that was finalized. */
  authorize(job: string, signal: AbortSignal): Promise<void> {
    return this.#works.join(`authorize ${job}`, signal, (stop) =>
      this.#signed(job, AbortSignal.any([stop, this.#closing.signal]), async (signed) => {
        if (signed.run.job.step === 'done' || signed.run.job.step === 'finalizing') return
        await this.#authorize(signed)
      }),
    )
  }

  /**
   * RFC 8555 §7.4: proves what is not proved yet, sends the request (DER, base64url) as it is, and resolves with the chains of the
   * certificate, checked against order and request, and the account's id. Rejects with {@link FateUnknown}.
   */
  finalize(
    job: string,
    csr: string,
    signal: AbortSignal,
  ): Promise<{ readonly chains: readonly string[]; readonly account: string }> {
    return this.#works.join(`finalize ${job}`, signal, (stop) =>
      this.#signed(job, AbortSignal.any([stop, this.#closing.signal]), async (signed) => {
        const { run, account } = signed
        if (run.job.csr !== null && run.job.csr !== csr)
          throw new EngineError('input', `the order of the job ${job} was finalized with another request`)
        // Kept with the announcement of finalize.
        if (run.job.csr === null) run.stands(run.changed({ csr }))
        const order = await this.#finalized(signed)
        const chains = await this.#fetched(signed, order.certificate!)
        if (run.job.step !== 'done') await run.put({ step: 'done', error: null })
        this.#seen.delete(order.url)
        return { chains, account: account.id }
      }),
    )
  }

  /** Nobody wants it any more; nothing happens where finalize was sent. Answers to challenges are taken away. */
  async abandon(id: string): Promise<void> {
    await this.#works.stop(`authorize ${id}`)
    const { store, clock } = this.#parts
    const job = await store.job(id)
    if (job === null || hasEnded(job) || job.step === 'finalizing') return
    const error = { message: 'nobody wants it any more', type: null, exchange: null }
    await store.putJob({ ...job, step: 'failed', error, changedAt: clock.now().wall })
    if (job.order !== null) this.#seen.delete(job.order)
    await this.#withdraw(id)
  }

  /** Jobs at this CA that were placed and neither finalized nor abandoned, with the broker's orders they are for. */
  async placed(ca: string): Promise<readonly { readonly job: string; readonly order: string }[]> {
    const open = await this.#parts.store.jobs({ open: true, limit: MOST_OPEN })
    return open.flatMap((job) =>
      job.brokered === undefined || job.ca !== ca || job.step === 'finalizing'
        ? []
        : [{ job: job.id, order: job.brokered.order }],
    )
  }

  /** Stops what is under way, where it can be gone on with, and waits until it has. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#works.close()
    await Promise.allSettled(this.#cleaning)
  }

  /** The only write is that of the order the CA has made: what a kill leaves behind is an order that nobody finalizes. */
  async #place(certificate: string, wanted: WantedBrokered, signal: AbortSignal) {
    const { ca, order: wantedFor, tenant, identifiers, profile, replaces, parent } = wanted
    return this.#opened({ ca, tenant }, signal, async ({ account, signer }) => {
      const now = this.#parts.clock.now().wall
      const job: Job = {
        id: newExchangeId(),
        certificate,
        reason: 'brokered',
        line: null,
        ca,
        account: account.id,
        identifiers,
        profile,
        replaces,
        preferredChain: null,
        solver: null,
        dryRun: false,
        csr: null,
        key: null,
        ...NOT_BEGUN,
        createdAt: now,
        changedAt: now,
        brokered: { order: wantedFor, tenant, parent },
      }
      const run = new JobRun(this.#parts, job, this.#turns, signal, this.#parts.onProgress, true)
      const placed = await newOrder(run.session, signer, { identifiers, profile, replaces }, signal)
      const { order } = placed
      await this.#parts.failPoint('order.stored', 'before')
      await run.put({ step: 'ordered', order: order.url, replaces: placed.replaces })
      await this.#parts.failPoint('order.stored', 'after')
      this.#see(job.id, order)
      return { job: job.id, expires: order.expires }
    })
  }

  async #authorize(signed: SignedRun): Promise<OrderObject> {
    const { run } = signed
    try {
      const authorized = await authorize(signed, await this.#order(signed))
      this.#see(run.job.id, authorized)
      this.#aside(run.cleaning)
      return authorized
    } catch (error) {
      await this.#withdraw(run.job.id)
      throw error
    }
  }

  async #finalized(signed: SignedRun): Promise<OrderObject> {
    const { run, signer } = signed
    const { step, order: url } = run.job
    if (step === 'finalizing' || step === 'done') {
      const order = await knownOrder(run, signer, url!)
      if (order === null)
        throw new FateUnknown(
          'protocol',
          `the CA ${JSON.stringify(run.job.ca)} no longer has the order ${url}`,
        )
      if (step === 'done' && order.status !== 'valid')
        throw new FateUnknown(
          'protocol',
          `the CA ${JSON.stringify(run.job.ca)} says that the order ${url} is ${order.status}, and has given its certificate before`,
        )
      return findFinalized(signed, order)
    }
    const authorized = await this.#authorize(signed)
    try {
      return await finalizeOrder(signed, authorized)
    } catch (error) {
      if (!isNotReady(error)) throw error
      // It was remembered as it stood before another job has finalized it.
      this.#seen.delete(authorized.url)
      await run.put({ step: 'ordered' })
      return finalizeOrder(signed, await this.#authorize(signed))
    }
  }

  /** A CA that issued what nobody can read has issued nothing: it is asked a few times, and then that is its word. */
  async #fetched(signed: SignedRun, url: string): Promise<readonly string[]> {
    const { id } = signed.run.job
    try {
      const chains = await this.#chains.fetch(signed, url)
      this.#unreadable.delete(id)
      return chains
    } catch (error) {
      const isWord = error instanceof EngineError && error.fault === 'protocol' && error.status === 200
      if (!isWord) throw error
      const times = (this.#unreadable.get(id) ?? 0) + 1
      this.#unreadable.set(id, times)
      dropOldest(this.#unreadable)
      if (times <= MOST_UNREADABLE) throw error
      this.#unreadable.delete(id)
      throw new EngineError('mismatch', error.message, detailsOf(error))
    }
  }

  /** The job's order as it stands; as it is remembered, where nobody else can have changed it. */
  async #order(signed: SignedRun): Promise<OrderObject> {
    const { run } = signed
    const { id, order: url, step } = run.job
    const seen = url === null || step !== 'ordered' ? undefined : this.#seen.get(url)
    const isOurs = seen?.job === id && run.time - seen.at < BELIEVED
    if (isOurs && seen.order.status !== 'invalid') return seen.order
    const order = await currentOrder(signed)
    // An attempt of this job's would have ended it: it was another's, at the same order.
    if (order.status !== 'invalid') return order
    run.note('another job has made the order invalid: a new one is made')
    await run.put(NO_ORDER)
    return obtainOrder(signed)
  }

  #see(job: string, order: OrderObject): void {
    const known = this.#seen.get(order.url)
    const only = known === undefined || known.job === job ? job : null
    this.#seen.set(order.url, { job: only, order, at: this.#parts.clock.now().monotonic })
    dropOldest(this.#seen)
  }

  /** A step of a job that has not failed, while nobody else is at the same names with the same account. */
  async #signed<T>(id: string, signal: AbortSignal, step: (signed: SignedRun) => Promise<T>): Promise<T> {
    const found = await this.#job(id)
    const { ca, brokered, identifiers } = found
    return this.#opened({ ca, tenant: brokered!.tenant }, signal, async (opened) => {
      let waited = false
      const names = `${opened.account.id} ${namesText(identifiers)}`
      const done = await this.#turns.take(names, signal, () => {
        waited = true
      })
      try {
        const job = waited ? await this.#job(id) : found
        const run = new JobRun(this.#parts, job, this.#turns, signal, this.#parts.onProgress)
        return await this.#attempt({ run, ...opened }, step)
      } finally {
        done()
      }
    })
  }

  async #attempt<T>(signed: SignedRun, step: (signed: SignedRun) => Promise<T>): Promise<T> {
    const { run, account } = signed
    if (account.id !== run.job.account && !hasEnded(run.job))
      await run.put({ account: account.id, ...NO_ORDER })
    try {
      return await step(signed)
    } catch (error) {
      throw error instanceof EngineError ? await this.#settle(signed, error) : error
    }
  }

  /** What is thrown in the end. The job has ended where the CA has said no; else it stands where it can be gone on with. */
  async #settle(signed: SignedRun, error: EngineError): Promise<EngineError> {
    const { run } = signed
    if (error.fault === 'aborted' || error instanceof FateUnknown || hasEnded(run.job)) return error
    const isOver = endsJob(error)
    if (run.job.step === 'finalizing' && error.fault !== 'invalid' && error.fault !== 'mismatch') {
      if (!(await this.#isKnown(signed, error)))
        return new FateUnknown(error.fault, error.message, detailsOf(error))
      if (!isOver) await run.put({ step: 'ordered' })
    }
    if (isOver) {
      const why = { message: error.message, type: error.problem?.type ?? null, exchange: error.exchange }
      if (run.job.order !== null) this.#seen.delete(run.job.order)
      await run.put({ step: 'failed', error: why })
    }
    return error
  }

  /** Whether it is certain that what was sent as finalize has come to nothing. */
  async #isKnown(signed: SignedRun, error: EngineError): Promise<boolean> {
    const { run, signer } = signed
    const { announced, order } = run.job
    const recorded = announced === null ? null : await this.#parts.findRecorded(announced)
    if (recorded === null || recorded.state === 'unsent') return true
    if (recorded.state === 'unknown') return false
    // RFC 8555 §7.4: what is refused leaves the order as it was; of what comes after, the order's state is told.
    if (recorded.status >= 400 && recorded.status < 500) return error.exchange === announced
    if (recorded.status < 400) return false
    try {
      await run.pause(SETTLING, 'the CA may still be at work on the request that it could not answer')
      const { status } = await fetchOrder(run.session, signer, order!, run.signal)
      return status === 'ready' || status === 'pending'
    } catch (failure) {
      if (!(failure instanceof EngineError)) throw failure
      return false
    }
  }

  /** As the account; once more where the CA has it under another URL now. */
  async #opened<T>(
    { ca, tenant }: { readonly ca: string; readonly tenant: string | null },
    signal: AbortSignal,
    work: (opened: OpenAccount) => Promise<T>,
  ): Promise<T> {
    const accounts = this.#parts.accounts.of(tenant)
    let url: string | null = null
    try {
      return await accounts.use(ca, signal, (opened) => {
        url = opened.account.url
        return work(opened)
      })
    } catch (error) {
      if (!isAboutAccount(error)) throw error
      const { account } = await accounts.recheck(ca, signal)
      if (account.url === url) throw error
      return accounts.use(ca, signal, work)
    }
  }

  async #job(id: string): Promise<Job> {
    const job = await this.#parts.store.job(id)
    if (job?.brokered === undefined) throw new EngineError('input', `there is no brokered job ${id}`)
    if (job.step === 'failed')
      throw new EngineError('invalid', job.error?.message ?? `the job ${id} has failed`, {
        exchange: job.error?.exchange ?? null,
        problem: job.error?.type == null ? null : { type: job.error.type, detail: null, subproblems: [] },
      })
    return job
  }

  async #withdraw(id: string): Promise<void> {
    const presented = await this.#parts.store.presented(id)
    const note = (text: string) => this.#parts.onProgress({ kind: 'note', job: id, certificate: null, text })
    if (presented.length === 0) return
    for (const { why } of await cleanUp(this.#parts, presented, note, this.#lastMoments())) note(why)
  }

  /** ms to take answers away where everything is being stopped. */
  #lastMoments(): AbortSignal | null {
    return this.#closing.signal.aborted ? AbortSignal.timeout(10_000) : null
  }

  #aside(work: Promise<unknown>): void {
    const over = work
      .catch((error: unknown) =>
        this.#parts.onProgress({ kind: 'note', job: null, certificate: null, text: messageOf(error) }),
      )
      .finally(() => this.#cleaning.delete(over))
    this.#cleaning.add(over)
  }

  #forget(): void {
    const { monotonic, wall } = this.#parts.clock.now()
    // After a start, those who go on with orders come first: of one that was issued, nobody else may have the certificate yet.
    this.#forgot ??= monotonic + KEPT.ended - FORGETTING
    if (monotonic - this.#forgot < FORGETTING) return
    this.#forgot = monotonic
    this.#aside(this.#parts.store.forgetBrokered({ ended: wall - KEPT.ended, open: wall - KEPT.open }))
  }
}

function dropOldest(remembered: Map<string, unknown>): void {
  const [oldest] = remembered.keys()
  if (remembered.size > MOST_SEEN && oldest !== undefined) remembered.delete(oldest)
}

/** Whether asking again would bring the same. What is said of limits, and of accounts, is not about the order. */
function endsJob(error: EngineError): boolean {
  const { fault, status, problem } = error
  if (fault === 'invalid' || fault === 'mismatch') return true
  if (fault !== 'problem' || isAboutAccount(error)) return false
  const kind = problemShortName(problem?.type ?? '')
  return (
    kind !== 'badNonce' &&
    kind !== 'rateLimited' &&
    status !== null &&
    status >= 400 &&
    status < 500 &&
    status !== 429
  )
}

function detailsOf({ problem, status, retryAfter, exchange, links, identifier }: EngineError) {
  return { problem, status, retryAfter, exchange, links, name: identifier }
}
