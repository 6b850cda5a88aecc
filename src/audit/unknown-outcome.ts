import type { OutcomeContent } from './record.ts'

/** What is said of an exchange whose process died before its outcome was written; all else says more. */
export const UNKNOWN_OUTCOME: OutcomeContent = {
  outcome: 'unknown',
  status: null,
  fields: {},
  body: null,
  failure: null,
  problem: null,
  retryAfter: null,
  account: null,
  issuance: null,
  order: null,
  authorization: null,
  challenge: null,
  certificate: null,
  objectStatus: null,
  objectError: null,
  identifiers: [],
  durationTotal: null,
  durationCa: null,
  waited: null,
  source: null,
  operation: null,
  tunnel: null,
  spilled: false,
}
