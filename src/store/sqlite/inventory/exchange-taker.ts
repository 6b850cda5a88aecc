import type Database from 'better-sqlite3'
import type { Diagnosis } from '../../../audit/diagnosis/diagnosis.ts'
import type { EventContent, ImportedCertificate } from '../../../audit/event.ts'
import { importedCertificate } from '../../../audit/inventory/project/certificate.ts'
import { clientPlace, makesClient } from '../../../audit/inventory/project/client.ts'
import { exchangeComplaint } from '../../../audit/inventory/project/failure.ts'
import { warningsOf } from '../../../audit/inventory/project/policy.ts'
import { bodiesNeeded, changesOf } from '../../../audit/inventory/project/project.ts'
import { rateLimitSaid } from '../../../audit/inventory/project/rate-limit.ts'
import {
  identifiersOfExchange,
  operationOf,
  type Seen,
  signerOf,
} from '../../../audit/inventory/project/seen.ts'
import type { StoredIntent, StoredOutcome } from '../../../audit/record-store.ts'
import { parseJson } from '../../../exchange/parse-json.ts'
import { Accounts } from './accounts.ts'
import { type ClientAccount, Clients } from './clients.ts'
import { ExchangeRows } from './exchange-rows.ts'
import { FailureHappenings } from './failure-happenings.ts'
import { exchangeFailure, Failures } from './failures.ts'
import { HappeningRows } from './happening-rows.ts'
import type { Moment } from './moment.ts'
import { ObjectTaker } from './object-taker.ts'
import type { RecordFacts } from './record-facts.ts'
import { State } from './state.ts'
import { Vocabulary } from './vocabulary.ts'

const POLLS: ReadonlySet<string> = new Set(['order', 'authorization', 'certificate'])
/** A request that more rules speak against is told by these. */
const MOST_WARNINGS = 10

/** Takes in one fact at a time, within a transaction; what it holds back is written by `flush`. */
export class ExchangeTaker {
  readonly #facts: RecordFacts
  readonly #vocabulary: Vocabulary
  readonly #accounts: Accounts
  readonly #clients: Clients
  readonly #rows: ExchangeRows
  readonly #failures: Failures
  readonly #objects: ObjectTaker
  readonly #happenings: HappeningRows
  readonly #failureHappenings: FailureHappenings
  readonly #rateLimit: Database.Statement<unknown[]>

