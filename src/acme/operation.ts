/**
 * src/acme speaks RFC 8555 as pure values: no I/O, no clock, no framework.
 * Start here: an operation is what one HTTP request means in the protocol's own terms (RFC 8555 §7.1).
 */
export const OPERATIONS = [
  'directory',
  'newNonce',
  'newAccount',
  'account',
  'keyChange',
  'newOrder',
  'order',
  'orders',
  'authorization',
  'challenge',
  'finalize',
  'certificate',
  'revokeCert',
  'renewalInfo',
  'newAuthz',
  'tunnel',
  'unrecognised',
] as const

export type Operation = (typeof OPERATIONS)[number]
