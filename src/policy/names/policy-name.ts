import type { Identifier } from '../../acme/identifier.ts'

/** One name that is asked for, normalised once. */
export interface PolicyName {
  /** As the client wrote it. */
  readonly identifier: Identifier
  readonly type: 'dns' | 'ip'
  /** Lower-case A-labels without `*.`; an address as RFC 5952 and RFC 8738 have it. */
  readonly value: string
  /** Labels from the right: `com`, `example`. Empty for an address. */
  readonly labels: readonly string[]
  /** What it stands for: the host itself, every host one label below (`*.`), or the host and everything below (RFC 9444). */
  readonly covers: 'host' | 'wildcard' | 'subtree'
}
