/** A table of requests that an ACME server does not act on, and their neighbours that it does (RFC 8555 §6.2 to §6.5). */
import { randomBytes } from 'node:crypto'
import { LAX, spellings } from '../ambiguous-spellings.ts'
import {
  type BrokerWorld,
  brokerId,
  type Case,
  encode,
  JOSE,
  jwsOf,
  KEYS,
  ODD_KEYS,
  ORIGIN,
  P256,
  type Parts,
  type Sent,
  STRANGER,
  signatureOf,
  type TestKey,
} from './broker-requests.ts'

const s = JSON.stringify
const FETCHED = ['directory', 'newNonce', 'orders', 'order', 'certificate']
const EITHER = ['account', 'authorization', 'challenge']
const SIGNED_BY_KID = [...FETCHED, ...EITHER, 'newOrder', 'newAuthz', 'keyChange', 'finalize']
const ALL = [...SIGNED_BY_KID, 'newAccount', 'revokeCert']
const byJwk = (operation: string) => operation === 'newAccount'
const payloadOf = (operation: string) => (FETCHED.includes(operation) ? '' : '{}')

type Header = Record<string, unknown>

/** A right request for an operation, but for what `change` does to its header; a member that is undefined is left out. */
function request(
  world: BrokerWorld,
  operation: string,
  change: (header: Header) => Header = (header) => header,
  { key = P256, payload = payloadOf(operation), target = world.targets()[operation]! } = {},
): Sent {
  const who = byJwk(operation) ? { jwk: key.jwk } : { kid: world.kid(key.kind) }
  const header = change({ alg: key.alg, nonce: world.nonces.issue(), url: `${ORIGIN}${target}`, ...who })
  return { target, body: s(jwsOf(key, s(header), payload)) }
}

function plain(
  name: string,
  expected: string,
  operation: string,
  change?: (h: Header, w: BrokerWorld) => Header,
): Case {
  const make = (world: BrokerWorld) =>
    request(world, operation, (header) => change?.(header, world) ?? header)
  return { name: `${operation}: ${name}`, expected, make }
}

function envelope(name: string, expected: string, change: (body: string, parts: Parts) => string): Case {
  return {
    name: `envelope ${name}`,
    expected,
    make(world) {
      const sent = request(world, 'newOrder')
      return { ...sent, body: change(sent.body as string, JSON.parse(sent.body as string) as Parts) }
    },
  }
}

/** IANA's registry, JSON Web Signature and Encryption Algorithms, and what people write instead. */
const ALG_NAMES = [
  ...[
    'HS256',
    'HS384',
    'HS512',
    'RS256',
    'RS384',
    'RS512',
    'ES256',
    'ES384',
    'ES512',
    'PS256',
    'PS384',
    'PS512',
  ],
  ...[
    'none',
    'EdDSA',
    'Ed25519',
    'Ed448',
    'ES256K',
    'ML-DSA-44',
    'ML-DSA-65',
    'ML-DSA-87',
    'RS1',
    'HS1',
    'HS256/64',
  ],
  ...[
    'RSA1_5',
    'RSA-OAEP',
    'RSA-OAEP-256',
    'A128KW',
    'A256KW',
    'dir',
    'ECDH-ES',
    'ECDH-ES+A128KW',
    'A128GCMKW',
  ],
  ...[
    'PBES2-HS256+A128KW',
    'A128GCM',
    'A256GCM',
    'A128CBC-HS256',
    'None',
    'NONE',
    'nOnE',
    'es256',
    'rs256',
    'eddsa',
  ],
  ...['ES256 ', ' ES256', 'ES256\u0000', 'E\u017f256', 'SHA256', '', 'constructor', '__proto__', 'toString'],
]
const TAKEN = ['RS256', 'ES256', 'ES384', 'ES512', 'EdDSA']

