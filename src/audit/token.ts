import type { EventContent } from './event.ts'

/**
 * viewer: reads. operator: also imports, exports, probes, reloads, issues, revokes. admin: also tokens, forget, rebuild,
 * unpause links, keys and ends of the engine's accounts.
 */
export const ROLES = ['viewer', 'operator', 'admin'] as const
export type Role = (typeof ROLES)[number]

/** A bearer token for the admin listener. The token itself is nowhere: SHA-256 of 32 random bytes finds it. */
export interface Token {
  /** 8 hex digits, part of the token's text. */
  readonly id: string
  readonly name: string
  readonly role: Role
  /** SHA-256 of the token's text, hex. */
  readonly digest: string
  /** µs since 1970. */
  readonly createdAt: number
  readonly expires: number | null
}

/** Keeps tokens; each change is durable together with the event that tells it. */
export interface TokenStore {
  tokens(): Promise<readonly Token[]>
  addToken(token: Token, event: EventContent): Promise<void>
  /** Returns false where there is none of this id. */
  removeToken(id: string, event: EventContent): Promise<boolean>
}
