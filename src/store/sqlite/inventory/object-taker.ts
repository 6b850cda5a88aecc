import type Database from 'better-sqlite3'
import type { Identifier } from '../../../acme/identifier.ts'
import type { Diagnosis } from '../../../audit/diagnosis/diagnosis.ts'
import type {
  AuthorizationChange,
  ChallengeChange,
  Change,
  OrderChange,
} from '../../../audit/inventory/project/change.ts'
import { namedBySubproblems, objectDiagnosis } from '../../../audit/inventory/project/failure.ts'
import { identifiersOfExchange, operationOf, type Seen } from '../../../audit/inventory/project/seen.ts'
import { Authorizations } from './authorizations.ts'
import { Certificates } from './certificates.ts'
import { Challenges } from './challenges.ts'
import { challengeFailure, type FailureFacts, type Failures, orderFailure } from './failures.ts'
import type { Moment } from './moment.ts'
import { type OrderRow, Orders } from './orders.ts'
import type { Vocabulary } from './vocabulary.ts'

/** Takes in what an exchange says of orders, authorizations, challenges and certificates, within a transaction. */
export class ObjectTaker {
  readonly orders: Orders
  readonly certificates: Certificates
  readonly #authorizations: Authorizations
  readonly #challenges: Challenges
  readonly #failures: Failures
  readonly #vocabulary: Vocabulary

  constructor(db: Database.Database, vocabulary: Vocabulary, failures: Failures) {
    this.#vocabulary = vocabulary
    this.#failures = failures
    this.#authorizations = new Authorizations(db, vocabulary)
    this.#challenges = new Challenges(db)
    this.orders = new Orders(db, vocabulary, this.#authorizations)
    this.certificates = new Certificates(db, vocabulary)
  }

  /** Returns what is wrong with an object that the exchange told of; null where nothing is. */
  take(seen: Seen, changes: readonly Change[], moment: Moment): Diagnosis | null {
    let wrong: Diagnosis | null = null
    for (const change of changes) {
      switch (change.object) {
        case 'order':
          wrong ??= this.#order(seen, change, moment)
          break
        case 'authorization':
          this.#authorization(change, moment)
          break
        case 'challenge':
          wrong = this.#challenge(seen, change, moment) ?? wrong
          break
        case 'certificate':
          this.#certificate(change, moment)
          break
        case 'revocation':
          this.certificates.revoke(change, moment)
          break
        case 'renewalWindow':
          this.certificates.suggestWindow(change, moment)
          break
        case 'account':
          break
      }
    }
    return wrong
  }

  /** A finalize that was not granted is why its order stands still. A nonce that was too old is not. */
  complain(order: number, seen: Seen, diagnosis: number): void {
    if (operationOf(seen) !== 'finalize' || seen.outcome.outcome !== 'response') return
    if (seen.outcome.problem?.type.endsWith(':badNonce')) return
    this.orders.diagnose(order, diagnosis, true)
  }

  forget(): void {
    this.orders.forget()
  }

  #order(seen: Seen, change: OrderChange, moment: Moment): Diagnosis | null {
    const row = this.orders.take(change, moment)
    if (change.error === null) return null
    const diagnosis = objectDiagnosis(seen, change.error, null, null)
    if (diagnosis === null) return null
    const number = this.#vocabulary.word(diagnosis.class)
    this.orders.diagnose(row.id, number, true)
    if (change.status === 'invalid' && !this.#challenges.failedOf(row.id, moment.at)) {
      this.#orderFailed(seen, row, diagnosis, change, moment)
    }
    return diagnosis
  }

  /** No challenge of it was seen to fail: this is where the failure shows first. */
  #orderFailed(seen: Seen, row: OrderRow, diagnosis: Diagnosis, change: OrderChange, moment: Moment): void {
    const [finalize, type] = ['finalize', change.error!.type].map((word) => this.#vocabulary.word(word))
    if (this.#failures.isToldBefore(row.id, finalize!, type!, moment.first)) return
    const suspect = this.#challenges.suspectOf(row.id, moment.at)
    const name = suspect && this.#authorizations.identifierOf(suspect.authorization)
    const whole = change.identifiers.length > 0 ? change.identifiers : identifiersOfExchange(seen)
    const names = namedBySubproblems(seen.outcome.objectError, name ? [name] : whole)
    const key = suspect ? challengeFailure(moment.caName, suspect.url) : orderFailure(row.key)
    const about = { challenge: suspect?.id ?? null, challengeType: suspect?.type ?? null, order: row.id }
    this.#failures.add(key, this.#failureFacts(seen, diagnosis, change.error!, names, about), moment)
  }

  #authorization(change: AuthorizationChange, moment: Moment): void {
    const { id, status } = this.#authorizations.take(change, moment)
    if (status === 'invalid') this.orders.failBy(id)
  }

  #challenge(seen: Seen, change: ChallengeChange, moment: Moment): Diagnosis | null {
    const authorization =
      change.authorization === null ? null : this.#authorizations.rowFor(change.authorization, moment)
    const row = this.#challenges.take(change, authorization, moment)
    if (row.status === 'invalid' && row.authorization !== null) this.orders.failBy(row.authorization)
    const isFailed = change.status === 'invalid' && (change.error !== null || row.answered_at !== null)
    if (change.error === null && !isFailed) return null
    const identifier =
      row.authorization === null ? null : this.#authorizations.identifierOf(row.authorization)
    const diagnosis = objectDiagnosis(seen, change.error, row.type, identifier?.value ?? null)
    if (diagnosis === null) return null
    const number = this.#vocabulary.word(diagnosis.class)
    this.#challenges.diagnose(row.id, number)
    if (!isFailed) return diagnosis
    const orders = row.authorization === null ? [] : this.orders.naming(row.authorization)
    for (const order of orders) this.orders.diagnose(order.id, number, false)
    const url = seen.outcome.order ?? seen.intent.order
    const order = (url === null ? null : this.orders.find(moment.caName, url)) ?? orders[0]?.id ?? null
    const names = identifier ? [identifier] : identifiersOfExchange(seen)
    const about = { challenge: row.id, challengeType: row.type, order }
    const facts = this.#failureFacts(seen, diagnosis, change.error, names, about)
    this.#failures.ofChallenge(challengeFailure(moment.caName, change.url), facts, moment, orders)
    return diagnosis
  }

  #failureFacts(
    { intent, outcome }: Seen,
    diagnosis: Diagnosis,
    error: { readonly type: string; readonly detail: string | null } | null,
    names: readonly Identifier[],
    about: Pick<FailureFacts, 'challenge' | 'challengeType' | 'order'>,
  ): FailureFacts {
    return {
      ...about,
      mode: this.#vocabulary.word(intent.mode),
      operation: this.#vocabulary.word(operationOf({ intent, outcome })),
      names: this.#vocabulary.set(names),
      outcome: this.#vocabulary.word(outcome.outcome),
      status: outcome.status,
      problem: this.#vocabulary.wordOrNull(error?.type ?? null),
      detail: error?.detail ?? null,
      diagnosis,
      class: this.#vocabulary.word(diagnosis.class),
    }
  }

  #certificate(change: Extract<Change, { object: 'certificate' }>, moment: Moment): void {
    const id =
      (change.order === null ? null : this.orders.find(moment.caName, change.order)) ??
      (change.url === null ? null : this.orders.findByCertificateUrl(moment.ca, change.url))
    const certificate = this.certificates.take(
      change,
      id === null ? null : this.orders.ofCertificate(id),
      moment,
    )
    if (id !== null) this.orders.deliver(id, certificate)
  }
}
