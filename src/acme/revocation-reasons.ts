/**
 * The reasons that a subscriber may give (RFC 5280 §5.3.1): a CA's own (2, 10) and those that can be taken back (6, 8) are
 * none of his.
 */
export const REVOCATION_REASONS: Readonly<Record<number, string>> = {
  0: 'unspecified',
  1: 'keyCompromise',
  3: 'affiliationChanged',
  4: 'superseded',
  5: 'cessationOfOperation',
  9: 'privilegeWithdrawn',
}
