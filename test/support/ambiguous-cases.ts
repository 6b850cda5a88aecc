import {
  type AmbiguousRequest,
  binding,
  encode,
  flattened,
  headerOf,
  headerWithKey,
  keyChange,
  members,
  newAccount,
  newOrder,
  type Parts,
  type Setting,
  s,
  signed,
  withPayload,
} from './ambiguous-requests.ts'

const GOOD = members(['type', '"dns"'], ['value', '"good.example.com"'])
const EVIL = members(['type', '"dns"'], ['value', '"evil.example.com"'])

/** Spellings of one name: itself, by escapes, in other cases, with the two letters that Go folds to s and k. */
export function spellings(name: string): string[] {
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  const first = name.charAt(0)
  const spelled = [
    name,
    escaped(first) + name.slice(1),
    [...name].map(escaped).join(''),
    first.toUpperCase() + name.slice(1),
    escaped(first.toUpperCase()) + name.slice(1),
    name.toUpperCase(),
    name.slice(0, -1) + name.slice(-1).toUpperCase(),
    `${name} `,
    ` ${name}`,
    `${name}\\u0000`,
    `${name}\\u200b`,
  ]
  for (const [letter, lookalike] of [
    ['s', '\u017f'],
    ['S', '\u017f'],
    ['k', '\u212a'],
    ['K', '\u212a'],
  ] as const) {
    if (!name.includes(letter)) continue
    spelled.push(name.replace(letter, lookalike), name.replace(letter, escaped(lookalike)))
    spelled.push(name.replace(letter, escaped(lookalike).toUpperCase().replace('\\U', '\\u')))
  }
  return [...new Set(spelled)]
}

/** The three attacks and the target that Pebble is known to fall for. */
export const KNOWN_ATTACKS: readonly AmbiguousRequest[] = [
  newOrder('known attack: case', members(['identifiers', `[${GOOD}]`], ['Identifiers', `[${EVIL}]`])),
  newOrder('known attack: U+017F', members(['identifiers', `[${GOOD}]`], ['identifier\\u017f', `[${EVIL}]`])),
  newOrder(
    'known attack: nested',
    members([
      'identifiers',
      `[${members(['type', '"dns"'], ['value', '"good.example.com"'], ['Value', '"evil.example.com"'])}]`,
    ]),
  ),
]

export const KNOWN_TARGET_ATTACK: AmbiguousRequest = {
  name: 'known attack: query signed as a path',
  make(setting) {
    const header = headerOf(setting, `${setting.origin}/order-plz%3Fx=1`)
    const payload = members(['identifiers', `[${EVIL}]`])
    return { target: '/order-plz?x=1', body: signed(setting.account.key, header, payload) }
  },
}

/** Every case that is made by hand, some thousands. */
export function allCases(): AmbiguousRequest[] {
  return [
    ...KNOWN_ATTACKS,
    KNOWN_TARGET_ATTACK,
    ...orderMembers(),
    ...identifierMembers(),
    ...harmlessOrders(),
    ...brokenTexts(),
    ...encodings(),
    ...envelopes(),
    ...headers(),
    ...targets(),
    ...keyIds(),
    ...accounts(),
    ...registrations(),
    ...bindings(),
    ...keyChanges(),
  ]
}

function* orderMembers(): Iterable<AmbiguousRequest> {
  const values = [
    `[${EVIL}]`,
    `[${EVIL},${GOOD}]`,
    'null',
    '[]',
    '[null]',
    '[{}]',
    `[${members(['value', '"evil.example.com"'])}]`,
    '{}',
    '"x"',
  ]
  for (const name of spellings('identifiers')) {
    for (const value of values) {
      const good = ['identifiers', `[${GOOD}]`] as const
      yield newOrder(`order: ${name}=${value} after`, members(good, [name, value]))
      yield newOrder(`order: ${name}=${value} before`, members([name, value], good))
      yield newOrder(`order: ${name}=${value} alone`, members([name, value]))
    }
  }
  for (const known of [
    'status',
    'expires',
    'notBefore',
    'notAfter',
    'authorizations',
    'finalize',
    'certificate',
    'error',
  ]) {
    for (const name of spellings(known)) {
      for (const value of ['null', '"2027-01-01T00:00:00Z"', '5', '[]', '{}']) {
        yield newOrder(`order: ${name}=${value}`, members(['identifiers', `[${GOOD}]`], [name, value]))
      }
    }
  }
}

