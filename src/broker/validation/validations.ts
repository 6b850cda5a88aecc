/**
 * Challenges that clients have answered (RFC 8555 §7.5.1), until it is known whether they hold. Durable: what is processing is
 * in the store, and is looked at again after a kill. Looks at a bounded number at a time, in rounds over the accounts, so that
 * nobody waits behind all of another's.
 */
import { AcmeProblem, type ProblemDocument } from '../../acme/problem.ts'
import { FairQueue } from '../../ca/fair-queue.ts'
import { keyAuthorization } from '../../engine/challenge.ts'
import type { Clock } from '../../exchange/clock.ts'
import type { BrokerStore } from '../broker-store.ts'
import type { Endpoint } from '../endpoint.ts'
import type { BrokerAccount, BrokerAuthorization, BrokerChallenge } from '../objects.ts'
import type { Validate } from '../validate.ts'

export interface ValidationsParts {
  readonly store: Pick<BrokerStore, 'account' | 'authorization' | 'putAuthorization' | 'beingValidated'>
  readonly validate: Validate
  /** Told of each that has become valid or invalid, once that is durable. */
  readonly settled: (authorization: BrokerAuthorization) => Promise<void>
  readonly endpoints: () => readonly Endpoint[]
  /** RFC 8657 `accounturi`. */
  readonly accountUrl: (endpoint: Endpoint, account: string) => string
  readonly clock: Clock
  readonly onBug: (error: unknown) => void
}

/** At the same time. */
const MOST_AT_ONCE = 50
/** Of one account. */
const MOST_WAITING = 1_000
/** Ms until what a fault of our own has stopped is looked at again: clients only ask how it stands. */
const AGAIN_AFTER = 5_000

interface Job {
  /** Whose turn it takes. */
  readonly client: string
  readonly authorization: BrokerAuthorization
  readonly challengeId: string
  readonly endpoint: Endpoint
}

export class Validations {
  readonly #parts: ValidationsParts
  readonly #queue = new FairQueue<Job>()
  /** By challenge id: waiting or being looked at. */
  readonly #known = new Set<string>()
  readonly #running = new Set<Promise<void>>()
  readonly #ending = new AbortController()

  constructor(parts: ValidationsParts) {
    this.#parts = parts
  }

  /** Those that a process before this one did not see to their end. */
  async start(): Promise<void> {
    for (const authorization of await this.#parts.store.beingValidated()) {
      const endpoint = this.#parts.endpoints().find(({ name }) => name === authorization.endpoint)
      if (endpoint === undefined) continue
      for (const { id, status } of authorization.challenges)
        if (status === 'processing') this.#add(authorization, id, endpoint)
    }
  }

