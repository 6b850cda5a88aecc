/** What must be nowhere: a secret in every spelling that a program could leave it in. */
import { createPrivateKey } from 'node:crypto'

export interface Needle {
  readonly what: string
  readonly bytes: Buffer
}

/** Shorter ones would be found by chance. */
const SHORTEST = 12

/** The bytes themselves, hexadecimal, and base64 and base64url wherever they begin in what was encoded. */
export function spellingsOf(what: string, bytes: Buffer): Needle[] {
  const hex = bytes.toString('hex')
  const texts = [
    hex,
    hex.toUpperCase(),
    hex.match(/../g)!.join(':'),
    hex.toUpperCase().match(/../g)!.join(':'),
  ]
  for (const before of [0, 1, 2]) {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '')
    // Its first and last characters also hold bits of what is around.
    const inner = text.slice(
      before === 0 ? 0 : before + 1,
      (before + bytes.length) % 3 === 0 ? undefined : -1,
    )
    texts.push(inner, inner.replaceAll('+', '-').replaceAll('/', '_'))
  }
  return [bytes, ...texts.map((text) => Buffer.from(text, 'latin1'))]
    .filter(({ length }) => length >= SHORTEST)
    .map((one) => ({ what, bytes: one }))
}

/** A secret as somebody configured it, and what it stands for where it is base64. */
export function needlesOfText(what: string, text: string): Needle[] {
  const decoded = Buffer.from(text, /[-_]/.test(text) ? 'base64url' : 'base64')
  return [...spellingsOf(what, Buffer.from(text)), ...spellingsOf(`${what}, decoded`, decoded)]
}

/** Bytes of one line of a PEM are 48: of these parts some lie within a line, whatever the line breaks. */
const [PART, STEP, MOST] = [20, 12, 64]
const partsOf = (number: Buffer) =>
  Array.from({ length: Math.ceil((Math.min(number.length, MOST) - PART + 1) / STEP) }, (_, index) =>
    number.subarray(index * STEP, index * STEP + PART),
  )

/** The private numbers, every line of the PEM that holds some of them, and the DER. */
export function needlesOfKey(what: string, pem: string): Needle[] {
  const key = createPrivateKey(pem)
  const jwk = key.export({ format: 'jwk' }) as Record<string, string | undefined>
  const numbers = ['d', 'p', 'q', 'dp', 'dq', 'qi'].flatMap((name) => {
    const value = jwk[name]
    return value === undefined
      ? []
      : partsOf(Buffer.from(value, 'base64url')).flatMap((part) => spellingsOf(`${what}, ${name}`, part))
  })
  const der = key.export({ format: 'der', type: 'pkcs8' })
  const lines = pem.split('\n').filter((line) => line !== '' && !line.startsWith('-----'))
  // The first half of an RSA key is its public one; an elliptic key ends with it.
  const secret = jwk.kty === 'RSA' ? lines.slice(Math.ceil(lines.length / 2)) : lines.slice(0, 1)
  return [
    ...numbers,
    ...secret.flatMap((line) => spellingsOf(`${what}, a line of its PEM`, Buffer.from(line))),
    { what: `${what}, DER`, bytes: der.subarray(0, jwk.kty === 'RSA' ? undefined : 68) },
  ]
}

export interface Straw {
  readonly where: string
  readonly bytes: Buffer
}

/** One sentence for each place where one is. Never the secret itself. */
export function findNeedles(needles: readonly Needle[], hay: readonly Straw[]): string[] {
  return hay.flatMap(({ where, bytes }) =>
    [...new Set(needles.filter((needle) => bytes.includes(needle.bytes)).map(({ what }) => what))].map(
      (what) => `${what} is in ${where}`,
    ),
  )
}
