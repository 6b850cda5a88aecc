import type Database from 'better-sqlite3'
import type { LeafFacts } from '../../../acme/certificate.ts'
import type { Identifier } from '../../../acme/identifier.ts'
import { describe } from '../../../audit/diagnosis/describe.ts'
import type { Diagnosis } from '../../../audit/diagnosis/diagnosis.ts'
import { isOfValidation } from '../../../audit/diagnosis/of-validation.ts'
import type {
  AuthorizationChange,
  ChallengeChange,
  Change,
  OrderChange,
} from '../../../audit/inventory/project/change.ts'
import { namedBySubproblems, objectDiagnosis } from '../../../audit/inventory/project/failure.ts'
import { identifiersOfExchange, operationOf, type Seen } from '../../../audit/inventory/project/seen.ts'
import { instantOf } from '../../../audit/inventory/values.ts'
import { Authorizations } from './authorizations.ts'
import { Certificates } from './certificates.ts'
import { type AnsweredChallenge, type ChallengeRow, Challenges } from './challenges.ts'
import type { FailureHappenings } from './failure-happenings.ts'
import { challengeFailure, type FailureFacts, type Failures, orderFailure } from './failures.ts'
import type { ExchangeShown, HappeningRows } from './happening-rows.ts'
import type { Moment } from './moment.ts'
import { type OrderRow, type OrderStage, Orders } from './orders.ts'
import type { Vocabulary } from './vocabulary.ts'

interface Happenings {
  readonly rows: HappeningRows
  readonly failures: FailureHappenings
}

/** Takes in what an exchange says of orders, authorizations, challenges and certificates, within a transaction. */
export class ObjectTaker {
  readonly orders: Orders
  readonly certificates: Certificates
  readonly #authorizations: Authorizations
  readonly #challenges: Challenges
  readonly #failures: Failures
  readonly #vocabulary: Vocabulary
  readonly #happenings: Happenings

  constructor(db: Database.Database, vocabulary: Vocabulary, failures: Failures, happenings: Happenings) {
    this.#vocabulary = vocabulary
    this.#failures = failures
    this.#happenings = happenings
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
          this.#certificate(seen, change, moment)
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
    const isFailing = change.status === 'invalid' && change.error === null
    const before = isFailing ? this.orders.stageOf(moment.caName, change.url) : undefined
    const row = this.orders.take(change, moment)
    if (row.isNew && change.requested) this.#ordered(seen, row, change, moment)
    if (before !== undefined) this.#orderFailedSilently(seen, row, before, change, moment)
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
    const facts = this.#failureFacts(seen, diagnosis, change.error!, names, about)
    if (!this.#failures.add(key, facts, moment)) return
    const validation = suspect !== null || isOfValidation(diagnosis.class)
    this.#failed(seen, key, { validation, shownBy: 'order' }, change.error!.type, facts, moment)
  }

  /** The order alone says that it failed, and nothing of why: no failure to list, but one to tell of. */
  #orderFailedSilently(
    seen: Seen,
    row: OrderRow,
    before: OrderStage,
    change: OrderChange,
    moment: Moment,
  ): void {
    if (before.status === 'invalid' || this.#challenges.failedOf(row.id, moment.at)) return
    const suspects = this.#challenges.suspectsOf(row.id, moment.at)
    const expires = change.expires ?? before.expires
    // RFC 8555 §7.1.6: what nobody answered, or what came too late, becomes invalid without anything being wrong.
    const isLeft = expires !== null && expires <= moment.at
    if (isLeft || (suspects.length === 0 && before.finalized_at === null)) return
    const names = this.#namesOf(suspects)
    const [only = null] = suspects.length === 1 ? suspects : []
    const facts = this.#failureFacts(
      seen,
      describe('unclassified'),
      null,
      names.length > 0
        ? names
        : change.identifiers.length > 0
          ? change.identifiers
          : identifiersOfExchange(seen),
      { challenge: only?.id ?? null, challengeType: only?.type ?? null, order: row.id },
    )
    const validation = suspects.length > 0
    this.#failed(seen, orderFailure(row.key), { validation, shownBy: 'order' }, null, facts, moment)
  }

  /** Empty where one of them is not known. */
  #namesOf(suspects: readonly AnsweredChallenge[]): readonly Identifier[] {
    const names = suspects.map(({ authorization }) => this.#authorizations.identifierOf(authorization))
    const known = names.filter((name) => name !== null)
    return known.length === names.length ? known : []
  }

