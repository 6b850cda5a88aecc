/**
 * src/cli/accounts learns which key signs for which account from the files that ACME clients keep, so that
 * requests of accounts older than acmetap can be verified. Private keys are read here and nowhere else: only
 * the public members leave, and no message quotes a file. Start at read-account-files.ts.
 */
import type { Jwk } from '../../acme/jwk.ts'
import type { AccountFolder } from './account-folder.ts'

export type AccountClient = 'certbot' | 'lego' | 'acme.sh' | 'dehydrated' | 'caddy' | 'uacme'

export interface FoundAccount {
  /** The account URL, byte for byte as the client stored it: what its requests carry as `kid`. */
  readonly account: string
  /** Public members only. */
  readonly jwk: Jwk
  /** RFC 7638, SHA-256, base64url. */
  readonly thumbprint: string
  /** Full path of the file that told the account, with links resolved. */
  readonly from: string
  readonly client: AccountClient
}

/** What a client's files in one folder say: a key, and perhaps the URL it belongs to. */
export interface Sighting {
  readonly client: AccountClient
  readonly from: string
  /** Every file it was read from, `from` included. */
  readonly files: readonly string[]
  readonly account: string | null
  readonly key: KeyReading
  /** What to do when the files hold the key but no URL: one sentence. */
  readonly withoutUrl: string
}

export type KeyReading = { readonly jwk: Jwk; readonly thumbprint: string } | { readonly problem: string }

/** Reads one client's format in one folder; nothing when the folder holds no such account. */
export type AccountFormat = (folder: AccountFolder) => Promise<readonly Sighting[]>