function* algorithms(): Iterable<Case> {
  for (const key of [...KEYS, ...ODD_KEYS]) {
    for (const alg of ALG_NAMES) {
      const odd = ODD_KEYS.includes(key)
      const expected =
        !TAKEN.includes(alg) || (alg !== key.alg && key.alg !== 'ES256K')
          ? 'badSignatureAlgorithm'
          : odd
            ? 'badPublicKey'
            : 'ok'
      const change = (header: Header) => ({ ...header, alg })
      for (const operation of odd ? ['newAccount'] : ['newAccount', 'newOrder']) {
        yield {
          name: `alg ${s(alg)} by ${key.kind} for ${operation}`,
          expected,
          make: (world) => request(world, operation, change, { key }),
        }
      }
    }
  }
  // What costs nothing is looked at before the nonce, which stays good.
  yield plain('alg of another key and no nonce', 'badSignatureAlgorithm', 'newAccount', (header) => ({
    ...header,
    alg: 'RS256',
    nonce: undefined,
  }))
  for (const operation of ALL) {
    yield plain('no alg', 'malformed', operation, (header) => ({ ...header, alg: undefined }))
    yield plain('alg null', 'malformed 400', operation, (header) => ({ ...header, alg: null }))
  }
}

function* keys(): Iterable<Case> {
  const ours = P256.jwk as unknown as Header
  const rsa = KEYS.find(({ kind }) => kind === 'RSA')!
  const number = (hex: string) => Buffer.from(hex, 'hex').toString('base64url')
  const weak: [string, TestKey, Header][] = [
    ['off the curve', P256, { ...ours, y: ours.x }],
    ['without y', P256, { ...ours, y: undefined }],
    ['of zeros', P256, { ...ours, x: number('00'.repeat(32)), y: number('00'.repeat(32)) }],
    ['of no curve', P256, { ...ours, crv: 'P-224' }],
    ['symmetric', P256, { kty: 'oct', k: 'AAAA' }],
    ['of an unknown kind', P256, { ...ours, kty: 'AKP' }],
    ['of kind ec', P256, { ...ours, kty: 'ec' }],
    ['to encrypt', P256, { ...ours, use: 'enc' }],
    ['to sign', P256, { ...ours, key_ops: ['sign'] }],
    ['for ES384', P256, { ...ours, alg: 'ES384' }],
    ['for none', P256, { ...ours, alg: 'none' }],
    ['with e = 1', rsa, { ...rsa.jwk, e: 'AQ' }],
    ['with e = 2', rsa, { ...rsa.jwk, e: 'Ag' }],
    ['with e over 2^32', rsa, { ...rsa.jwk, e: number('0100000001') }],
    ['even', rsa, { ...rsa.jwk, n: number(`${'c'.repeat(511)}2`) }],
    ['of 16384 bits', rsa, { ...rsa.jwk, n: number('f'.repeat(4096)) }],
    ['a multiple of 3', rsa, { ...rsa.jwk, n: number(`${'f'.repeat(512)}`) }],
    ['without n', rsa, { ...rsa.jwk, n: undefined }],
  ]
  for (const [name, key, jwk] of weak) {
    for (const operation of ['newAccount', 'revokeCert']) {
      yield {
        name: `a key ${name} for ${operation}`,
        expected: 'badPublicKey',
        make: (world) => request(world, operation, (header) => ({ ...header, kid: undefined, jwk }), { key }),
      }
    }
  }
  for (const jwk of [
    null,
    'x',
    5,
    [],
    [ours],
    {},
    { kty: 5 },
    { ...ours, x: `${ours.x}=` },
    { ...ours, crv: null },
  ]) {
    yield plain(`unreadable jwk ${s(jwk).slice(-30)}`, 'malformed 400', 'newAccount', (header) => ({
      ...header,
      jwk,
    }))
  }
  for (const operation of ALL) {
    const { jwk } = P256
    const wrong = byJwk(operation) ? 'malformed' : operation === 'revokeCert' ? 'ok' : 'malformed'
    const kid = (world: BrokerWorld) => world.kid('P-256')
    yield plain('both kid and jwk', 'malformed 400', operation, (h, w) => ({ ...h, jwk, kid: kid(w) }))
    yield plain('neither kid nor jwk', 'malformed', operation, (h) => ({
      ...h,
      jwk: undefined,
      kid: undefined,
    }))
    yield plain('the other of kid and jwk', wrong, operation, (h, w) =>
      byJwk(operation) ? { ...h, jwk: undefined, kid: kid(w) } : { ...h, kid: undefined, jwk },
    )
    for (const value of [null, 5, [], {}, true]) {
      const name = byJwk(operation) ? 'jwk' : 'kid'
      yield plain(`${name} ${s(value)}`, 'malformed 400', operation, (h) => ({ ...h, [name]: value }))
    }
  }
}

