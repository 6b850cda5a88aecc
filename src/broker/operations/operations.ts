/**
 * src/broker/operations is what acmetap does as an ACME server, one file for each operation of RFC 8555 §7. They are given
 * requests that were verified and permitted, and know neither HTTP's edge nor SQL. Start here.
 */
import type { BrokerOperationsTable } from '../broker-operation.ts'
import { account } from './account.ts'
import { authorization } from './authorization.ts'
import { certificate } from './certificate.ts'
import { challenge } from './challenge.ts'
import { directory } from './directory.ts'
import { finalize } from './finalize.ts'
import { keyChange } from './key-change.ts'
import { newAccount } from './new-account.ts'
import { newAuthz } from './new-authz.ts'
import { newNonce } from './new-nonce.ts'
import { newOrder } from './new-order.ts'
import type { OperationParts } from './operation-parts.ts'
import { order } from './order.ts'
import { orders } from './orders.ts'
import { renewalInfo } from './renewal-info.ts'
import { revokeCert } from './revoke-cert.ts'

export type { BrokerOperation, BrokerOperationsTable } from '../broker-operation.ts'
export type { OperationParts } from './operation-parts.ts'

export function createOperations(parts: OperationParts): BrokerOperationsTable {
  return {
    directory: directory(),
    newNonce: newNonce(),
    newAccount: newAccount(parts),
    account: account(parts),
    orders: orders(parts),
    keyChange: keyChange(parts),
    newOrder: newOrder(parts),
    order: order(),
    newAuthz: newAuthz(parts),
    authorization: authorization(parts),
    challenge: challenge(parts),
    finalize: finalize(parts),
    certificate: certificate(),
    revokeCert: revokeCert(parts),
    renewalInfo: renewalInfo(parts),
  }
}
