/**
 * What a policy says beside its rules; it has the policy's mode. In `enforce` it denies, else it is recorded and passes.
 * The names stand where a rule's name would: no rule may be called so.
 */
export const BUILT_IN = {
  /** A POST to a CA that is nothing acmetap has learned. */
  unrecognised: 'policy:unrecognised',
  /** Its order, or the object it is about, was not made through acmetap, so nobody can say for which names it is. */
  unknownOrder: 'policy:unknown-order',
  /** A name that is refused, not repaired: a U-label, a trailing dot, an address as a DNS name. */
  name: 'policy:name',
  /** An identifier of a type that no rule can judge. */
  identifierType: 'policy:identifier-type',
  /** A CSR that can't be read strictly, or whose names are not the order's. */
  csr: 'policy:csr',
  /** What no rule decided. */
  default: 'default',
} as const