/** Texts that a lax reader takes for the same URL. */
function likeUrl(url: string): string[] {
  const [, host, path] = /^https:\/\/([^/]+)(\/.*)$/.exec(url)!
  const last = path!.slice(path!.lastIndexOf('/') + 1)
  const before = url.slice(0, url.length - last.length)
  return [
    `http://${host}${path}`,
    `HTTPS://${host}${path}`,
    `https://${host!.toUpperCase()}${path}`,
    `https://${host}:443${path}`,
    `https://${host}:0443${path}`,
    `https://${host}.${path}`,
    `https://user@${host}${path}`,
    `https://@${host}${path}`,
    `https://evil.example${path}`,
    `https:${path}`,
    `https:///${host}${path}`,
    `https:\\\\${host}${path}`,
    `//${host}${path}`,
    path!,
    `${url}/`,
    `${url}//`,
    `${url}?`,
    `${url}?a=b`,
    `${url}#`,
    `${url}#f`,
    `${url} `,
    ` ${url}`,
    `${url}\n`,
    `${url}\u0000`,
    `${url}%00`,
    `${url};x`,
    `${url}.`,
    `${url}/.`,
    `${url}/..`,
    `${before}./${last}`,
    `${before}x/../${last}`,
    `${before}/${last}`,
    `${before}%2e/${last}`,
    `${before}%${last.charCodeAt(0).toString(16)}${last.slice(1)}`,
    `${before}${last.slice(0, -1)}`,
    `${url}A`,
    `${before}${last.toUpperCase() === last ? last.toLowerCase() : last.toUpperCase()}`,
    url.replace('/fleet/', '/Fleet/'),
    url.replace('/fleet/', '/fleet//'),
    url.replace('/fleet/', '/fl%65et/'),
    url.replace('/fleet/', '/fleet/staging/'),
    url.replace('/fleet/', '/second/'),
    url.replace('/fleet/', '/fleet/~team-a/'),
    url.replace('/fleet/', '\\fleet/'),
    url.replace('s://', 's://\u200b'),
    url.replace('.net', '.net\u3002'),
    `<${url}>`,
    `"${url}"`,
    encodeURIComponent(url),
    '',
    'https://',
    '*',
  ]
}

function* urls(): Iterable<Case> {
  for (const operation of ALL) {
    for (let index = 0; index < 52; index++) {
      yield plain(`signed url, spelling ${index}`, 'unauthorized', operation, (h) => ({
        ...h,
        url: likeUrl(h.url as string)[index],
      }))
    }
    yield plain('no url', 'malformed', operation, (h) => ({ ...h, url: undefined }))
    yield plain('url of another operation', 'unauthorized', operation, (h) => ({
      ...h,
      url: `${ORIGIN}/fleet/other`,
    }))
  }
  for (const operation of ['newOrder', 'order', 'account', 'revokeCert']) {
    for (let index = 0; index < 52; index++) {
      yield plain(`kid, spelling ${index}`, 'accountDoesNotExist', operation, (h) => ({
        ...h,
        kid: likeUrl(h.kid as string)[index],
      }))
    }
    for (const name of ['staging', 'second']) {
      yield plain(`kid of ${name}`, 'accountDoesNotExist', operation, (h, w) => ({ ...h, kid: w.kid(name) }))
    }
    yield plain('kid of nobody', 'accountDoesNotExist', operation, (h) => ({
      ...h,
      kid: `${ORIGIN}/fleet/account/${brokerId()}`,
    }))
    yield plain('kid of somebody else', 'malformed', operation, (h, w) => ({ ...h, kid: w.kid('stranger') }))
  }
  for (const status of ['deactivated', 'revoked']) {
    for (const operation of ['newOrder', 'keyChange', 'revokeCert', 'order', 'directory']) {
      yield plain(`account ${status}`, 'unauthorized 401', operation, (h, w) => ({
        ...h,
        kid: w.kid(status),
      }))
    }
  }
}

