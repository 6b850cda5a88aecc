/** AES-256-GCM under the key-encryption key: version, id of that key, nonce, ciphertext, tag; base64url with dots between. */
export type Sealed = string & { readonly __sealed: never }

/**
 * Where a sealed value belongs: it opens nowhere else, so that two cannot be swapped. `id`: of the account, the job, the
 * external account binding, or the name of the kept certificate or local CA.
 */
export interface SealedPlace {
  readonly table: 'account' | 'job' | 'certificate' | 'eab' | 'localCa'
  readonly id: string
  readonly column: 'key' | 'nextKey'
}

export interface Sealing {
  seal(secret: string, place: SealedPlace): Sealed
  /** Throws EngineError (`input`) where it was changed, belongs elsewhere, or another key sealed it. */
  open(sealed: Sealed, place: SealedPlace): string
}
