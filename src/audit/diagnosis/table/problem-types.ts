import type { DiagnosisClass } from '../classes.ts'

/** What a problem type says alone, for texts without a row. Types that say too little are not here. */
export const BY_TYPE: Readonly<Record<string, DiagnosisClass>> = {
  accountDoesNotExist: 'account-unknown',
  alreadyReplaced: 'replaces-refused',
  alreadyRevoked: 'already-revoked',
  badCSR: 'bad-csr',
  badNonce: 'bad-nonce',
  badPublicKey: 'bad-key',
  badRevocationReason: 'revocation-refused',
  badSignatureAlgorithm: 'bad-signature',
  caa: 'caa',
  conflict: 'bad-key',
  dns: 'dns-failure',
  externalAccountRequired: 'external-account-required',
  invalidContact: 'contact-refused',
  invalidEmail: 'contact-refused',
  invalidProfile: 'profile-refused',
  malformed: 'malformed-request',
  orderNotReady: 'order-not-ready',
  rateLimited: 'rate-limit',
  rejectedIdentifier: 'name-refused',
  serverInternal: 'ca-internal',
  unknownHost: 'no-address',
  unsupportedContact: 'contact-refused',
  unsupportedIdentifier: 'identifier-unsupported',
  userActionRequired: 'terms-not-agreed',
}