function used(nonce: string, { nonces }: BrokerWorld): string {
  void nonces.redeem(nonce)
  return nonce
}

function* nonces(): Iterable<Case> {
  const spelled: [string, string, (nonce: string, world: BrokerWorld) => unknown][] = [
    ['none', 'badNonce', () => undefined],
    ['empty', 'badNonce', () => ''],
    ['a number', 'malformed 400', () => 5],
    ['null', 'malformed 400', () => null],
    ['padded', 'malformed', (nonce) => `${nonce}==`],
    ['with a space', 'malformed', (nonce) => `${nonce} `],
    ['with a line end', 'malformed', (nonce) => `${nonce}\n`],
    ['in two parts', 'malformed', (nonce) => `${nonce.slice(0, 9)} ${nonce.slice(9)}`],
    ['cut', 'malformed', (nonce) => nonce.slice(0, -1)],
    ['longer', 'badNonce', (nonce) => `${nonce}A`],
    ['twice', 'badNonce', (nonce) => `${nonce}${nonce}`],
    [
      'with unused bits',
      'malformed',
      (nonce) => nonce.slice(0, -1) + String.fromCharCode(nonce.charCodeAt(21) + 1),
    ],
    ['of zeros', 'badNonce', () => 'A'.repeat(22)],
    ['used', 'badNonce', (nonce, world) => used(nonce, world)],
    ['one bit off', 'badNonce', (nonce) => (nonce.startsWith('A') ? 'B' : 'A') + nonce.slice(1)],
  ]
  for (const operation of ALL) {
    for (const [name, expected, change] of spelled) {
      yield plain(`nonce ${name}`, expected, operation, (h, w) => ({
        ...h,
        nonce: change(h.nonce as string, w),
      }))
    }
  }
  for (let length = 0; length < 40; length++) {
    yield plain(`nonce of ${length} random bytes`, 'badNonce', 'newOrder', (h) => ({
      ...h,
      nonce: randomBytes(length).toString('base64url'),
    }))
  }
}