  constructor(db: Database.Database, facts: RecordFacts) {
    this.#facts = facts
    this.#vocabulary = new Vocabulary(db)
    this.#accounts = new Accounts(db)
    this.#clients = new Clients(db)
    this.#rows = new ExchangeRows(db)
    this.#failures = new Failures(db)
    this.#happenings = new HappeningRows(db, new State(db).happeningsUntil())
    this.#failureHappenings = new FailureHappenings(this.#happenings)
    const happenings = { rows: this.#happenings, failures: this.#failureHappenings }
    this.#objects = new ObjectTaker(db, this.#vocabulary, this.#failures, happenings)
    this.#rateLimit = db.prepare(
      `insert or ignore into rate_limits (sequence, exchange, at, ca, account, client, names, operation, by, limit_name, key,
       until, detail) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
  }

  /** While it runs, an exchange counts for those that are known already. */
  intent(intent: StoredIntent): void {
    this.#facts.remember(intent)
    const { sequence, at, ca, mode, operation, identifiers, order } = intent
    const kid = intent.jws?.verdict === 'invalid' ? null : (intent.jws?.kid ?? null)
    const account = ca === null || kid === null ? null : this.#accounts.find(ca, kid)
    const place = clientPlace(intent)
    const accountKey = account === null ? null : this.#accounts.keyOf(ca!, kid!)
    this.#rows.begin({
      sequence,
      at,
      ca: this.#vocabulary.wordOrNull(ca),
      mode: this.#vocabulary.word(mode),
      operation: this.#vocabulary.word(operation),
      account,
      client: place && this.#clients.find(place, accountKey),
      names: this.#vocabulary.set(identifiers),
      order: ca === null || order === null ? null : this.#objects.orders.find(ca, order),
    })
  }

  outcome(outcome: StoredOutcome): void {
    const intent = this.#facts.intentOf(outcome.exchange)
    // Its intent is gone for its age, and with it what could be said of it.
    if (intent === null) return
    const seen = this.#see(intent, outcome)
    const begun = this.#beginMoment(seen)
    const changes = intent.ca === null ? [] : changesOf(seen)
    const account = this.#accountOf(seen, changes, begun)
    const client = this.#clientOf(seen, account, begun)
    const moment: Moment = { ...begun, account: account?.id ?? null, client }
    const names = this.#vocabulary.set(identifiersOfExchange(seen))
    if (account?.isNew === true) this.#accountSeen(seen, names, moment)
    const told = this.#objects.take(seen, changes, moment)
    const complaint = exchangeComplaint(seen)
    const diagnosis = complaint?.diagnosis ?? told
    const problem = outcome.problem?.type ?? outcome.objectError?.type ?? null
    const orderUrl = outcome.order ?? intent.order
    const order =
      intent.ca === null || orderUrl === null ? null : this.#objects.orders.find(intent.ca, orderUrl)
    const row = {
      sequence: intent.sequence,
      at: intent.at,
      ca: this.#vocabulary.wordOrNull(intent.ca),
      mode: this.#vocabulary.word(intent.mode),
      operation: this.#vocabulary.word(operationOf(seen)),
      account: moment.account,
      client,
      names,
      order,
      ended: outcome.sequence,
      outcome: this.#vocabulary.word(outcome.outcome),
      status: outcome.status,
      problem: this.#vocabulary.wordOrNull(problem),
      diagnosis: this.#classOf(diagnosis),
    }
    this.#rows.end(row)
    if (complaint !== null) {
      const about = this.#vocabulary.set(complaint.identifiers)
      const key = exchangeFailure(intent.exchange)
      const facts = {
        ...row,
        names: about,
        challenge: null,
        challengeType: null,
        detail: complaint.problem?.detail ?? outcome.failure?.message ?? null,
        diagnosis: complaint.diagnosis,
        class: this.#vocabulary.word(complaint.diagnosis.class),
      }
      if (this.#failures.add(key, facts, moment)) {
        this.#failureHappenings.add(
          {
            failure: key,
            validation: false,
            shownBy: 'exchange',
            outcome: outcome.outcome,
            problem: complaint.problem?.type ?? null,
            limit: rateLimitSaid(seen, complaint.diagnosis),
          },
          facts,
          moment,
          row,
        )
      }
      if (order !== null)
        this.#objects.complain(order, seen, this.#vocabulary.word(complaint.diagnosis.class))
    }
    this.#limit(seen, complaint?.diagnosis ?? null, moment, row)
    this.#warned(seen, order, moment, row)
  }

  imported(
    event: Extract<EventContent, { event: 'imported' }> & { readonly exchange: string; readonly at: number },
    certificate: ImportedCertificate,
    sequence: number,
  ): void {
    const change = importedCertificate(event, event.at, certificate, this.#facts.repeating(certificate.chain))
    if (change === null) return
    this.#objects.certificates.take(change, null, {
      first: sequence,
      firstAt: event.at,
      sequence,
      at: event.at,
      exchange: event.exchange,
      caName: '',
      ca: 0,
      account: null,
      client: null,
      isNew: true,
    })
  }

  /** µs: happenings before it are of no interest. */
  keepHappeningsFrom(at: number): void {
    this.#happenings.keepFrom(at)
  }

  /** Facts up to this one are gone. True when there is more to do. */
  prune(last: number): boolean {
    return this.#rows.prune(last)
  }

  flush(): void {
    this.#accounts.flush()
    this.#clients.flush()
    this.#rows.flush()
    this.#happenings.flush()
  }

  /** After a rollback. */
  forget(): void {
    this.#vocabulary.forget()
    this.#accounts.forget()
    this.#clients.forget()
    this.#rows.forget()
    this.#objects.forget()
    this.#happenings.forget()
  }

  #see(intent: StoredIntent, outcome: StoredOutcome): Seen {
    const needed = bodiesNeeded(operationOf({ intent, outcome }))
    const isAnswered = outcome.outcome === 'response'
    return {
      intent,
      outcome,
      payload: needed.payload && isAnswered ? parseJson(this.#payloadOf(intent)) : undefined,
      answer: needed.answer && isAnswered ? this.#answerOf(outcome) : null,
    }
  }

  #payloadOf({ sequence, jws, personal }: StoredIntent): Buffer | null {
    if (jws?.payload) return this.#facts.body(sequence, jws.payload)
    return personal.payload === undefined ? null : this.#facts.personal(personal.payload)
  }

  #answerOf({ sequence, body, personal }: StoredOutcome): Buffer | null {
    if (body?.stored) return this.#facts.body(sequence, body.stored)
    return personal.responseBody === undefined ? null : this.#facts.personal(personal.responseBody)
  }

  #beginMoment({ intent, outcome }: Seen): Omit<Moment, 'account' | 'client'> {
    return {
      first: intent.sequence,
      firstAt: intent.at,
      sequence: outcome.sequence,
      at: outcome.at,
      exchange: intent.exchange,
      caName: intent.ca ?? '',
      ca: intent.ca === null ? 0 : this.#vocabulary.word(intent.ca),
      isNew: this.#rows.isRunning(intent.sequence),
    }
  }

  /** One that the exchange does not prove counts where it is known, unless the signature was somebody else's. */
  #accountOf(
    seen: Seen,
    changes: ReturnType<typeof changesOf>,
    moment: Omit<Moment, 'account' | 'client'>,
  ): (ClientAccount & { readonly isNew?: boolean }) | null {
    const { intent } = seen
    const url = signerOf(seen)
    if (intent.ca === null || url === null) return null
    const key = this.#accounts.keyOf(intent.ca, url)
    const change = changes.find((one) => one.object === 'account')
    if (change) return { ...this.#accounts.take(change, moment), key, proven: true }
    if (intent.jws?.verdict === 'invalid') return null
    const id = this.#accounts.find(intent.ca, url)
    return id === null ? null : { id, key, proven: false }
  }

  #clientOf(
    seen: Seen,
    account: ClientAccount | null,
    { first, firstAt, sequence, at, isNew }: Omit<Moment, 'account' | 'client'>,
  ): number | null {
    const { intent } = seen
    const place = clientPlace(intent)
    if (place === null) return null
    // Whom it counts for hangs on who had been seen then: taken in again it counts for nobody else.
    if (!isNew && account?.proven !== true) return this.#rows.clientOf(first)
    const shown = operationOf(seen)
    return this.#clients.take(place, account, makesClient(intent, shown), {
      first,
      firstAt,
      sequence,
      at,
      userAgent: intent.client.userAgent,
      mode: intent.mode,
      asksRenewalInfo: shown === 'renewalInfo',
    })
  }

  #accountSeen(seen: Seen, names: number | null, moment: Moment): void {
    const created = operationOf(seen) === 'newAccount' && seen.outcome.status === 201
    const shown = {
      mode: this.#vocabulary.word(seen.intent.mode),
      operation: this.#vocabulary.word(operationOf(seen)),
    }
    this.#happenings.add('accountSeen', { created }, { names, order: null }, moment, shown)
  }

  #classOf(diagnosis: Diagnosis | null): number | null {
    return diagnosis && this.#vocabulary.word(diagnosis.class)
  }

  /** Asking how an order made here goes on asks for nothing that its newOrder did not. */
  #warned(
    { intent, outcome }: Seen,
    order: number | null,
    moment: Moment,
    shown: { readonly mode: number; readonly operation: number; readonly names: number | null },
  ): void {
    const warnings = warningsOf(intent.decision)
    const isPoll = POLLS.has(intent.operation) && intent.issuance !== null
    if (warnings.length === 0 || isPoll || outcome.outcome === 'notSent') return
    const body = { policy: intent.policyDigest, warnings: warnings.slice(0, MOST_WARNINGS) }
    this.#happenings.add('warned', body, { names: shown.names, order }, moment, shown)
  }

  #limit(
    seen: Seen,
    diagnosis: Diagnosis | null,
    { first, firstAt, exchange, account, client }: Moment,
    { ca, operation, names }: { ca: number | null; operation: number; names: number | null },
  ): void {
    const said = rateLimitSaid(seen, diagnosis)
    if (said === null) return
    const { by, limit, key, until, detail } = said
    const who = [first, exchange, firstAt, ca, account, client, names, operation]
    this.#rateLimit.run(...who, by, limit, key, until, detail)
  }
}
