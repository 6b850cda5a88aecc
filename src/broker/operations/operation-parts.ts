import type { Sealing } from '../../engine/sealing.ts'
import type { Clock } from '../../exchange/clock.ts'
import type { BrokerStore } from '../broker-store.ts'
import type { BrokerAnswer, BrokeredRequest } from '../brokered-request.ts'
import type { Endpoint } from '../endpoint.ts'
import type { Issuances } from '../issuances.ts'
import type { Issuer } from '../issuer.ts'
import type { BrokerAccount, BrokerAuthorization } from '../objects.ts'

export interface OperationParts {
  readonly store: BrokerStore
  readonly issuances: Issuances
  readonly validations: ChallengeAnswers
  /** Of a CA's name; null: it is not configured any more. */
  readonly issuer: (ca: string) => Issuer | null
  /** Of the MAC keys of EAB keys. */
  readonly sealing: Sealing
  readonly clock: Clock
}

/** RFC 8555 §7.5.1: a client says that a challenge can be looked at. */
export interface ChallengeAnswers {
  /** Resolves with the authorization as it stands then: it is looked at in the background. */
  answer(
    authorization: BrokerAuthorization,
    challengeId: string,
    account: BrokerAccount,
    endpoint: Endpoint,
  ): Promise<BrokerAuthorization>
}

export type OperationHandler = (request: BrokeredRequest) => Promise<BrokerAnswer>