function* serializations(): Iterable<Case> {
  for (const part of ['protected', 'payload', 'signature'] as const) {
    for (const [name, change] of LAX) {
      // Not every signature has a letter that the other alphabet writes otherwise.
      if (part === 'signature' && name.endsWith('other alphabet')) continue
      const changed = (body: string, parts: Parts) =>
        body.replace(`"${parts[part]}"`, () => `"${change(parts[part])}"`)
      yield {
        name: `${part}: ${name}`,
        expected: ['escaped letter'].includes(name) ? 'ok' : 'malformed…',
        make(world) {
          // A header whose base64url has a `-`, whatever the nonce, and a payload too.
          const sent = request(world, 'newOrder', (h) => ({ x: '~~~~~~~', ...h }), {
            payload: '{"a":"~~~~~~~"}',
          })
          const body = sent.body as string
          return { ...sent, body: changed(body, JSON.parse(body) as Parts) }
        },
      }
    }
  }
  const shapes: [string, string, (body: string, parts: Parts) => string][] = [
    ['compact', 'malformed 400', (_, p) => `${p.protected}.${p.payload}.${p.signature}`],
    ['compact in quotes', 'malformed 400', (_, p) => s(`${p.protected}.${p.payload}.${p.signature}`)],
    [
      'general',
      'malformed 400',
      (_, p) => s({ payload: p.payload, signatures: [{ protected: p.protected, signature: p.signature }] }),
    ],
    ['general beside', 'malformed 400', (_, p) => s({ ...p, signatures: [] })],
    ['unprotected header', 'malformed 400', (_, p) => s({ ...p, header: {} })],
    ['array', 'malformed 400', (body) => `[${body}]`],
    ['twice', 'malformed 400', (body) => body + body],
    ['BOM', 'malformed 400', (body) => `\ufeff${body}`],
    ['white space', 'ok', (_, p) => ` \n${s(p, null, 2)}\r\n\t`],
    [
      'another order',
      'ok',
      (_, p) => s({ signature: p.signature, payload: p.payload, protected: p.protected }),
    ],
    ['no payload', 'malformed 400', (_, p) => s({ ...p, payload: undefined })],
    ['payload null', 'malformed 400', (_, p) => s({ ...p, payload: null })],
    ['payload an object', 'malformed 400', (_, p) => s({ ...p, payload: {} })],
    ['no protected', 'malformed 400', (_, p) => s({ ...p, protected: undefined })],
    ['empty protected', 'malformed 400', (_, p) => s({ ...p, protected: '' })],
    ['no signature', 'malformed 400', (_, p) => s({ ...p, signature: undefined })],
    ['empty signature', 'malformed 400', (_, p) => s({ ...p, signature: '' })],
    ['comment', 'malformed 400', (body) => `${body}//`],
    ['trailing comma', 'malformed 400', (body) => body.replace(/}$/, ',}')],
    ['no-break space', 'malformed 400', (body) => `\u00a0${body}`],
    ['empty', 'malformed 400', () => ''],
    ['null', 'malformed 400', () => 'null'],
    ['form', 'malformed 400', (_, p) => new URLSearchParams({ ...p }).toString()],
    ['NUL at the end', 'malformed 400', (body) => `${body}\u0000`],
  ]
  for (const [name, expected, change] of shapes) yield envelope(name, expected, change)
  for (const known of ['protected', 'payload', 'signature', 'header', 'signatures']) {
    for (const name of spellings(known)) {
      for (const value of ['""', 'null', '{}']) {
        yield envelope(`${name} = ${value} after`, 'malformed 400', (body) =>
          body.replace(/}$/, `,"${name}":${value}}`),
        )
        yield envelope(
          `${name} = ${value} before`,
          'malformed 400',
          (body) => `{"${name}":${value},${body.slice(1)}`,
        )
      }
    }
  }
}

const folded = (name: string) => name.replaceAll('\u017f', 's').replaceAll('\u212a', 'k').toLowerCase()

function* headers(): Iterable<Case> {
  const make = (text: (usual: string) => string) => (world: BrokerWorld) => {
    const header = {
      alg: 'ES256',
      kid: world.kid('P-256'),
      nonce: world.nonces.issue(),
      url: `${ORIGIN}/fleet/new-order`,
    }
    return { target: '/fleet/new-order', body: s(jwsOf(P256, text(s(header)), '{}')) }
  }
  for (const known of ['alg', 'kid', 'nonce', 'url', 'jwk']) {
    for (const spelled of spellings(known)) {
      const reads = folded(JSON.parse(`"${spelled}"`) as string) === known
      for (const value of ['"x"', 'null', '{}']) {
        const expected = reads ? 'malformed 400' : 'ok'
        yield {
          name: `header ${spelled} = ${value} after`,
          expected,
          make: make((h) => h.replace(/}$/, `,"${spelled}":${value}}`)),
        }
        yield {
          name: `header ${spelled} = ${value} before`,
          expected,
          make: make((h) => `{"${spelled}":${value},${h.slice(1)}`),
        }
      }
    }
  }
  for (const name of ['crit', 'b64', 'zip']) {
    for (const value of ['[]', '["b64"]', '["exp"]', 'true', 'false', 'null', '"DEF"', '{}', '0']) {
      yield {
        name: `header ${name} = ${value}`,
        expected: 'malformed 400',
        make: make((h) => h.replace(/}$/, `,"${name}":${value}}`)),
      }
    }
  }
  for (const name of ['x5u', 'jku', 'x5c', 'x5t', 'typ', 'cty', 'iss', '__proto__', 'constructor']) {
    yield {
      name: `header ${name} is not looked at`,
      expected: 'ok',
      make: make((h) => h.replace(/}$/, `,"${name}":"https://evil.example"}`)),
    }
  }
}

