/**
 * test/support/truth holds the inventory against what really happened. The truth is read from the bytes between acmetap
 * and the CA (a tap), the CA's own status pages and log, and the files of the clients, with nothing of acmetap's own
 * code. Start with `compare.ts`.
 */

export interface TrueAccount {
  readonly url: string
  readonly thumbprint: string | null
  readonly status: string | null
  /** Sorted; null where no answer to a newAccount told that it was made now. */
  readonly contacts: readonly string[] | null
}

export interface TrueOrder {
  readonly url: string
  readonly account: string
  /** Sorted `type:value`. */
  readonly identifiers: readonly string[]
  readonly status: string
  readonly expires: string | null
  readonly requests: number
  /** Null where acmetap itself ordered. */
  readonly program: string | null
  readonly certificateUrl: string | null
  readonly error: string | null
}

export interface TrueChallenge {
  readonly url: string
  readonly type: string
  readonly status: string
  readonly error: string | null
}

export interface TrueCertificate {
  readonly fingerprint: string
  readonly serial: string
  /** Sorted `type:value`. */
  readonly names: readonly string[]
  readonly notBefore: string
  readonly notAfter: string
  /** Fingerprints of what came with it, in order. */
  readonly chain: readonly string[]
  /** URL of the order that has it; null where no order was seen to. */
  readonly order: string | null
  readonly downloadedBy: readonly string[]
}

export interface TrueRevocation {
  readonly fingerprint: string
  readonly reason: number | null
  readonly by: 'account' | 'certificateKey'
}

export interface Truth {
  readonly accounts: ReadonlyMap<string, TrueAccount>
  readonly orders: ReadonlyMap<string, TrueOrder>
  readonly challenges: ReadonlyMap<string, TrueChallenge>
  readonly certificates: ReadonlyMap<string, TrueCertificate>
  readonly revocations: ReadonlyMap<string, TrueRevocation>
  /** Account URL and program, of every signed request that was accepted. */
  readonly clients: ReadonlySet<string>
}
