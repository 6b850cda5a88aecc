import { type AmbiguousRequest, members, newOrder, s } from './ambiguous-requests.ts'
import { EVIL, GOOD, spellings } from './ambiguous-spellings.ts'

export function* orderMembers(): Iterable<AmbiguousRequest> {
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

export function* identifierMembers(): Iterable<AmbiguousRequest> {
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

export function* harmlessOrders(): Iterable<AmbiguousRequest> {
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

export function* brokenTexts(): Iterable<AmbiguousRequest> {
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