function* signatures(): Iterable<Case> {
  const signed = (name: string, change: (right: Buffer, input: string) => Buffer): Case =>
    envelope(`signature ${name}`, 'malformed…', (_, parts) => {
      const right = Buffer.from(parts.signature, 'base64url')
      return s({
        ...parts,
        signature: change(right, `${parts.protected}.${parts.payload}`).toString('base64url'),
      })
    })
  for (let bit = 0; bit < 512; bit += 16) {
    yield signed(`bit ${bit} off`, (right) => {
      right[bit >> 3]! ^= 1 << (bit & 7)
      return right
    })
  }
  for (let length = 0; length < 140; length++) {
    if (length !== 64)
      yield signed(`of ${length} bytes`, (right) => Buffer.concat([right, right, right]).subarray(0, length))
  }
  yield signed('of zeros', () => Buffer.alloc(64))
  yield signed('of ones', () => Buffer.alloc(64, 0xff))
  yield signed('by another key', (_, input) => signatureOf(STRANGER, input))
  yield signed('of another text', (_, input) => signatureOf(P256, `${input}A`))
  yield envelope('payload exchanged', 'malformed', (_, parts) => s({ ...parts, payload: encode('{"a":1}') }))
  yield envelope('payload taken away', 'malformed', (_, parts) => s({ ...parts, payload: '' }))
}

function* forms(): Iterable<Case> {
  const types = [
    ...[
      'application/json',
      'application/jose',
      'application/jose+json; charset=utf-8',
      'application/jose+json;',
    ],
    ...[
      'Application/JOSE+JSON',
      'application/jose+json ',
      ' application/jose+json',
      'application/jose+json, text/plain',
    ],
    ...[
      'text/plain',
      '',
      'application/x-www-form-urlencoded',
      'multipart/form-data',
      '*/*',
      'application/jose+json\u0000',
    ],
  ]
  const jose = JOSE[0]!
  for (const operation of ALL) {
    const form = (
      name: string,
      expected: string,
      change: Partial<Sent>,
      payload = payloadOf(operation),
    ): Case => ({
      name: `${operation}: ${name}`,
      expected,
      make: (world) => ({ ...request(world, operation, undefined, { payload }), ...change }),
    })
    for (const type of types)
      yield form(`type ${s(type)}`, 'malformed 415', { fields: [['content-type', type]] })
    yield form('no type', 'malformed 415', { fields: [] })
    yield form('two types', 'malformed 415', { fields: [jose, jose] })
    for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'post', 'QUERY']) {
      yield form(`method ${method}`, 'malformed 405', { method })
    }
    const got = operation === 'directory' || operation === 'newNonce'
    for (const method of ['GET', 'HEAD']) {
      yield form(`${method} with a body`, got ? 'malformed 400' : 'malformed 405', { method })
      yield form(method, got ? 'ok' : 'malformed 405', { method, body: '' })
    }
    yield form('too large', 'malformed 413', { truncated: true })
    yield form('two hosts', 'malformed 400', { ambiguities: [{ kind: 'two-authorities', where: 'Host' }] })
    yield form('as it should be', 'ok', {})
    const fetched = FETCHED.includes(operation)
    if (fetched) yield form('payload {}', 'malformed', {}, '{}')
    else yield form('empty payload', EITHER.includes(operation) ? 'ok' : 'malformed', {}, '')
    for (const payload of ['null', '[]', '5', '"x"', '{', '{"a":1,"a":2}', '{"Identifiers":[]}']) {
      yield form(`payload ${payload}`, 'malformed 400', {}, payload)
    }
  }
}

