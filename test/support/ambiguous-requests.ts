import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { EAB_KEY, EAB_KID } from './pebble-for-ambiguity.ts'

/** A client's account and its key. */
export interface TestAccount {
  readonly key: TestKey
  /** The account URL. */
  readonly url: string
}

export interface TestKey {
  readonly privateKey: KeyObject
  readonly jwk: { readonly kty: 'EC'; readonly crv: string; readonly x: string; readonly y: string }
}

/** What a case is made with. */
export interface Setting {
  /** `https://localhost:PORT`. */
  readonly origin: string
  readonly nonce: string
  readonly account: TestAccount
  readonly other: TestAccount
  /** A key that no account has yet. */
  readonly freshKey: TestKey
  /** Targets of things that belong to `account`. */
  readonly order: string
  readonly authorization: string
}

/** One request that a careless reader may read otherwise than Pebble does. */
export interface AmbiguousRequest {
  readonly name: string
  /** Cases that may change or end their account get one of their own. */
  readonly freshAccount?: boolean
  make(setting: Setting): { readonly target: string; readonly body: Buffer }
}

export function newTestKey(): TestKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { crv, x, y } = publicKey.export({ format: 'jwk' }) as { crv: string; x: string; y: string }
  return { privateKey, jwk: { kty: 'EC', crv, x, y } }
}

export const encode = (text: string | Buffer) => Buffer.from(text as string).toString('base64url')

/** JSON text of an object from names and values that are JSON texts already: names are written as given. */
export const members = (...pairs: readonly (readonly [name: string, value: string])[]) =>
  `{${pairs.map(([name, value]) => `"${name}":${value}`).join(',')}}`

export interface Parts {
  readonly protected: string
  readonly payload: string
  readonly signature: string
}

/** Signs texts as they are; `bytes` make the body. */
export function signed(
  key: TestKey,
  header: string,
  payload: string | Buffer,
  envelope: (parts: Parts) => string | Buffer = flattened,
): Buffer {
  const parts = { protected: encode(header), payload: encode(payload) }
  const input = Buffer.from(`${parts.protected}.${parts.payload}`)
  const signature = sign('sha256', input, { key: key.privateKey, dsaEncoding: 'ieee-p1363' }).toString(
    'base64url',
  )
  return Buffer.from(envelope({ ...parts, signature }) as string)
}

export const flattened = (parts: Parts) => JSON.stringify(parts)

export const s = (value: string) => JSON.stringify(value)

/** The protected header of an ordinary request, by account. */
export function headerOf(
  setting: Setting,
  url: string,
  extra: readonly (readonly [string, string])[] = [],
): string {
  return members(
    ['alg', '"ES256"'],
    ['kid', s(setting.account.url)],
    ['nonce', s(setting.nonce)],
    ['url', s(url)],
    ...extra,
  )
}

export function headerWithKey(setting: Setting, key: TestKey, url: string): string {
  return members(
    ['alg', '"ES256"'],
    ['jwk', JSON.stringify(key.jwk)],
    ['nonce', s(setting.nonce)],
    ['url', s(url)],
  )
}

/** A request by account to one of Pebble's targets, with a payload that is written as it is. */
export function withPayload(
  name: string,
  target: (setting: Setting) => string,
  payload: (setting: Setting) => string | Buffer,
  more: { envelope?: (parts: Parts) => string | Buffer; freshAccount?: boolean } = {},
): AmbiguousRequest {
  return {
    name,
    freshAccount: more.freshAccount ?? false,
    make(setting) {
      const header = headerOf(setting, setting.origin + target(setting))
      return {
        target: target(setting),
        body: signed(setting.account.key, header, payload(setting), more.envelope),
      }
    },
  }
}

export const newOrder = (
  name: string,
  payload: string | Buffer,
  envelope?: (parts: Parts) => string | Buffer,
) =>
  withPayload(
    name,
    () => '/order-plz',
    () => payload,
    envelope ? { envelope } : {},
  )

/** Registers a fresh key. */
export function newAccount(name: string, payload: string | ((setting: Setting) => string)): AmbiguousRequest {
  return {
    name,
    make(setting) {
      const target = '/sign-me-up'
      const header = headerWithKey(setting, setting.freshKey, setting.origin + target)
      const text = typeof payload === 'string' ? payload : payload(setting)
      return { target, body: signed(setting.freshKey, header, text) }
    },
  }
}

/** RFC 8555 §7.3.4: an external account binding of the fresh key, made of the texts given. */
export function binding(
  setting: Setting,
  shape: (parts: Parts) => string = flattened,
  header: string = members(
    ['alg', '"HS256"'],
    ['kid', s(EAB_KID)],
    ['url', s(`${setting.origin}/sign-me-up`)],
  ),
  payload: string = JSON.stringify(setting.freshKey.jwk),
): string {
  const parts = { protected: encode(header), payload: encode(payload) }
  const mac = createHmac('sha256', Buffer.from(EAB_KEY, 'base64url'))
  return shape({ ...parts, signature: mac.update(`${parts.protected}.${parts.payload}`).digest('base64url') })
}

/** RFC 8555 §7.3.5: the inner JWS of a key change from the account's key to the fresh one. */
export function keyChange(
  name: string,
  inner: (setting: Setting) => { header?: string; payload?: string; shape?: (parts: Parts) => string },
): AmbiguousRequest {
  return withPayload(
    name,
    () => '/rollover-account-key',
    (setting) => {
      const made = inner(setting)
      const header =
        made.header ??
        members(
          ['alg', '"ES256"'],
          ['jwk', JSON.stringify(setting.freshKey.jwk)],
          ['url', s(`${setting.origin}/rollover-account-key`)],
        )
      const payload =
        made.payload ??
        members(['account', s(setting.account.url)], ['oldKey', JSON.stringify(setting.account.key.jwk)])
      return signed(setting.freshKey, header, payload, made.shape)
    },
    { freshAccount: true },
  )
}