function* identifierMembers(): Iterable<AmbiguousRequest> {
  const pair = [
    ['type', '"dns"'],
    ['value', '"good.example.com"'],
  ] as const
  for (const known of ['type', 'value'] as const) {
    for (const name of spellings(known)) {
      for (const value of known === 'type'
        ? ['"dns"', '"ip"', 'null']
        : ['"evil.example.com"', 'null', '""', '["a"]']) {
        const attack = [name, value] as const
        const made = [members(...pair, attack), members(attack, ...pair), members(pair[0], attack, pair[1])]
        for (const [index, identifier] of made.entries()) {
          yield newOrder(
            `identifier: ${name}=${value} at ${index}`,
            members(['identifiers', `[${identifier}]`]),
          )
          yield newOrder(
            `identifier: ${name}=${value} at ${index}, second`,
            members(['identifiers', `[${GOOD},${identifier}]`]),
          )
        }
      }
    }
  }
}

function* harmlessOrders(): Iterable<AmbiguousRequest> {
  const junk: [string, string][][] = [
    [
      ['expires', '"0001-01-01T00:00:00Z"'],
      ['authorizations', 'null'],
      ['finalize', '""'],
      ['certificate', '""'],
    ],
    [
      ['notBefore', 'null'],
      ['notAfter', 'null'],
    ],
    [
      ['profile', '"default"'],
      ['replaces', '"aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"'],
    ],
    [['unknown', '{"nested":[1,2,{"deep":null}]}']],
    [['__proto__', '{"identifiers":[]}']],
    [['constructor', '{"prototype":{"x":1}}']],
    [
      ['', '1'],
      [' ', '2'],
    ],
    [['\\u00e9', '1']],
    [['n\\u00famero', '1.5e3']],
    [['error', 'null']],
  ]
  const names = [
    ['good.example.com'],
    ['good.example.com', 'good.example.com'],
    ['GOOD.example.com'],
    ['good.example.com', 'Good.Example.com'],
    ['*.good.example.com'],
    ['good.example.com.'],
    ['gööd.example.com'],
    ['good\u212a.example.com'],
    ['\u017fgood.example.com'],
    [''],
    [' good.example.com'],
    ['good.example.com\n'],
    ['good.example.com\u0000evil'],
    ['xn--bcher-kva.example'],
    ['a', 'b'],
    ['127.0.0.1'],
    ['good_x.example.com'],
    ['a.example.com', 'b.example.com', 'a.example.com'],
  ]
  for (const more of [[], ...junk]) {
    for (const list of names) {
      const identifiers = list.map((value) => members(['type', '"dns"'], ['value', s(value)])).join(',')
      yield newOrder(
        `order for ${list} with ${more.map(([name]) => name)}`,
        members(['identifiers', `[${identifiers}]`], ...more),
      )
    }
  }
  for (const value of [
    '"\\u0067ood.example.com"',
    '"good\\u002eexample.com"',
    '"good.example.com\\/"',
    '"g\\u00f6\\u00f6d.com"',
    '"\\ud83d\\ude00.com"',
  ]) {
    yield newOrder(
      `value ${value}`,
      members(['identifiers', `[${members(['type', '"dns"'], ['value', value])}]`]),
    )
  }
  for (const type of ['"DNS"', '"ip"', '"email"', 'null', '5', '""', '"dn\\u017f"', '"dn\\u0073"']) {
    yield newOrder(
      `type ${type}`,
      members(['identifiers', `[${members(['type', type], ['value', '"good.example.com"'])}]`]),
    )
  }
}

