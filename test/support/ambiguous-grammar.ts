import {
  type AmbiguousRequest,
  flattened,
  headerWithKey,
  members,
  type Parts,
  type Setting,
  s,
  signed,
} from './ambiguous-requests.ts'
import { LAX, lookalikes, type Pair, spellings } from './ambiguous-spellings.ts'

type Random = () => number

/** The same request for the same seed and index. */
export function randomRequest(seed: number, index: number): AmbiguousRequest {
  const random = numbers(seed, index)
  const kind = pick(random, ['newOrder', 'newOrder', 'newOrder', 'account', 'newAccount', 'read'] as const)
  const payload =
    kind === 'read' ? '' : jsonObject(random, kind === 'newOrder' ? orderPairs(random) : accountPairs(random))
  const spoilt = random() < 0.1 ? spoil(random, payload) : payload
  const plain = (setting: Setting) =>
    ({
      newOrder: '/order-plz',
      account: new URL(setting.account.url).pathname,
      newAccount: '/sign-me-up',
      read: setting.order,
    })[kind]
  const moved = random() < 0.25 ? pickNumber(random, 28) : 0
  const movedAgain = random() < 0.1 ? pickNumber(random, 28) : 0
  const signedPlain = random() < 0.2
  const header = headerChange(random)
  const envelope = envelopeChange(random)
  return {
    name: `random ${seed}/${index}: ${kind}`,
    make(setting) {
      const target = lookalikes(lookalikes(plain(setting))[moved]!)[movedAgain]!
      const url = setting.origin + (signedPlain ? plain(setting) : target)
      const byKey = kind === 'newAccount'
      const key = byKey ? setting.freshKey : setting.account.key
      const usual = byKey
        ? headerWithKey(setting, setting.freshKey, url)
        : members(
            ['alg', '"ES256"'],
            ['kid', s(setting.account.url)],
            ['nonce', s(setting.nonce)],
            ['url', s(url)],
          )
      return { target, body: signed(key, header(usual, setting), spoilt, envelope) }
    },
  }
}

function orderPairs(random: Random): Pair[] {
  const pairs: Pair[] = [['identifiers', identifierList(random)]]
  for (let count = pickNumber(random, 3); count > 0; count--) {
    const name = pick(random, [
      'identifiers',
      'identifiers',
      'status',
      'expires',
      'notBefore',
      'profile',
      'unknown',
      'certificate',
      'error',
    ])
    const value =
      name === 'identifiers'
        ? identifierList(random)
        : pick(random, ['null', '""', '"x"', '5', '{}', '[]', '1e3'])
    pairs.push([pick(random, spellings(name)), value])
  }
  return shuffled(random, pairs)
}

function identifierList(random: Random): string {
  const list = Array.from({ length: 1 + pickNumber(random, 3) }, () => {
    const pairs: Pair[] = [
      ['type', '"dns"'],
      ['value', identifierValue(random)],
    ]
    if (random() < 0.25) {
      const name = pick(random, ['type', 'value', 'value', 'wildcard', 'other'])
      pairs.push([pick(random, spellings(name)), name === 'type' ? '"dns"' : identifierValue(random)])
    }
    return jsonObject(random, shuffled(random, pairs))
  })
  return `[${list.join(pick(random, [',', ' , ', ',\n']))}]`
}

function identifierValue(random: Random): string {
  const name = `${pick(random, ['a', 'good', 'evil', '*.w', 'UPPER'])}${pickNumber(random, 50)}.example.${pick(random, ['com', 'NET', 'org'])}`
  const written = [...name]
    .map((letter) => (random() < 0.03 ? `\\u00${letter.charCodeAt(0).toString(16)}` : letter))
    .join('')
  return `"${written}"`
}

function accountPairs(random: Random): Pair[] {
  const pairs: Pair[] = [['termsOfServiceAgreed', 'true']]
  for (let count = pickNumber(random, 4); count > 0; count--) {
    const name = pick(random, ['contact', 'contact', 'termsOfServiceAgreed', 'orders', 'unknown', 'key'])
    const value =
      name === 'contact'
        ? `["mailto:${pick(random, ['a', 'b', 'c'])}@example.com"]`
        : pick(random, ['true', 'null', '"x"', '{}'])
    pairs.push([random() < 0.5 ? name : pick(random, spellings(name)), value])
  }
  return shuffled(random, pairs)
}

/** An object with random white space between its tokens. */
function jsonObject(random: Random, pairs: readonly Pair[]): string {
  const space = () => (random() < 0.1 ? pick(random, [' ', '\n', '\t', '\r\n', '  ']) : '')
  const inside = pairs.map(([name, value]) => `${space()}"${name}"${space()}:${space()}${value}${space()}`)
  return `{${inside.join(',')}}`
}

/** One or two characters changed, left out or put in. */
function spoil(random: Random, text: string): string {
  const at = pickNumber(random, text.length + 1)
  const put = pick(random, [
    '',
    ',',
    '"',
    '}',
    '{',
    '\\',
    '\u017f',
    '\u212a',
    '\u0000',
    '\ufeff',
    '\\ud800',
    '//',
    "'",
    ' ',
    ']',
    '0',
  ])
  return text.slice(0, at) + put + text.slice(at + pickNumber(random, 2))
}

function headerChange(random: Random): (usual: string, setting: Setting) => string {
  if (random() > 0.2) return (usual) => usual
  const name = pick(random, ['alg', 'kid', 'nonce', 'url', 'jwk', 'crit', 'b64', 'zip', 'typ', 'unknown'])
  const spelled = pick(random, spellings(name))
  const first = random() < 0.5
  const kind = pickNumber(random, 4)
  return (usual, setting) => {
    const values = [s(setting.other.url), JSON.stringify(setting.other.key.jwk), 'null', '["b64"]']
    const added = `"${spelled}":${values[kind]}`
    return first ? `{${added},${usual.slice(1)}` : `${usual.slice(0, -1)},${added}}`
  }
}

function envelopeChange(random: Random): (parts: Parts) => string {
  const choice = random()
  if (choice < 0.1) {
    const part = pick(random, ['protected', 'payload', 'signature'] as const)
    const [, change] = pick(random, LAX)
    return (parts) => flattened(parts).replace(`"${parts[part]}"`, () => `"${change(parts[part])}"`)
  }
  if (choice < 0.2) {
    const name = pick(
      random,
      spellings(pick(random, ['protected', 'payload', 'signature', 'header', 'signatures', 'extra'])),
    )
    const value = pick(random, ['null', '""', '{}', '[]', '"e30"'])
    return (parts) => flattened(parts).replace(/}$/, () => `,"${name}":${value}}`)
  }
  if (choice < 0.3) return (parts) => JSON.stringify(parts, null, 1 + pickNumber(random, 3))
  return flattened
}

/** Numbers from 0 to 1 that depend on nothing but seed and index (mulberry32's recurrence, mixed first). */
function numbers(seed: number, index: number): Random {
  let state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b)) >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const pickNumber = (random: Random, below: number) => Math.floor(random() * below)

function pick<T>(random: Random, list: readonly T[]): T {
  return list[pickNumber(random, list.length)]!
}

function shuffled<T>(random: Random, list: readonly T[]): T[] {
  return list
    .map((item) => [random(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item)
}