  #failed(
    seen: Seen,
    failure: string,
    { validation, shownBy }: { readonly validation: boolean; readonly shownBy: 'challenge' | 'order' },
    problem: string | null,
    facts: FailureFacts,
    moment: Moment,
  ): void {
    const shown = { failure, validation, shownBy, outcome: seen.outcome.outcome, problem, limit: null }
    this.#happenings.failures.add(shown, facts, moment, facts)
  }

  #ordered(seen: Seen, row: OrderRow, { replaces, profile }: OrderChange, moment: Moment): void {
    const about = { names: row.names, order: row.id }
    this.#happenings.rows.add('ordered', { replaces, profile }, about, moment, this.#shown(seen))
  }

  #validated(seen: Seen, row: ChallengeRow, moment: Moment): void {
    const name = row.authorization === null ? null : this.#authorizations.identifierOf(row.authorization)
    const about = { names: this.#vocabulary.set(name ? [name] : []), order: this.#orderOf(seen, moment) }
    this.#happenings.rows.add('validated', {}, about, moment, this.#shown(seen))
  }

  #orderOf({ intent, outcome }: Seen, moment: Moment): number | null {
    const url = outcome.order ?? intent.order
    return url === null ? null : this.orders.find(moment.caName, url)
  }

  #shown(seen: Pick<Seen, 'intent' | 'outcome'>): ExchangeShown {
    return {
      mode: this.#vocabulary.word(seen.intent.mode),
      operation: this.#vocabulary.word(operationOf(seen)),
    }
  }

  #authorization(change: AuthorizationChange, moment: Moment): void {
    const { id, status } = this.#authorizations.take(change, moment)
    if (status === 'invalid') this.orders.failBy(id)
  }

  #challenge(seen: Seen, change: ChallengeChange, moment: Moment): Diagnosis | null {
    const authorization =
      change.authorization === null ? null : this.#authorizations.rowFor(change.authorization, moment)
    const isWell = change.status === 'valid' && !this.#challenges.isValid(moment.caName, change.url)
    const row = this.#challenges.take(change, authorization, moment)
    if (isWell && row.status === 'valid') this.#validated(seen, row, moment)
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
    const order = this.#orderOf(seen, moment) ?? orders[0]?.id ?? null
    const names = identifier ? [identifier] : identifiersOfExchange(seen)
    const about = { challenge: row.id, challengeType: row.type, order }
    const facts = this.#failureFacts(seen, diagnosis, change.error, names, about)
    const key = challengeFailure(moment.caName, change.url)
    if (this.#failures.ofChallenge(key, facts, moment, orders)) {
      const shown = { validation: true, shownBy: 'challenge' } as const
      this.#failed(seen, key, shown, change.error?.type ?? null, facts, moment)
    }
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
      ...this.#shown({ intent, outcome }),
      names: this.#vocabulary.set(names),
      outcome: this.#vocabulary.word(outcome.outcome),
      status: outcome.status,
      problem: this.#vocabulary.wordOrNull(error?.type ?? null),
      detail: error?.detail ?? null,
      diagnosis,
      class: this.#vocabulary.word(diagnosis.class),
    }
  }

  #certificate(seen: Seen, change: Extract<Change, { object: 'certificate' }>, moment: Moment): void {
    const id =
      (change.order === null ? null : this.orders.find(moment.caName, change.order)) ??
      (change.url === null ? null : this.orders.findByCertificateUrl(moment.ca, change.url))
    const certificate = this.certificates.take(
      change,
      id === null ? null : this.orders.ofCertificate(id),
      moment,
    )
    if (id !== null) this.orders.deliver(id, certificate.id)
    if (certificate.isNew) this.#issued(seen, change.chain.leaf, id, moment)
  }

  #issued(seen: Seen, leaf: LeafFacts, order: number | null, moment: Moment): void {
    const { fingerprint, serial, spki } = leaf
    const [notBefore, notAfter] = [instantOf(leaf.notBefore), instantOf(leaf.notAfter)]
    const about = { names: this.#vocabulary.set(leaf.identifiers), order }
    const body = { fingerprint, serial, notBefore, notAfter, spki }
    this.#happenings.rows.add('issued', body, about, moment, this.#shown(seen))
  }
}
