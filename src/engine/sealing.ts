/** AES-256-GCM under the key-encryption key: version, nonce, ciphertext and tag, base64url with dots between. */
export type Sealed = string & { readonly __sealed: never }

/** Where a sealed value belongs: it opens nowhere else, so that two cannot be swapped. */
export interface SealedPlace {
  readonly table: 'account' | 'job' | 'certificate'
  readonly id: string
  readonly column: 'key' | 'nextKey'
}

export interface Sealing {
  seal(secret: string, place: SealedPlace): Sealed
  /** Throws EngineError (`input`) where it was changed, belongs elsewhere, or another key sealed it. */
  open(sealed: Sealed, place: SealedPlace): string
}
