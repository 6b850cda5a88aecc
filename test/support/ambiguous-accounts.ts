import {
  type AmbiguousRequest,
  binding,
  flattened,
  headerWithKey,
  keyChange,
  members,
  newAccount,
  type Setting,
  s,
  signed,
  withPayload,
} from './ambiguous-requests.ts'
import { LAX, spellings } from './ambiguous-spellings.ts'

const CONTACT = '["mailto:good@example.com"]'
const EVIL_CONTACT = '["mailto:evil@example.com"]'

export function* accounts(): Iterable<AmbiguousRequest> {
  const target = (setting: Setting) => new URL(setting.account.url).pathname
  for (const name of spellings('contact')) {
    for (const value of [EVIL_CONTACT, 'null', '[]', '"mailto:evil@example.com"', '[null]']) {
      yield withPayload(`account: ${name}=${value} after`, target, () =>
        members(['contact', CONTACT], [name, value]),
      )
      yield withPayload(`account: ${name}=${value} before`, target, () =>
        members([name, value], ['contact', CONTACT]),
      )
      yield withPayload(`account: ${name}=${value} alone`, target, () => members([name, value]))
    }
  }
  for (const name of spellings('status')) {
    for (const value of ['"deactivated"', '"DEACTIVATED"', '"valid"', 'null']) {
      yield withPayload(`account: ${name}=${value}`, target, () => members([name, value]), {
        freshAccount: true,
      })
    }
  }
  yield withPayload('account: read', target, () => '')
  yield withPayload('account: {}', target, () => '{}')
}

export function* registrations(): Iterable<AmbiguousRequest> {
  const agreed = ['termsOfServiceAgreed', 'true'] as const
  for (const known of [
    'contact',
    'termsOfServiceAgreed',
    'onlyReturnExisting',
    'status',
    'key',
    'orders',
  ] as const) {
    const values: Record<typeof known, string[]> = {
      contact: [EVIL_CONTACT, 'null'],
      termsOfServiceAgreed: ['true', 'false', 'null'],
      onlyReturnExisting: ['true', 'false'],
      status: ['"deactivated"'],
      key: ['null', '{}'],
      orders: ['"https://localhost/x"'],
    }
    for (const name of spellings(known)) {
      for (const value of values[known]) {
        yield newAccount(
          `newAccount: ${name}=${value} after`,
          members(agreed, ['contact', CONTACT], [name, value]),
        )
        yield newAccount(
          `newAccount: ${name}=${value} before`,
          members([name, value], agreed, ['contact', CONTACT]),
        )
      }
    }
  }
  yield newAccount('newAccount: plain', members(agreed))
  yield newAccount(
    'newAccount: two contacts',
    members(agreed, ['contact', '["mailto:a@example.com","mailto:b@example.com"]']),
  )
  for (const member of ['kty', 'crv', 'x', 'y'] as const) {
    for (const name of spellings(member)) {
      yield {
        name: `newAccount: jwk with ${name}`,
        make(setting) {
          const target = '/sign-me-up'
          const jwk = JSON.stringify(setting.freshKey.jwk).replace(
            /}$/,
            () => `,"${name}":${s(setting.other.key.jwk[member])}}`,
          )
          const header = headerWithKey(setting, setting.freshKey, setting.origin + target).replace(
            JSON.stringify(setting.freshKey.jwk),
            () => jwk,
          )
          return { target, body: signed(setting.freshKey, header, members(agreed)) }
        },
      }
    }
  }
}

export function* bindings(): Iterable<AmbiguousRequest> {
  const eab = (name: string, made: (setting: Setting) => string) =>
    newAccount(`binding: ${name}`, (setting) =>
      members(['termsOfServiceAgreed', 'true'], ['externalAccountBinding', made(setting)]),
    )
  yield eab('plain', (setting) => binding(setting))
  for (const part of ['protected', 'payload', 'signature'] as const) {
    for (const [name, change] of LAX) {
      yield eab(`${part} ${name}`, (setting) =>
        binding(setting, (parts) =>
          flattened(parts).replace(`"${parts[part]}"`, () => `"${change(parts[part])}"`),
        ),
      )
    }
    for (const name of spellings(part)) {
      yield eab(`${name} again`, (setting) =>
        binding(setting, (parts) => flattened(parts).replace(/}$/, () => `,"${name}":"AAAA"}`)),
      )
    }
  }
  for (const name of spellings('externalAccountBinding')) {
    yield newAccount(`binding named ${name}`, (setting) =>
      members(['termsOfServiceAgreed', 'true'], [name, binding(setting)]),
    )
  }
}

export function* keyChanges(): Iterable<AmbiguousRequest> {
  yield keyChange('key change: plain', () => ({}))
  for (const known of ['account', 'oldKey'] as const) {
    for (const name of spellings(known)) {
      const value = (setting: Setting) =>
        known === 'account' ? s(setting.other.url) : JSON.stringify(setting.other.key.jwk)
      yield keyChange(`key change: ${name} again`, (setting) => ({
        payload: members(
          ['account', s(setting.account.url)],
          ['oldKey', JSON.stringify(setting.account.key.jwk)],
          [name, value(setting)],
        ),
      }))
      yield keyChange(`key change: ${name} first`, (setting) => ({
        payload: members(
          [name, value(setting)],
          ['account', s(setting.account.url)],
          ['oldKey', JSON.stringify(setting.account.key.jwk)],
        ),
      }))
    }
  }
  for (const part of ['protected', 'payload', 'signature'] as const) {
    for (const [name, change] of LAX) {
      yield keyChange(`key change: ${part} ${name}`, () => ({
        shape: (parts) => flattened(parts).replace(`"${parts[part]}"`, () => `"${change(parts[part])}"`),
      }))
    }
    for (const name of spellings(part)) {
      yield keyChange(`key change: ${name} again`, () => ({
        shape: (parts) => flattened(parts).replace(/}$/, () => `,"${name}":"AAAA"}`),
      }))
    }
  }
  for (const name of ['jwk', 'Jwk', 'kid', 'url', 'Url', 'alg', 'crit', 'nonce']) {
    yield keyChange(`key change: inner header ${name}`, (setting) => ({
      header: members(
        ['alg', '"ES256"'],
        ['jwk', JSON.stringify(setting.freshKey.jwk)],
        ['url', s(`${setting.origin}/rollover-account-key`)],
        [name, JSON.stringify(setting.other.key.jwk)],
      ),
    }))
  }
}
