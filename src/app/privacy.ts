import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { type Privacy, pseudonymWith } from '../audit/privacy.ts'
import type { Config } from '../config/schema.ts'

const FILE = 'privacy.key'
const KEY_BYTES = 32

/**
 * How personal fields are handled from now on. Makes the key of the data folder (0600) where a field is hashed and
 * there is none yet. Throws the file system's error, or one that says what is wrong with the key.
 */
export function privacyOf({ privacy, data }: Pick<Config, 'privacy' | 'data'>): Privacy {
  const { address, contact, proxy_user: proxyUser, user_agent: userAgent } = privacy
  const fields = { address, contact, proxyUser, userAgent }
  const file = join(data, FILE)
  if (Object.values(fields).includes('hash') && !existsSync(file)) makeKey(file)
  return { ...fields, pseudonym: pseudonymOf(data) ?? unkeyed }
}

/** What a text was or is hashed to in this data folder; null where nothing ever was. */
export function pseudonymOf(data: string): ((text: string) => string) | null {
  const file = join(data, FILE)
  if (!existsSync(file)) return null
  const key = readFileSync(file)
  if (key.length !== KEY_BYTES) {
    throw new Error(
      `${file} holds ${key.length} bytes, not ${KEY_BYTES}. Put it back from a backup, or remove it: then equal values no longer get the hashes they had.`,
    )
  }
  return pseudonymWith(key)
}

function makeKey(file: string): void {
  const descriptor = openSync(file, 'wx', 0o600)
  try {
    writeSync(descriptor, randomBytes(KEY_BYTES))
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function unkeyed(): string {
  throw new Error('no field is hashed')
}