function* objects(): Iterable<Case> {
  const at = (name: string, expected: string, target: (world: BrokerWorld) => string): Case => ({
    name: `at ${name}`,
    expected,
    make: (world) => request(world, 'order', undefined, { target: target(world) }),
  })
  const kinds: [string, (w: BrokerWorld | BrokerWorld['foreign'], id: (own: string) => string) => string][] =
    [
      ['order', (w, id) => `/fleet/order/${id(w.order.id)}`],
      ['authorization', (w, id) => `/fleet/authorization/${id(w.authorization.id)}`],
      [
        'challenge',
        (w, id) => `/fleet/challenge/${id(w.authorization.id)}/${w.authorization.challenges[0]!.id}`,
      ],
      ['certificate', (w, id) => `/fleet/certificate/${id(w.certificate.id)}`],
    ]
  const own = (id: string) => id
  for (const [kind, url] of kinds) {
    yield at(`own ${kind}`, 'ok', (w) => url(w, own))
    yield at(`foreign ${kind}`, 'malformed 404', (w) => url(w.foreign, own))
    for (let i = 0; i < 10; i++)
      yield at(`missing ${kind} ${i}`, 'malformed 404', (w) => url(w, () => brokerId()))
    for (const name of ['staging', 'second']) {
      yield {
        name: `${kind} at ${name}`,
        expected: 'malformed 404',
        make(world) {
          const target = url(world, own).replace(
            '/fleet/',
            name === 'staging' ? '/fleet/staging/' : '/second/',
          )
          const origin = name === 'staging' ? ORIGIN : 'https://second.example:8443'
          return request(world, 'order', (h) => ({ ...h, kid: world.kid(name), url: `${origin}${target}` }), {
            target,
          })
        },
      }
    }
    for (let index = 14; index < 44; index++) {
      yield at(`${kind}, spelling ${index}`, 'malformed 404', (w) => {
        const target = likeUrl(`${ORIGIN}${url(w, own)}`)[index]!.slice(ORIGIN.length)
        return target.replace(/^(?:\/fleet\/staging|\/second)\//, '/fleet/x/')
      })
    }
  }
  yield at(
    'orders of somebody else',
    'malformed 404',
    (w) => `/fleet/account/${w.account('stranger').id}/orders`,
  )
  yield at('account of somebody else', 'malformed 404', (w) => `/fleet/account/${w.account('stranger').id}`)
  yield at(
    'another challenge',
    'malformed 404',
    (w) => `/fleet/challenge/${w.authorization.id}/${brokerId()}`,
  )
  yield at('an alternate too many', 'malformed 404', (w) => `/fleet/certificate/${w.certificate.id}/1`)
  for (const [name, label, kid, expected] of [
    ['own label', 'team-a', 'team-a', 'ok'],
    ['another label', 'team-b', 'team-a', 'unauthorized'],
    ['label without one', 'team-a', 'P-256', 'unauthorized'],
    ['unknown label', 'team-c', 'team-a', 'malformed 404'],
  ] as const) {
    yield {
      name: `under ${name}`,
      expected,
      make: (world) =>
        request(world, 'newOrder', (h) => ({ ...h, kid: world.kid(kid) }), {
          target: `/fleet/~${label}/new-order`,
        }),
    }
  }
}

/** Expected `malformed…` is malformed of any status: another text may be unreadable, or not what was signed. */
export function negatives(): readonly Case[] {
  return [
    ...[algorithms, keys, urls, nonces, serializations, headers, signatures, forms, objects].flatMap(
      (family) => [...family()],
    ),
  ]
}

export function isExpected({ expected }: Case, verdict: string): boolean {
  return expected.endsWith('…') ? verdict.startsWith(expected.slice(0, -1)) : verdict === expected
}
