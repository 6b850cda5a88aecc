/** Ways to ask for what a policy protects: as requests, whatever stands in them. */
import type { KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import { type AmbiguousRequest, encode, members, newOrder, s, withPayload } from '../ambiguous-requests.ts'
import { spellings as memberSpellings } from '../ambiguous-spellings.ts'
import { alternativeNames, commonName, extensionRequest, general, signed } from '../csr/compose.ts'
import type { Spelling } from '../policy-names/question.ts'
import { der, integer, sequence } from '../test-ca/der.ts'

/** One identifier in JSON. */
const identifier = (value: string, type = 'dns') => members(['type', s(type)], ['value', s(value)])
const order = (...identifiers: readonly string[]) => members(['identifiers', `[${identifiers.join(',')}]`])

/** The key of all CSRs here. */
export interface CsrKey {
  readonly privateKey: KeyObject
  readonly spki: Buffer
}

/** What is asked for beside it is `innocent`, which the policy grants; the setting's order is for that. */
export function attemptsOf(
  { type, value, subtree }: Spelling,
  innocent: string,
  key: CsrKey,
): readonly AmbiguousRequest[] {
  const written = identifier(value, type)
  return [
    newOrder('newOrder', order(written)),
    newOrder('newOrder, second', order(identifier(innocent), written)),
    withPayload(
      'newAuthz',
      () => '/authz-plz',
      () =>
        subtree
          ? members([
              'identifier',
              members(['type', s(type)], ['value', s(value)], ['subdomainAuthAllowed', 'true']),
            ])
          : members(['identifier', written]),
    ),
    finalize('CSR, SAN', csrOf(key, [innocent, value])),
    finalize('CSR, CN', csrOf(key, [innocent], value)),
  ]
}

export function finalize(name: string, csr: Buffer | string): AmbiguousRequest {
  return withPayload(
    name,
    ({ order }) => order.replace('my-order', 'finalize-order'),
    () => members(['csr', s(typeof csr === 'string' ? csr : encode(csr))]),
  )
}

/** Names that are no ASCII are in UTF-8, as careless writers have them. */
export function csrOf(key: CsrKey, names: readonly string[], common?: string): Buffer {
  const alternative = names.map((name) =>
    isIP(name) !== 0 && !name.includes('%') && !/^::.*\./.test(name)
      ? general(name)
      : der(0x82, Buffer.from(name)),
  )
  const subject = common === undefined ? sequence() : commonName(common)
  const info = sequence(
    integer(0),
    subject,
    key.spki,
    der(0xa0, extensionRequest(alternativeNames(...alternative))),
  )
  return signed(info, key.privateKey)
}

/** JSON that a careless reader takes otherwise; `evil` is protected. */
export function* shapes(evil: string, innocent: string): Iterable<AmbiguousRequest> {
  const [bad, good] = [identifier(evil), identifier(innocent)]
  const escapes = (text: string) => [
    text.replace(/./, escaped),
    text.replace(/./g, escaped),
    text.replace(/\./g, escaped),
    text.replace(/[a-z]/g, (letter) => escaped(letter).toUpperCase().replace('U', 'u')),
    text.replace(/.$/, escaped),
    text.replace('.', '\\/../'),
    text.replace('.', '\\u002E'),
    text.replace('.', '\\u3002'),
    `\\u0000${text}`,
    `${text}\\u0000.${innocent}`,
    `${text}\\n`,
    `\\ud83d${text}`,
  ]
  for (const [at, text] of escapes(evil).entries()) {
    yield newOrder(`escape ${at}`, order(`{"type":"dns","value":"${text}"}`))
    yield newOrder(
      `escape ${at} of names of members`,
      order(`{"\\u0074ype":"d\\u006es","v\\u0061lue":"${text}"}`),
    )
    yield newOrder(
      `escaped identifiers ${at}`,
      `{"\\u0069dentifier\\u0073":[{"type":"dns","value":"${text}"}]}`,
    )
  }
  for (const name of memberSpellings('identifiers')) {
    for (const value of [`[${bad}]`, bad, `[[${bad}]]`, s(evil), `[${s(evil)}]`]) {
      yield newOrder(`${name} after`, members(['identifiers', `[${good}]`], [name, value]))
      yield newOrder(`${name} before`, members([name, value], ['identifiers', `[${good}]`]))
      yield newOrder(`${name} alone`, members([name, value]))
    }
  }
  for (const name of [...memberSpellings('value'), ...memberSpellings('type')]) {
    for (const value of [s(evil), `[${s(evil)}]`, `{"value":${s(evil)}}`]) {
      const [before, after] = [
        `{${s(name)}:${value},${good.slice(1)}`,
        good.replace(/}$/, () => `,${s(name)}:${value}}`),
      ]
      yield newOrder(`identifier: ${name} before`, order(before))
      yield newOrder(`identifier: ${name} after`, order(after))
    }
  }
  for (const type of TYPES) {
    yield newOrder(`type ${s(type)}`, order(identifier(evil, type)))
    yield newOrder(`type ${s(type)}, second`, order(good, identifier(evil, type)))
    yield withPayload(
      `newAuthz: type ${s(type)}`,
      () => '/authz-plz',
      () => members(['identifier', identifier(evil, type)]),
    )
  }
  const odd = [
    `[${bad}]`,
    `[[${bad}]]`,
    s(evil),
    `{"type":"dns","value":[${s(evil)}]}`,
    `{"type":["dns"],"value":${s(evil)}}`,
    `{"type":"dns","value":{"value":${s(evil)}}}`,
    `{"value":${s(evil)}}`,
    `{"type":null,"value":${s(evil)}}`,
    `{"type":"dns","name":${s(evil)}}`,
    `{"0":${bad}}`,
    `{"type":"dns","value":${s(innocent)},"values":[${s(evil)}]}`,
    `{"identifier":${bad}}`,
    `{"identifiers":[${bad}]}`,
    `{"type":"dns","value":true,"domain":${s(evil)}}`,
  ]
  for (const [at, element] of odd.entries()) {
    yield newOrder(`element ${at}`, order(element))
    yield newOrder(`element ${at}, second`, order(good, element))
    yield newOrder(`element ${at}, first`, order(element, good))
    yield newOrder(`element ${at} instead of the list`, members(['identifiers', element]))
    yield newOrder(
      `element ${at} beside the list`,
      members(['identifiers', `[${good}]`], ['identifier', element]),
    )
    yield withPayload(
      `newAuthz: element ${at}`,
      () => '/authz-plz',
      () => members(['identifier', element]),
    )
    yield withPayload(
      `newAuthz: element ${at} beside`,
      () => '/authz-plz',
      () => members(['identifier', good], ['identifiers', `[${element}]`]),
    )
  }
  for (const subdomains of ['true', '"true"', '1', '{}', '[]']) {
    const parent = evil.replace(/^[^.]*\./, '')
    const flag = ['subdomainAuthAllowed', subdomains] as const
    yield withPayload(
      `subtree ${subdomains}`,
      () => '/authz-plz',
      () => members(['identifier', members(['type', '"dns"'], ['value', s(parent)], flag)]),
    )
    yield withPayload(
      `subtree ${subdomains}, beside`,
      () => '/authz-plz',
      () => members(['identifier', identifier(parent)], flag),
    )
    yield withPayload(
      `ancestor ${subdomains}`,
      () => '/authz-plz',
      () =>
        members([
          'identifier',
          members(['type', '"dns"'], ['value', s(evil)], ['ancestorDomain', s(parent)], flag),
        ]),
    )
  }
  for (const [name, value] of MEMBERS) {
    yield newOrder(`beside: ${name}`, members([name, value], ['identifiers', `[${good},${bad}]`]))
  }
}