function* brokenTexts(): Iterable<AmbiguousRequest> {
  const good = members(['identifiers', `[${GOOD}]`])
  const evil = members(['identifiers', `[${EVIL}]`])
  const texts = [
    good + evil,
    `${good}\n${evil}`,
    `${good},${evil}`,
    `\ufeff${good}`,
    `${good}\u0000`,
    `${good}x`,
    `/*x*/${good}`,
    `${good}//x`,
    `[${good}]`,
    'null',
    '"x"',
    '0',
    'true',
    '',
    ' ',
    `${good} \n\t`,
    ` \r\n${good}`,
    `\u00a0${good}`,
    `\u2028${good}`,
    `{"identifiers":[${GOOD},]}`,
    `{"identifiers":[${GOOD}],}`,
    `{'identifiers':[${GOOD}]}`,
    `{identifiers:[${GOOD}]}`,
    `{"identifiers":[${GOOD}],"x":NaN}`,
    `{"identifiers":[${GOOD}],"x":+1}`,
    `{"identifiers":[${GOOD}],"x":01}`,
    `{"identifiers":[${GOOD}],"x":.5}`,
    `{"identifiers":[${GOOD}],"x":1.}`,
    `{"identifiers":[${GOOD}],"x":0x10}`,
    `{"identifiers":[${GOOD}],"x":1e400}`,
    `{"identifiers":[${GOOD}],"x":9007199254740993}`,
    `{"identifiers":[${GOOD}],"x":-0}`,
    `{"identifiers":[${GOOD}],"x":"\t"}`,
    `{"identifiers":[${GOOD}],"x":"\\x41"}`,
    `{"identifiers":[${GOOD}],"x":"\\ud800"}`,
    `{"identifiers":[${GOOD}],"\\ud800":1,"\\udc00":2}`,
    `{"identifiers":[${GOOD}],"x":"\\udc00\\ud800"}`,
    `{"identifiers":[${GOOD}],"x":tru}`,
    `{"identifiers":[${GOOD}],"x":${'['.repeat(20)}${']'.repeat(20)}}`,
    `{"identifiers":[${GOOD}],"x":[${'1,'.repeat(5000)}1]}`,
    `{"identifiers"=[${GOOD}]}`,
    `{"identifiers":[${GOOD}]`,
    `{"identifiers":[${GOOD}]]}`,
    `{"identifiers" : [ ${GOOD} ] }`,
  ]
  for (const text of texts) yield newOrder(`text ${s(text.slice(0, 90))}`, text)
  const bad = [
    [0xff],
    [0xc0, 0xaf],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0xe2, 0x84],
    [0x80],
    [0xc3],
  ]
  for (const bytes of bad) {
    const raw = Buffer.from(bytes).toString('latin1')
    const places = [
      `{"identifiers":[${GOOD}],"x${raw}":1}`,
      `{"identifiers":[${GOOD}],"x":"${raw}"}`,
      `{"identifiers":[{"type":"dns","value":"good${raw}.example.com"}]}`,
      `{"identifiers${raw}":[${EVIL}],"identifiers":[${GOOD}]}`,
    ]
    for (const text of places)
      yield newOrder(`invalid UTF-8 ${bytes} in ${s(text.slice(0, 40))}`, Buffer.from(text, 'latin1'))
  }
}

/** Ways to write base64url that lax decoders take. */
export const LAX: readonly (readonly [string, (text: string) => string])[] = [
  ['one pad', (text) => `${text}=`],
  ['two pads', (text) => `${text}==`],
  ['escaped line feed at the end', (text) => `${text}\\n`],
  ['escaped line feed at the start', (text) => `\\n${text}`],
  ['escaped line feed inside', (text) => `${text.slice(0, 9)}\\n${text.slice(9)}`],
  ['escaped CR LF inside', (text) => `${text.slice(0, 8)}\\r\\n${text.slice(8)}`],
  ['raw line feed inside', (text) => `${text.slice(0, 9)}\n${text.slice(9)}`],
  ['raw tab inside', (text) => `${text.slice(0, 5)}\t${text.slice(5)}`],
  ['space inside', (text) => `${text.slice(0, 5)} ${text.slice(5)}`],
  ['spaces around', (text) => ` ${text} `],
  ['no-break space', (text) => `${text}\u00a0`],
  ['form feed', (text) => `${text}\\f`],
  ['escaped letter', (text) => `\\u00${text.charCodeAt(0).toString(16)}${text.slice(1)}`],
  ['unused bits', (text) => text.slice(0, -1) + String.fromCharCode(text.charCodeAt(text.length - 1) + 1)],
  ['other alphabet', (text) => text.replaceAll('-', '+').replaceAll('_', '/')],
  ['escaped other alphabet', (text) => text.replaceAll('-', '\\u002b').replaceAll('_', '\\/')],
  ['a dot', (text) => `${text}.`],
  ['NUL', (text) => `${text}\\u0000`],
  ['one letter more', (text) => `${text}A`],
]

