import type { Operation } from '../acme/operation.ts'
import type { BrokerAnswer, BrokeredRequest } from './brokered-request.ts'

/** What an endpoint can be asked for. */
export type BrokerOperation = Exclude<Operation, 'tunnel' | 'unrecognised'>

/** Each rejects with AcmeProblem or ProblemAnswer: what the client is told. Anything else is a fault of our own. */
export type BrokerOperationsTable = Readonly<
  Record<BrokerOperation, (request: BrokeredRequest) => Promise<BrokerAnswer>>
>
