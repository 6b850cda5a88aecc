import { createCipheriv, createDecipheriv, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import { decodeBase64url } from '../acme/base64url.ts'
import { EngineError } from './engine-error.ts'
import type { Sealed, SealedPlace, Sealing } from './sealing.ts'

const VERSION = 'v1'
const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16
const KEY_ID_BYTES = 6

/** Length of a key-encryption key. */
export const SEALING_SECRET_BYTES = 32

/**
 * Sealing under a secret of 32 bytes. What encrypts and what names the key are both derived from it: the key id, which
 * stands in every sealed text, tells nothing of the secret. Throws TypeError for a secret of another length.
 */
export function createSealing(secret: Buffer): Sealing {
  if (secret.length !== SEALING_SECRET_BYTES) throw new TypeError('a sealing secret has 32 bytes')
  const key = derived(secret, 'acmetap engine seal v1', 32)
  const keyId = derived(secret, 'acmetap engine key id v1', KEY_ID_BYTES)
  return {
    seal(plain, place) {
      // Random nonces: 2^32 of them would have to be used under one key before a repetition is to be feared.
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
      cipher.setAAD(boundTo(place))
      const hidden = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
      const parts = [keyId, nonce, hidden, cipher.getAuthTag()]
      return [VERSION, ...parts.map((part) => part.toString('base64url'))].join('.') as Sealed
    },
    open(sealed, place) {
      const { id, nonce, hidden, tag } = partsOf(sealed, place)
      if (!timingSafeEqual(id, keyId)) throw refused(place, 'it was sealed under another secret', ANOTHER)
      const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES })
      decipher.setAAD(boundTo(place))
      decipher.setAuthTag(tag)
      try {
        return Buffer.concat([decipher.update(hidden), decipher.final()]).toString('utf8')
      } catch {
        throw refused(place, 'it was changed, or belongs elsewhere', CHANGED)
      }
    },
  }
}

const ANOTHER =
  'Configure engine.secret (or secret_file, or engine.key in the data folder) as it was then, or run `acmetap engine rewrap --old-secret-file <file>`.'
const CHANGED = 'Restore it from a backup.'

/** Where it is kept in a data folder, for people. */
function keptIn(table: SealedPlace['table']): string {
  if (table === 'eab') return 'broker.sqlite'
  return table === 'localCa' ? 'local-ca' : 'engine.sqlite'
}

function derived(secret: Buffer, purpose: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), purpose, bytes))
}

function boundTo({ table, id, column }: SealedPlace): Buffer {
  return Buffer.from(JSON.stringify([VERSION, table, id, column]))
}

function partsOf(sealed: string, place: SealedPlace) {
  const [version, ...rest] = sealed.split('.')
  if (version !== VERSION)
    throw refused(
      place,
      'a newer acmetap sealed it, or it was changed',
      'Run that acmetap, or restore it from a backup.',
    )
  const [id, nonce, hidden, tag, ...more] = rest.map(decodeBase64url)
  if (
    more.length > 0 ||
    id?.length !== KEY_ID_BYTES ||
    nonce?.length !== NONCE_BYTES ||
    tag?.length !== TAG_BYTES ||
    hidden == null
  )
    throw refused(place, 'it was changed', CHANGED)
  return { id, nonce, hidden, tag }
}

function refused({ table, id, column }: SealedPlace, why: string, remedy: string): EngineError {
  return new EngineError(
    'input',
    `the ${column} of the ${table} ${id} in ${keptIn(table)} can't be opened: ${why}. ${remedy}`,
  )
}