function* encodings(): Iterable<AmbiguousRequest> {
  // Three lengths of payload, so that each ending of base64url occurs.
  for (const [index, value] of ['good.example.com', 'gooda.example.com', 'goodab.example.com'].entries()) {
    const payload = members(['identifiers', `[${members(['type', '"dns"'], ['value', s(value)])}]`])
    for (const part of ['protected', 'payload', 'signature'] as const) {
      for (const [name, change] of LAX) {
        const envelope = (parts: Parts) =>
          flattened(parts).replace(`"${parts[part]}"`, () => `"${change(parts[part])}"`)
        yield newOrder(`${part}: ${name} ${index}`, payload, envelope)
      }
    }
  }
}

function* envelopes(): Iterable<AmbiguousRequest> {
  const good = members(['identifiers', `[${GOOD}]`])
  const evil = s(encode(members(['identifiers', `[${EVIL}]`])))
  const added: (readonly [string, string])[] = []
  for (const known of ['payload', 'protected', 'signature', 'header', 'signatures'] as const) {
    for (const name of spellings(known)) {
      for (const value of [evil, 'null', '""', '{}', '[]', '{"kid":"x"}']) added.push([name, value])
    }
  }
  for (const name of ['pay load', 'pay\\nload', 'pay\nload', 'extra', '__proto__', 'x'])
    added.push([name, evil])
  for (const [name, value] of added) {
    yield newOrder(`envelope: ${name}=${value.slice(0, 12)} after`, good, (parts) =>
      flattened(parts).replace(/}$/, () => `,"${name}":${value}}`),
    )
    yield newOrder(
      `envelope: ${name}=${value.slice(0, 12)} before`,
      good,
      (parts) => `{"${name}":${value},${flattened(parts).slice(1)}`,
    )
  }
  const shapes: readonly (readonly [string, (parts: Parts) => string])[] = [
    [
      'general',
      ({ payload, protected: header, signature }) =>
        JSON.stringify({ payload, signatures: [{ protected: header, signature }] }),
    ],
    ['compact', (parts) => `${parts.protected}.${parts.payload}.${parts.signature}`],
    ['compact in quotes', (parts) => s(`${parts.protected}.${parts.payload}.${parts.signature}`)],
    ['array', (parts) => `[${flattened(parts)}]`],
    ['twice', (parts) => flattened(parts) + flattened(parts)],
    ['BOM', (parts) => `\ufeff${flattened(parts)}`],
    ['white space', (parts) => ` \n${JSON.stringify(parts, null, 2)}\r\n\t`],
    ['no payload', ({ protected: header, signature }) => JSON.stringify({ protected: header, signature })],
    ['payload null', (parts) => JSON.stringify({ ...parts, payload: null })],
    ['payload as object', (parts) => JSON.stringify({ ...parts, payload: { identifiers: [] } })],
    ['no signature', (parts) => JSON.stringify({ ...parts, signature: '' })],
    ['bare names', (parts) => flattened(parts).replaceAll(/"(protected|payload|signature)"/g, '$1')],
    ['no-break space', (parts) => `\u00a0${flattened(parts)}`],
    ['vertical tab', (parts) => `\v${flattened(parts)}`],
    ['trailing text', (parts) => `${flattened(parts)} x`],
    [
      'other order',
      ({ protected: header, payload, signature }) =>
        JSON.stringify({ signature, payload, protected: header }),
    ],
  ]
  for (const [name, shape] of shapes) yield newOrder(`envelope: ${name}`, good, shape)
}

type Pair = readonly [string, string]

