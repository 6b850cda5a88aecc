import type { BrokerOperation } from './operations/operations.ts'

/** How a request for an operation must come. */
export interface RequestRule {
  /** RFC 8555 §6.3: only what helps clients to begin is fetched by GET. */
  readonly methods: readonly string[]
  /** What a POST names its key by (RFC 8555 §6.2). */
  readonly key: 'kid' | 'jwk' | 'either'
  /** Of a POST. `none`: POST-as-GET alone (RFC 8555 §6.3). */
  readonly payload: 'none' | 'object' | 'either'
}

const GET = ['GET', 'HEAD'] as const
const POST = ['POST'] as const

// biome-ignore format: one row an operation, one column a rule
export const REQUEST_RULES: Readonly<Record<BrokerOperation, RequestRule>> = {
  directory:     { methods: [...GET, ...POST], key: 'kid',    payload: 'none' },
  newNonce:      { methods: [...GET, ...POST], key: 'kid',    payload: 'none' },
  renewalInfo:   { methods: GET,               key: 'kid',    payload: 'none' },
  newAccount:    { methods: POST,              key: 'jwk',    payload: 'object' },
  account:       { methods: POST,              key: 'kid',    payload: 'either' },
  orders:        { methods: POST,              key: 'kid',    payload: 'none' },
  keyChange:     { methods: POST,              key: 'kid',    payload: 'object' },
  newOrder:      { methods: POST,              key: 'kid',    payload: 'object' },
  newAuthz:      { methods: POST,              key: 'kid',    payload: 'object' },
  order:         { methods: POST,              key: 'kid',    payload: 'none' },
  finalize:      { methods: POST,              key: 'kid',    payload: 'object' },
  authorization: { methods: POST,              key: 'kid',    payload: 'either' },
  challenge:     { methods: POST,              key: 'kid',    payload: 'either' },
  certificate:   { methods: POST,              key: 'kid',    payload: 'none' },
  revokeCert:    { methods: POST,              key: 'either', payload: 'object' },
}