const escaped = (letter: string) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`

const TYPES = [
  'DNS',
  'Dns',
  'dns ',
  ' dns',
  'dns\u0000',
  'dns\n',
  '\u200bdns',
  'dn\u017f',
  'dns-id',
  'dNSName',
  '2',
  '',
  'ip',
  'IP',
  'ip ',
  'uri',
  'email',
  'rfc822Name',
  'TNAuthList',
  'permanent-identifier',
  'hardware-module',
  'bundleEID',
  'null',
]

/** J18: members of an order that say nothing about names. */
const MEMBERS: readonly (readonly [string, string])[] = [
  ['profile', '"shortlived"'],
  ['profile', '["shortlived"]'],
  ['profile', 'null'],
  ['replaces', '"aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE"'],
  ['replaces', '{}'],
  ['notAfter', '"2026-12-24T00:00:00Z"'],
  ['notAfter', '"9999-99-99"'],
  ['notAfter', '[]'],
  ['notBefore', '"1970-01-01T00:00:00Z"'],
  ['auto-renewal', '{"end-date":"2030-01-01T00:00:00Z"}'],
  ['unknown', '{"identifiers":[]}'],
  ['__proto__', '{"identifiers":[]}'],
  ['constructor', '{"identifiers":[]}'],
  ['toString', '"x"'],
]

/** So many names, with the bad one at each of these places. */
export function* positions(
  evil: string,
  innocents: readonly string[],
  each: number,
): Iterable<AmbiguousRequest> {
  for (let count = 1; count <= 100; count += count === 1 ? each - 1 || 1 : each) {
    for (let at = 0; at < count; at += each) {
      const names = Array.from({ length: count }, (_, place) => (place === at ? evil : innocents[place]!))
      yield newOrder(`${count} names`, order(...names.map((name) => identifier(name))))
    }
  }
}