function withHeader(name: string, header: (setting: Setting, usual: Pair[]) => string): AmbiguousRequest {
  return {
    name,
    make(setting) {
      const usual: Pair[] = [
        ['alg', '"ES256"'],
        ['kid', s(setting.account.url)],
        ['nonce', s(setting.nonce)],
        ['url', s(`${setting.origin}/order-plz`)],
      ]
      const payload = members(['identifiers', `[${GOOD}]`])
      return { target: '/order-plz', body: signed(setting.account.key, header(setting, usual), payload) }
    },
  }
}

function* headers(): Iterable<AmbiguousRequest> {
  for (const known of ['alg', 'kid', 'nonce', 'url', 'jwk'] as const) {
    const value: Record<typeof known, (setting: Setting) => string> = {
      alg: () => '"none"',
      kid: (setting) => s(setting.other.url),
      nonce: () => '"AAAA"',
      url: (setting) => s(`${setting.origin}/sign-me-up`),
      jwk: (setting) => JSON.stringify(setting.other.key.jwk),
    }
    for (const name of spellings(known)) {
      for (const make of [value[known], () => 'null', () => '5', () => '[]', () => '{}', () => '""']) {
        yield withHeader(`header: ${name} after, ${make.toString().slice(0, 40)}`, (setting, usual) =>
          members(...usual, [name, make(setting)]),
        )
        yield withHeader(`header: ${name} before, ${make.toString().slice(0, 40)}`, (setting, usual) =>
          members([name, make(setting)], ...usual),
        )
        yield withHeader(`header: ${name} instead, ${make.toString().slice(0, 40)}`, (setting, usual) =>
          members(...usual.filter(([used]) => used !== known), [name, make(setting)]),
        )
      }
    }
  }
  for (const extra of [
    ['crit', '["b64"]'],
    ['crit', '[]'],
    ['b64', 'false'],
    ['b64', 'true'],
    ['zip', '"DEF"'],
    ['Crit', '[]'],
    ['typ', '"JWT"'],
    ['x5u', '"https://localhost/"'],
    ['unknown', '{}'],
  ] as const) {
    yield withHeader(`header: ${extra}`, (_, usual) => members(...usual, extra))
  }
}

/** Targets a lax server might take for the one given. */
export function lookalikes(target: string): string[] {
  const last = target.at(-1)!
  const encodedLast = `%${last.charCodeAt(0).toString(16)}`
  return [
    target,
    `${target}?`,
    `${target}?x=1`,
    `${target}#x`,
    `${target}/`,
    `/${target}`,
    `${target}//`,
    `/.${target}`,
    `/x/..${target}`,
    `${target}/.`,
    `${target}/x/..`,
    target.slice(0, -1) + encodedLast,
    target.slice(0, -1) + encodedLast.toUpperCase(),
    target.slice(0, -1) + encodedLast.replace('%', '%25'),
    target.toUpperCase(),
    target.charAt(0) + target.charAt(1).toUpperCase() + target.slice(2),
    target.replace(/^\//, '\\'),
    target.replace(/^\//, '/%2f'),
    target.replace(/^\//, '/%2e/'),
    target.replace(/^\//, '/..%2f'),
    `${target};x=1`,
    `${target}%20`,
    `${target}%00`,
    `${target}%3fx=1`,
    `${target}%23`,
    target.replaceAll('-', '%2d'),
    target.replace('s', '%c5%bf'),
    target.replace('k', '%e2%84%aa'),
  ]
}

function* targets(): Iterable<AmbiguousRequest> {
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

/** As Go's URL.String writes a path. */
export const goEscape = (path: string) =>
  path.replace(
    /[^A-Za-z0-9\-_.~$&+,/:;=@]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  )

function* keyIds(): Iterable<AmbiguousRequest> {
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

const CONTACT = '["mailto:good@example.com"]'
const EVIL_CONTACT = '["mailto:evil@example.com"]'

function* accounts(): Iterable<AmbiguousRequest> {
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

function* registrations(): Iterable<AmbiguousRequest> {
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

function* bindings(): Iterable<AmbiguousRequest> {
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

function* keyChanges(): Iterable<AmbiguousRequest> {
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
