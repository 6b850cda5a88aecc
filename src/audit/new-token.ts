import { hash, randomBytes } from 'node:crypto'

export interface NewToken {
  /** 8 hex digits. */
  readonly id: string
  /** `acmetap_<id>_<43 characters>`: what a bearer sends. Told once and kept nowhere. */
  readonly text: string
  readonly digest: string
}

/** 32 random bytes, with a beginning that secret scanners can look for. */
export function newToken(): NewToken {
  const id = randomBytes(4).toString('hex')
  const text = `acmetap_${id}_${randomBytes(32).toString('base64url')}`
  return { id, text, digest: tokenDigest(text) }
}

/**
 * SHA-256 of the whole text, hex: what a token is found by. The look-up by digest takes the place of a comparison:
 * how long it takes says nothing of the text.
 */
export function tokenDigest(text: string): string {
  return hash('sha256', text)
}
