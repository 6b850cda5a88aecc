/** One CA and the whole way to it, in which behaviours are tried one after the other, and what is found wrong. */
import { X509Certificate } from 'node:crypto'
import { AcmeSession } from '../../../../src/engine/acme-session.ts'
import { createSealing } from '../../../../src/engine/create-sealing.ts'
import { Engine } from '../../../../src/engine/engine.ts'
import { EngineAccounts } from '../../../../src/engine/engine-accounts.ts'
import { EngineError } from '../../../../src/engine/engine-error.ts'
import type { Job } from '../../../../src/engine/job.ts'
import type { EngineProgress } from '../../../../src/engine/progress.ts'
import { renewalInfo } from '../../../../src/engine/renewal-info.ts'
import { revokeCertificate } from '../../../../src/engine/revocation.ts'
import type { Attempt, Solver } from '../../../../src/engine/solver.ts'
import { systemClock } from '../../../../src/exchange/clock.ts'
import { crossSign, makeRoot } from '../../test-ca/certificates.ts'
import { startTestCa, type TestCa } from '../../test-ca/test-ca.ts'
import { CA, type EngineStages, startEngineStages } from '../engine-stages.ts'
import { jobRequest, recordedOf } from '../engine-world.ts'
import { MemoryEngineStore } from '../memory-engine-store.ts'
import type { EvilBehaviour } from './evil-behaviour.ts'

export interface EvilResult {
  readonly behaviour: EvilBehaviour
  /** What the first attempt came to, in words. */
  readonly came: string
  /** What is not as it must be. */
  readonly wrong: readonly string[]
  /** Requests under it. */
  readonly requests: number
  /** Attempts after it, until all was well. */
  readonly attempts: number
  readonly ms: number
  /** Seconds of waits, which nobody waited for. */
  readonly waited: number
}

/** ms in which nothing hangs, whatever the machine does besides. */
const HANGS = 60_000
/** Requests of one attempt: authorizations that an order may have, and looks at the order. */
const MOST_REQUESTS = 300
/** Seconds of one attempt: two phases of 10 minutes, and pauses between repetitions. */
const MOST_WAITED = 1500
const MOST_ATTEMPTS = 6
const MOST_TEXT = 3000

const intermediate = makeRoot('Evil Preferred Root')

/** What one behaviour is tried with: nothing of those before is known. */
interface Client {
  readonly store: MemoryEngineStore
  readonly session: AcmeSession
  readonly accounts: EngineAccounts
  readonly engine: Engine
  readonly answers: Map<string, Attempt>
  readonly texts: string[]
  /** The CA has come to its senses. */
  isHonest: boolean
}

export class EvilLane {
  readonly ca: TestCa
  readonly #stages: EngineStages
  readonly #trap: number
  readonly #sealing = createSealing(Buffer.alloc(32, 7))
  /** µs. */
  #ahead = 0

  private constructor(ca: TestCa, stages: EngineStages, trap: number) {
    this.ca = ca
    this.#stages = stages
    this.#trap = trap
  }

  /** `timeout`: ms for one answer of the CA. */
  static async start(trap: number, timeout: number): Promise<EvilLane> {
    const ca = await startTestCa()
    return new EvilLane(ca, await startEngineStages(ca.directory, ca.trust, timeout), trap)
  }

  async close(): Promise<void> {
    await this.#stages.close()
    await this.ca.close()
  }