  /**
   * The client says that its answer can be seen. Resolves with the authorization, its challenge processing, once that is
   * durable; a challenge that is processing already, or has ended, is left as it is. Rejects with AcmeProblem: `malformed`
   * where the authorization is no longer pending, `rateLimited` where too many of the account wait.
   */
  async answer(
    authorization: BrokerAuthorization,
    challengeId: string,
    account: BrokerAccount,
    endpoint: Endpoint,
  ): Promise<BrokerAuthorization> {
    const { store } = this.#parts
    const owner = { endpoint: endpoint.name, account: account.id }
    for (let latest = authorization; ; ) {
      const { status } = challengeOf(latest, challengeId)
      if (status === 'valid' || status === 'invalid') return latest
      if (latest.status !== 'pending')
        throw new AcmeProblem('malformed', `the authorization is ${latest.status}: make a new order`)
      if (status === 'processing') {
        this.#add(latest, challengeId, endpoint)
        return latest
      }
      if (this.#queue.waiting(clientOf(latest)) >= MOST_WAITING)
        throw new AcmeProblem(
          'rateLimited',
          `${MOST_WAITING} challenges of this account wait to be looked at`,
          {
            retryAfter: 10,
          },
        )
      const processing = withChallenge(latest, challengeId, { status: 'processing' })
      if (await store.putAuthorization(processing, latest)) {
        this.#add(processing, challengeId, endpoint)
        return processing
      }
      const stored = await store.authorization(owner, authorization.id)
      if (stored === null) throw new AcmeProblem('malformed', 'the authorization is gone: make a new order')
      latest = stored
    }
  }

  /** What is being looked at is left as it is, for the next process. */
  async close(): Promise<void> {
    this.#ending.abort()
    await Promise.all(this.#running)
  }

  #add(authorization: BrokerAuthorization, challengeId: string, endpoint: Endpoint): void {
    if (this.#known.has(challengeId) || this.#ending.signal.aborted) return
    this.#known.add(challengeId)
    this.#queue.add({ client: clientOf(authorization), authorization, challengeId, endpoint })
    this.#goOn()
  }

  #goOn(): void {
    while (this.#running.size < MOST_AT_ONCE && !this.#ending.signal.aborted) {
      const job = this.#queue.shift()
      if (job === null) return
      const run = this.#see(job)
        .catch((error: unknown) => {
          if (this.#ending.signal.aborted) return
          this.#parts.onBug(error)
          setTimeout(() => this.#again(job), AGAIN_AFTER).unref()
        })
        .finally(() => {
          this.#known.delete(job.challengeId)
          this.#running.delete(run)
          this.#goOn()
        })
      this.#running.add(run)
    }
  }

  #again({ authorization: { id, endpoint: name, account }, challengeId, endpoint }: Job): void {
    if (this.#ending.signal.aborted) return
    this.#parts.store
      .authorization({ endpoint: name, account }, id)
      .then((latest) => {
        if (latest?.status === 'pending' && challengeOf(latest, challengeId).status === 'processing')
          this.#add(latest, challengeId, endpoint)
      })
      .catch(this.#parts.onBug)
  }

  async #see(job: Job): Promise<void> {
    const { store } = this.#parts
    const { authorization, challengeId, endpoint } = job
    const owner = { endpoint: authorization.endpoint, account: authorization.account }
    const account = await store.account(owner.endpoint, owner.account)
    const problem =
      account === null || account.status !== 'valid'
        ? new AcmeProblem('unauthorized', 'the account is no longer valid').document()
        : await this.#look(job, account)
    for (;;) {
      const latest = await store.authorization(owner, authorization.id)
      // Given up by the client meanwhile, or another of its challenges has decided.
      if (latest?.status !== 'pending' || challengeOf(latest, challengeId).status !== 'processing') return
      const ended = this.#ended(latest, challengeId, problem, endpoint)
      if (!(await store.putAuthorization(ended, latest))) continue
      await this.#tell(ended)
      return
    }
  }

  /** Until it is heard: orders wait for nothing else. The next process looks for itself. */
  async #tell(ended: BrokerAuthorization): Promise<void> {
    const { settled, onBug } = this.#parts
    try {
      await settled(ended)
    } catch (error) {
      if (this.#ending.signal.aborted) return
      onBug(error)
      setTimeout(() => void this.#tell(ended), AGAIN_AFTER).unref()
    }
  }

  async #look(
    { authorization, challengeId, endpoint }: Job,
    account: BrokerAccount,
  ): Promise<ProblemDocument | null> {
    const { validate, accountUrl, onBug } = this.#parts
    const { type, token } = challengeOf(authorization, challengeId)
    try {
      return await validate(
        {
          identifier: authorization.identifier,
          wildcard: authorization.wildcard,
          type,
          token,
          keyAuthorization: keyAuthorization(token, account),
          settings: endpoint.challenges,
          caaIdentities: endpoint.caaIdentities,
          accountUrl: accountUrl(endpoint, account.id),
        },
        this.#ending.signal,
      )
    } catch (error) {
      if (this.#ending.signal.aborted) throw error
      onBug(error)
      return new AcmeProblem('serverInternal', 'acmetap failed for a reason of its own').document()
    }
  }

  /** RFC 8555 §7.1.6: one challenge decides. */
  #ended(
    authorization: BrokerAuthorization,
    challengeId: string,
    error: ProblemDocument | null,
    { authorizationLifetime }: Endpoint,
  ): BrokerAuthorization {
    if (error !== null)
      return { ...withChallenge(authorization, challengeId, { status: 'invalid', error }), status: 'invalid' }
    const at = this.#parts.clock.now().wall
    return {
      ...withChallenge(authorization, challengeId, { status: 'valid', validatedAt: at, error: null }),
      status: 'valid',
      expiresAt: at + authorizationLifetime * 1_000,
    }
  }
}

function clientOf({ endpoint, account }: BrokerAuthorization): string {
  return `${endpoint}/${account}`
}

function challengeOf({ challenges }: BrokerAuthorization, id: string): BrokerChallenge {
  const challenge = challenges.find((one) => one.id === id)
  if (challenge === undefined) throw new Error('a challenge that the authorization does not have')
  return challenge
}

function withChallenge(
  authorization: BrokerAuthorization,
  id: string,
  change: Partial<BrokerChallenge>,
): BrokerAuthorization {
  return {
    ...authorization,
    challenges: authorization.challenges.map((one) => (one.id === id ? { ...one, ...change } : one)),
  }
}
