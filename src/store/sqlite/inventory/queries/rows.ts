import type { Selectable } from 'kysely'
import type {
  AccountsTable,
  AuthorizationsTable,
  CertificatesTable,
  ChallengesTable,
  ClientsTable,
  ExchangesTable,
  FailuresTable,
  OrdersTable,
  RateLimitsTable,
} from '../tables.ts'

export type AccountRow = Selectable<AccountsTable>
export type AuthorizationRow = Selectable<AuthorizationsTable>
export type CertificateRow = Selectable<CertificatesTable>
export type ChallengeRow = Selectable<ChallengesTable>
export type ClientRow = Selectable<ClientsTable>
export type ExchangeIndexRow = Selectable<ExchangesTable>
export type FailureRow = Selectable<FailuresTable>
export type OrderRow = Selectable<OrdersTable>
export type RateLimitRow = Selectable<RateLimitsTable>