  async try(behaviour: EvilBehaviour): Promise<EvilResult> {
    const began = performance.now()
    this.#forget()
    const client = this.#client()
    const wrong: string[] = []
    const errand = this.#errandOf(client, behaviour)
    const objectsBefore = this.ca.log.entries.length
    const before = await this.#guarded(() => errand.prepare(), wrong)
    if (before === 'broken') wrong.push('the honest part failed')
    behaviour.wicked({ ca: this.ca, origin: `https://${this.ca.authority}`, trap: this.#trap })
    let requests = 0
    let waited = 0
    let came = ''
    for (let attempt = 0; attempt < (behaviour.attempts ?? 1); attempt += 1) {
      const [asked, ahead] = [this.#stages.exchanges.length, this.#ahead]
      const ended = await this.#guarded(() => errand.attempt(), wrong)
      requests = Math.max(requests, this.#stages.exchanges.length - asked)
      waited = Math.max(waited, (this.#ahead - ahead) / 1e6)
      came =
        ended === 'broken' ? 'a fault of our own' : ended === null ? 'done' : `${ended.fault}: ${ended.text}`
      if (ended !== 'broken') wrong.push(...this.#verdict(behaviour, client, ended))
      await this.#leftovers(client, wrong)
      await errand.wait()
    }
    if (requests > MOST_REQUESTS) wrong.push(`it took ${requests} requests`)
    if (waited > MOST_WAITED) wrong.push(`it waited for ${waited} s`)
    this.ca.clearScript()
    this.ca.dropConnections()
    client.isHonest = true
    let attempts = 0
    let last: Failure | null | 'broken' = null
    while (behaviour.isFinal !== true) {
      attempts += 1
      if (attempts > 1) await errand.wait()
      if (behaviour.loses === 'account')
        await client.accounts
          .open(CA, { anew: true, agreeTerms: true }, AbortSignal.timeout(HANGS))
          .catch(() => {})
      last = await this.#guarded(() => errand.attempt(), wrong)
      if (last === null || attempts === MOST_ATTEMPTS) break
    }
    if (last !== null) wrong.push(`it does not recover: ${last === 'broken' ? 'broken' : last.text}`)
    await this.#leftovers(client, wrong)
    const since = this.ca.log.entries.slice(objectsBefore)
    const made = (what: string) =>
      since.filter((entry) => entry.kind === 'object' && entry.object === what).length
    const most = (behaviour.orders ?? 1) + errand.honest
    if (made('order') > most) wrong.push(`${made('order')} orders were made`)
    if (made('certificate') > most) wrong.push(`${made('certificate')} certificates were issued`)
    if (
      since.some((entry) => entry.kind === 'request' && entry.fields.some((field) => /^cookie$/i.test(field)))
    )
      wrong.push('a cookie was sent back')
    await client.engine.close()
    return {
      behaviour,
      came,
      wrong: [...new Set(wrong)],
      requests,
      attempts,
      ms: performance.now() - began,
      waited,
    }
  }

  /** Null: it ended well. */
  async #guarded(act: () => Promise<Failure | null>, wrong: string[]): Promise<Failure | null | 'broken'> {
    let timer: NodeJS.Timeout | undefined
    const hangs = new Promise<'hangs'>((resolve) => {
      timer = setTimeout(resolve, HANGS, 'hangs')
    })
    try {
      const ended = await Promise.race([act(), hangs])
      if (ended !== 'hangs') return ended
      wrong.push('it hangs')
    } catch (error) {
      if (error instanceof EngineError) return { fault: error.fault, text: error.message }
      wrong.push(`it broke: ${error instanceof Error ? error.stack : String(error)}`)
    } finally {
      clearTimeout(timer)
    }
    return 'broken'
  }

  #verdict({ ends, says, fault }: EvilBehaviour, client: Client, ended: Failure | null): string[] {
    const wrong: string[] = []
    if (ends === 'done' && ended !== null) wrong.push(`it failed: ${ended.text}`)
    if (ends === 'fails' && ended === null) wrong.push('it ended well')
    const texts = ended === null ? client.texts : [ended.text]
    if (says !== undefined && ends !== 'either' && !texts.some((text) => says.test(text)))
      wrong.push(`nothing says ${says}: ${texts.join(' | ').slice(-1000)}`)
    if (fault !== undefined && ended !== null && ended.fault !== 'job' && ended.fault !== fault)
      wrong.push(`the fault is ${ended.fault}, not ${fault}`)
    for (const text of [...client.texts, ...(ended === null ? [] : [ended.text])]) {
      if (/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u202a-\u202e\u2066-\u2069]/u.test(text))
        wrong.push(`not one plain line: ${JSON.stringify(text)}`)
      if (text.length > MOST_TEXT) wrong.push(`${text.length} characters: ${text.slice(0, 200)}`)
      if (/PRIVATE KEY/.test(text)) wrong.push(`a key is told: ${text.slice(0, 200)}`)
    }
    if (ended !== null && !/\bCA\b|acmetap|the order/.test(ended.text)) wrong.push(`not clear: ${ended.text}`)
    return wrong
  }

  async #leftovers({ store, answers }: Client, wrong: string[]): Promise<void> {
    const notes = await store.presented()
    if (notes.length > 0) wrong.push(`${notes.length} notes of answers are left`)
    if (answers.size > 0) wrong.push(`${answers.size} answers are left`)
  }

  #forget(): void {
    const { store, exchanges, pauses } = this.#stages
    store.facts.length = 0
    store.entries.length = 0
    exchanges.length = 0
    pauses.length = 0
    this.ca.clearScript()
    this.ca.validate(() => null)
    this.ca.state.offers.alternate = null
    this.ca.state.offers.isReplaceable = () => null
  }

  #client(): Client {
    const system = systemClock()
    const clock = {
      now: () => {
        const { wall, monotonic } = system.now()
        return { wall: wall + this.#ahead, monotonic: monotonic + this.#ahead }
      },
    }
    const pause = async (ms: number) => {
      this.#ahead += Math.round(ms * 1000)
      await new Promise(setImmediate)
    }
    const store = new MemoryEngineStore()
    const sealing = this.#sealing
    const { perform, exchanges } = this.#stages
    const session = new AcmeSession({
      ca: CA,
      directory: this.ca.directory,
      perform: (request) => perform(request),
      clock,
      userAgent: 'acmetap/test',
      pause,
    })
    const failPoint = async () => {}
    const accounts = new EngineAccounts({
      store,
      sealing,
      session: () => session,
      settings: () => undefined,
      clock,
      failPoint,
    })
    const answers = new Map<string, Attempt>()
    const texts: string[] = []
    const solver = mapSolver(answers)
    const engine = new Engine({
      store,
      sealing,
      accounts,
      session: () => session,
      solverFor: (identifier, wildcard, offered) => {
        const type = wildcard ? 'dns-01' : 'http-01'
        if (!offered.includes(type))
          throw new EngineError('input', `the CA "${CA}" offers no ${type} for ${identifier.value}`)
        return { solver, type }
      },
      solverNamed: () => solver,
      deploy: async () => {},
      findRecorded: async (id) => recordedOf(exchanges.find((exchange) => exchange.id === id)),
      clock,
      failPoint,
      onProgress: (progress: EngineProgress) => {
        if ('text' in progress) texts.push(progress.text)
        if (progress.kind === 'name') texts.push(progress.name)
      },
      chance: () => 0,
      pause,
    })
    return { store, session, accounts, engine, answers, texts, isHonest: false }
  }

  #errandOf(client: Client, behaviour: EvilBehaviour): ErrandRun {
    const { errand } = behaviour
    const { engine, accounts, session, store } = client
    const signal = () => AbortSignal.timeout(HANGS)
    let id: string | null = null
    const obtain = async (changes: Parameters<typeof jobRequest>[0]): Promise<Failure | null> => {
      const wanted = jobRequest({ ...changes, ...(client.isHonest ? {} : behaviour.request) })
      id ??= (await engine.create(wanted, signal())).id
      return failureOf(await engine.run(id, { signal: signal(), onProgress: () => undefined, early: true }))
    }
    const waitFor = async () => {
      const job = id === null ? null : await store.job(id)
      const wait = (job?.notBefore ?? 0) - (systemClock().now().wall + this.#ahead)
      this.#ahead += Math.max(wait, 60_000_000)
    }
    const honest = async () => {
      const failure = await obtain({})
      id = null
      return failure
    }
    const nothing = async () => null
    const der = async () => Buffer.from(new X509Certificate((await store.certificates())[0]!.chain).raw)
    const after = (attempt: () => Promise<unknown>): ErrandRun => ({
      prepare: honest,
      attempt: async () => {
        await attempt()
        return null
      },
      wait: waitFor,
      honest: 1,
    })
    switch (errand) {
      case 'obtain':
        return { prepare: nothing, attempt: () => obtain({}), wait: waitFor, honest: 0 }
      case 'alternate':
        this.ca.state.offers.alternate = crossSign(this.ca.state.root, intermediate)
        return {
          prepare: nothing,
          attempt: () => obtain({ preferredChain: 'Evil Preferred Root' }),
          wait: waitFor,
          honest: 0,
        }
      case 'unanswered':
        return {
          prepare: async () => {
            this.ca.script({ operation: 'newOrder', times: 1 }, { kind: 'reset', when: 'after-processing' })
            await obtain({})
            await waitFor()
            return null
          },
          attempt: () => obtain({}),
          wait: waitFor,
          honest: 0,
        }
      case 'replaces':
        return {
          prepare: honest,
          attempt: async () =>
            obtain({ replaces: (await store.certificates())[0]!.ariId, certificate: 'another.example.com' }),
          wait: waitFor,
          honest: 1,
        }
      case 'renewalInfo':
        return after(async () => {
          const { ariId } = (await store.certificates())[0]!
          const info = await renewalInfo(session, ariId!, signal())
          client.texts.push(JSON.stringify(info))
        })
      case 'keyChange':
        return after(() => accounts.rollOver(CA, signal()))
      case 'revokeCert':
        return after(async () => {
          const { signer } = await accounts.open(CA, {}, signal())
          await revokeCertificate(session, signer, await der(), 4, signal())
        })
      case 'contact':
        return after(() => accounts.updateContact(CA, ['mailto:ops@example.com'], signal()))
    }
  }
}

interface Failure {
  /** `job`: the store has no fault, only its text. */
  readonly fault: string
  readonly text: string
}

interface ErrandRun {
  prepare(): Promise<Failure | null>
  attempt(): Promise<Failure | null>
  /** Until the next attempt is due. */
  wait(): Promise<void>
  /** Orders of the preparation. */
  readonly honest: number
}

function failureOf({ step, error }: Job): Failure | null {
  if (step === 'done') return null
  return { fault: 'job', text: error?.message ?? `nothing is said at ${step}` }
}

/** Keeps what a token says from doing harm: what is no token is never presented. */
function mapSolver(answers: Map<string, Attempt>): Solver {
  return {
    name: 'map',
    types: ['http-01', 'dns-01'],
    async present(attempt) {
      if (!/^[A-Za-z0-9_-]+$/.test(attempt.token)) throw new Error(`presented: ${attempt.token}`)
      answers.set(attempt.url, attempt)
    },
    async cleanUp(attempt) {
      answers.delete(attempt.url)
    },
  }
}
