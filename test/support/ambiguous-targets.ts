import {
  type AmbiguousRequest,
  headerOf,
  headerWithKey,
  members,
  type Setting,
  s,
  signed,
} from './ambiguous-requests.ts'
import { EVIL, GOOD, goEscape, lookalikes } from './ambiguous-spellings.ts'

export function* targets(): Iterable<AmbiguousRequest> {
  const places: readonly (readonly [string, (setting: Setting) => string, (setting: Setting) => string])[] = [
    ['newOrder', () => '/order-plz', () => members(['identifiers', `[${EVIL}]`])],
    [
      'account',
      (setting) => new URL(setting.account.url).pathname,
      () => members(['contact', '["mailto:evil@example.com"]']),
    ],
    ['order', (setting) => setting.order, () => ''],
    ['authorization', (setting) => setting.authorization, () => ''],
    ['keyChange', () => '/rollover-account-key', () => '{}'],
  ]
  const signedAs: readonly (readonly [string, (target: string, plain: string) => string])[] = [
    ['as sent', (target) => target],
    ['as meant', (_, plain) => plain],
    ['as Go escapes it', (target) => goEscape(target)],
    [
      'decoded',
      (target) =>
        target.replace(/%([0-9a-f]{2})/gi, (_, digits) => String.fromCharCode(Number.parseInt(digits, 16))),
    ],
  ]
  for (const [name, plain, payload] of places) {
    for (let index = 0; index < lookalikes('/order-plz').length; index++) {
      for (const [how, url] of signedAs) {
        yield {
          name: `target: ${name} ${index} signed ${how}`,
          make(setting) {
            const target = lookalikes(plain(setting))[index]!
            const header = headerOf(setting, setting.origin + url(target, plain(setting)))
            return { target, body: signed(setting.account.key, header, payload(setting)) }
          },
        }
      }
    }
  }
}

export function* keyIds(): Iterable<AmbiguousRequest> {
  const changes: readonly ((url: string, setting: Setting) => string)[] = [
    (url) => `${url}/`,
    (url) => `${url}?x`,
    (url) => `${url}#x`,
    (url) => url.replace('https', 'http'),
    (url) => url.replace('https', 'HTTPS'),
    (url) => url.replace('localhost', 'LOCALHOST'),
    (url) => url.replace('localhost', '127.0.0.1'),
    (url) => url.replace('my-account/', 'my-account//'),
    (url) => url.replace('my-account/', 'my-account/./'),
    (url) => url.replace('my-account/', 'my-account/x/../'),
    (url) => url.replace('my-account', 'my%2daccount'),
    (url) => url.toUpperCase(),
    (url) => ` ${url}`,
    (url) => `${url} `,
    (url) => `${url}\n`,
    (url) => `${url}\u0000`,
    (url) => new URL(url).pathname,
    (url) => url.slice(url.lastIndexOf('/') + 1),
    (_, setting) => setting.other.url,
    () => '',
    (url) => url.replace(/.$/, (last) => `%${last.charCodeAt(0).toString(16)}`),
    (url) => `${url}%00`,
    (url) => url.replace('my-account/', 'my-account/0'),
    (url) => `${url},${url}`,
    (url) => url + url,
    (url) => url.replace('://', ':///'),
  ]
  for (const [index, change] of changes.entries()) {
    yield {
      name: `kid ${index}`,
      make(setting) {
        const header = members(
          ['alg', '"ES256"'],
          ['kid', s(change(setting.account.url, setting))],
          ['nonce', s(setting.nonce)],
          ['url', s(`${setting.origin}/order-plz`)],
        )
        return {
          target: '/order-plz',
          body: signed(setting.account.key, header, members(['identifiers', `[${GOOD}]`])),
        }
      },
    }
  }
  yield {
    name: 'newOrder by jwk',
    make(setting) {
      const header = headerWithKey(setting, setting.account.key, `${setting.origin}/order-plz`)
      return {
        target: '/order-plz',
        body: signed(setting.account.key, header, members(['identifiers', `[${GOOD}]`])),
      }
    },
  }
}
