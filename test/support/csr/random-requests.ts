import { readElement, readElements } from '../test-ca/der.ts'
import type { BaseRequest } from './base-requests.ts'
import { alternativeNames, commonName, compose, general, signed } from './compose.ts'
import type { CsrCase } from './differential.ts'

/** Spellings of names that are mixed into requests, beside those of the order. */
const STRANGERS = [
  'evil.example.net',
  '*.example.com',
  'one.example.com.',
  ' one.example.com',
  'xn--',
  '192.0.2.7',
]

/** The same request for the same number: bytes changed and signed anew, or names put together at random. */
export function randomCase(bases: readonly BaseRequest[], at: number, random: () => number): CsrCase {
  const base = bases[Math.floor(random() * bases.length)]!
  return random() < 0.6
    ? { name: `random ${at}: bytes`, base, der: otherBytes(base, random), fine: null }
    : randomNames(base, at, random)
}

/** Whatever is signed may hold anything: the signature is right. */
function otherBytes(base: BaseRequest, random: () => number): Buffer {
  const [info] = readElements(readElement(base.der).content)
  const bytes = Buffer.from(info!.whole)
  const changes = 1 + Math.floor(random() * 3)
  for (let count = 0; count < changes; count++) {
    const at = Math.floor(random() * bytes.length)
    bytes[at] = random() < 0.5 ? bytes[at]! ^ (1 << Math.floor(random() * 8)) : Math.floor(random() * 256)
  }
  return signed(bytes, base.key)
}

/** The order's names in any order and case, some left out, written twice or joined by others. */
function randomNames(base: BaseRequest, at: number, random: () => number): CsrCase {
  const values = base.identifiers.map(({ value }) => value)
  const kept = values.filter(() => random() < 0.97)
  const twice = kept.filter(() => random() < 0.01)
  const strangers = STRANGERS.filter((name) => !values.includes(name) && random() < 0.05)
  const names = [...kept, ...twice, ...strangers]
    .map((value) => ({ value: random() < 0.3 ? value.toUpperCase() : value, at: random() }))
    .sort((left, right) => left.at - right.at)
    .map(({ value }) => value)
  const common = random() < 0.5 ? names.find((name) => name.length < 65) : undefined
  const stranger = common !== undefined && random() < 0.1
  const der = compose(base, {
    extensions: [alternativeNames(...names.map(general))],
    subject: common === undefined ? commonName() : commonName(stranger ? 'evil.example.net' : common),
  })
  const fine = kept.length === values.length && twice.length === 0 && strangers.length === 0 && !stranger
  return { name: `random ${at}: names`, base, der, fine }
}
