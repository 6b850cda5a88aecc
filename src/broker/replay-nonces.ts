/**
 * Nonces of acmetap's own (RFC 8555 §6.5). Each is good once, for whoever knows it, at any endpoint: in this process, after
 * its restart, and at every replica that shares what is behind this port.
 */
export interface ReplayNonces {
  issue(): string
  /** Whether it was issued and not used before. Using it uses it up, also where two do at the same time. */
  redeem(nonce: string): Promise<boolean>
}
