/** AWS Signature Version 4, in a header, as AWS documents it ("Create a signed AWS API request"). */
import { createHmac, hash } from 'node:crypto'

export interface SignedV4 {
  readonly method: string
  /** As it is before percent-encoding. */
  readonly path: string
  /** Names and values before percent-encoding. */
  readonly query: readonly (readonly [name: string, value: string])[]
  /** All that are to be signed, by name in lower case; `host` and `x-amz-date` must be among them. */
  readonly fields: Readonly<Record<string, string>>
  readonly body: string
}

export interface KeyV4 {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly region: string
  readonly service: string
}

/** The value of `x-amz-date` for µs since 1970. */
export function dateV4(micros: number): string {
  return new Date(micros / 1000).toISOString().replace(/[-:]|\.\d{3}/g, '')
}

/** The value of `authorization`. */
export function signV4(request: SignedV4, key: KeyV4): string {
  const { 'x-amz-date': date = '' } = request.fields
  const scope = [date.slice(0, 8), key.region, key.service, 'aws4_request']
  const names = Object.keys(request.fields).sort(inBytes)
  const canonical = [
    request.method,
    request.path.split('/').map(encodeV4).join('/'),
    request.query
      .map(([name, value]): [string, string] => [encodeV4(name), encodeV4(value)])
      .sort(([a, x], [b, y]) => inBytes(a, b) || inBytes(x, y))
      .map(([name, value]) => `${name}=${value}`)
      .join('&'),
    ...names.map((name) => `${name}:${(request.fields[name] ?? '').trim().replace(/ +/g, ' ')}`),
    '',
    names.join(';'),
    hash('sha256', request.body, 'hex'),
  ].join('\n')
  const toSign = ['AWS4-HMAC-SHA256', date, scope.join('/'), hash('sha256', canonical, 'hex')].join('\n')
  const signing = scope.reduce<string | Buffer>(hmac, `AWS4${key.secretAccessKey}`)
  const signature = hmac(signing, toSign).toString('hex')
  return `AWS4-HMAC-SHA256 Credential=${key.accessKeyId}/${scope.join('/')}, SignedHeaders=${names.join(';')}, Signature=${signature}`
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

/** All but letters, digits and `-._~` (RFC 3986 §2.3), with capital letters in the digits. */
function encodeV4(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function inBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
