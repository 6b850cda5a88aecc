/** What a request that arrived would lead to at the laxest of readers: whatever it holds that could be taken for a name. */
import { isIP } from 'node:net'
import type { Spelling } from '../policy-names/question.ts'
import { readElements } from '../test-ca/der.ts'
import type { Arrival } from './lax-ca.ts'

interface Text {
  /** Names of the members that hold it, as a reader takes them that cares for no case. */
  readonly path: readonly string[]
  readonly value: string
  /** The `type` beside it. */
  readonly type: () => string | undefined
}

/** Names that the request could be for. */
export function namesIn({ method, target, body }: Arrival): readonly Spelling[] {
  if (body.length === 0) return []
  const texts = payloadsIn(body).flatMap((payload) => textsIn(payload))
  const subtree =
    texts.length > 0 && /subdomainauthallowed"\s*:\s*(?!false|null)/i.test(payloadsIn(body).join('\n'))
  const family = `${method} ${target.split('/')[1]}`
  const names = texts
    .filter(({ path }) => isOfIdentifier(path, target))
    .map(({ value, type }) => ({ value, type: type() }))
  const csrs = texts
    .filter(({ path }) => path.at(-1) === 'csr')
    .map(({ value }) => Buffer.from(value, 'base64'))
  return [
    ...names.map(({ value, type }) => ({
      family,
      type:
        fold(type ?? '').trim() === 'ip' || (type !== 'dns' && isIP(value) !== 0)
          ? ('ip' as const)
          : ('dns' as const),
      value,
      subtree,
    })),
    ...csrs.flatMap(namesOfCsr).map((value) => ({
      family,
      type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const),
      value,
      subtree: false,
    })),
  ]
}

/** Each `payload`, decoded, of a body in any serialization; the last of two members of a name is as good as the first. */
function payloadsIn(body: Buffer): readonly string[] {
  const text = body.toString('utf8')
  const found = textsIn(text).filter(({ path }) => path.at(-1) === 'payload')
  const encoded = found.length > 0 ? found.map(({ value }) => value) : text.split('.').slice(1, 2)
  return encoded.map((part) => Buffer.from(part, 'base64').toString('utf8'))
}

/**
 * RFC 8555 §7.4 and §7.4.1: newOrder has `identifiers`, newAuthz has `identifier`; what is at another URL may be read as
 * either. Members with names of their own, in it or beside it, are nobody's: no reader takes them for a name.
 */
function isOfIdentifier(path: readonly string[], target: string): boolean {
  const [first = '', ...rest] = path
  const own = target === '/order-plz' ? ['identifiers'] : target === '/authz-plz' ? ['identifier'] : BOTH
  return own.includes(first) && rest.every((name) => name === 'value' || BOTH.includes(name))
}
const BOTH = ['identifiers', 'identifier']

/** As readers do that care for no case, in any alphabet. */
function fold(name: string): string {
  return name.normalize('NFKC').toLowerCase()
}

/** Every string that stands as a value anywhere, also in what is no JSON. */
export function textsIn(json: string): readonly Text[] {
  const texts: Text[] = []
  interface Level {
    readonly isObject: boolean
    readonly types: string[]
    name: string | null
  }
  const levels: Level[] = []
  let key: string | null = null
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],]|[^\s{}[\],":]+|:/gs)) {
    const level = levels.at(-1)
    if (token === '{' || token === '[') {
      levels.push({ isObject: token === '{', types: [], name: null })
      key = null
    } else if (token === '}' || token === ']') levels.pop()
    else if (token === ',') {
      if (level?.isObject) level.name = null
    } else if (token === ':') {
      if (level && key !== null) level.name = fold(key)
    } else {
      const value = token.startsWith('"') ? unescaped(token) : token
      if (level?.isObject && level.name === null) {
        key = value
        continue
      }
      const path = levels.flatMap(({ name }) => (name === null ? [] : [name]))
      if (path.at(-1) === 'type') level?.types.push(value)
      if (token.startsWith('"')) texts.push({ path, value, type: () => level?.types.at(-1) })
    }
  }
  return texts
}

function unescaped(token: string): string {
  try {
    return JSON.parse(token) as string
  } catch {
    return token.slice(1, -1)
  }
}

const UTF8 = 0x0c
const BMP = 0x1e
/** dNSName, iPAddress, and what some take for a name as well: rfc822Name, URI. */
const GENERAL = new Set([0x81, 0x82, 0x86, 0x87])
/** PrintableString, TeletexString, IA5String. */
const TEXTS = new Set([UTF8, 0x13, 0x14, 0x16])
const OCTETS = 0x04

/** Every text and every general name in it, at any place: in an OCTET STRING too. */
function namesOfCsr(der: Buffer): readonly string[] {
  let elements: ReturnType<typeof readElements>
  try {
    elements = readElements(der)
  } catch {
    return []
  }
  return elements.flatMap(({ tag, content }) => {
    if (tag === 0x87) return [addressOf(content)]
    if (GENERAL.has(tag) || TEXTS.has(tag)) return [content.toString('utf8')]
    if (tag === BMP) return [Buffer.from(content).swap16().toString('utf16le')]
    return (tag & 0x20) !== 0 || tag === OCTETS ? namesOfCsr(content) : []
  })
}

function addressOf(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.')
  if (bytes.length !== 16) return bytes.toString('hex')
  const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(2 * at).toString(16))
  const host = URL.parse(`http://[${groups.join(':')}]/`)?.hostname ?? ''
  return host.slice(1, -1)
}
