/** Keys that an operator of the CA has handed out (RFC 8555 §7.3.4): by key id, base64url. */
export const TRUSTED_KEYS = {
  'team-web': Buffer.alloc(32, 'w').toString('base64url'),
  'team-payments': Buffer.alloc(32, 'p').toString('base64url'),
} as const
export type ExternalAccount = keyof typeof TRUSTED_KEYS
