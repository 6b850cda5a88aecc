import {
  type AmbiguousRequest,
  encode,
  flattened,
  members,
  newOrder,
  type Parts,
  type Setting,
  s,
  signed,
} from './ambiguous-requests.ts'
import { EVIL, GOOD, LAX, type Pair, spellings } from './ambiguous-spellings.ts'

export function* encodings(): Iterable<AmbiguousRequest> {
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

export function* envelopes(): Iterable<AmbiguousRequest> {
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

export function* headers(): Iterable<AmbiguousRequest> {
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
