/**
 * What a local CA may issue for: exactly, as patterns of a policy, and roughly, as name constraints of its certificates
 * (RFC 5280 §4.2.1.10), which clients hold it to even when its key is stolen. A constraint covers a name and everything
 * below it, so it can say less than a pattern does.
 *
 * How kinds of names are closed is as in src/interception/name-constraints.ts, which says what verifiers were seen to
 * respect: `invalid` is permitted and excluded at once, a family of addresses by the range of all, or by one that no host
 * has where the other family is open.
 */
import { contentOf, type Element, inside, readAll, readOne, SEQUENCE } from '../../acme/der.ts'
import { element, sequence } from '../../acme/der-write.ts'
import type { Identifier } from '../../acme/identifier.ts'
import { addressBytes, addressText } from '../../policy/names/address.ts'
import { NameSet } from '../../policy/names/name-set.ts'
import { Networks } from '../../policy/names/networks.ts'
import { isFault, normalise } from '../../policy/names/normalise.ts'
import { type Pattern, parsePattern } from '../../policy/names/pattern.ts'
import type { PolicyName } from '../../policy/names/policy-name.ts'
import { LocalCaError } from './local-ca-error.ts'

export interface Subtrees {
  /** Names, each with all below it; null: every name. */
  readonly dns: readonly string[] | null
  /** Address and mask, 8 or 32 bytes; null: every address. */
  readonly addresses: readonly Buffer[] | null
}

export class NameScope {
  readonly #names: NameSet
  readonly #networks: Networks
  /** What the constraints of a new issuer permit. */
  readonly subtrees: Subtrees
  /** Patterns that permit less than a constraint can say: one line each, what else the constraint permits. */
  readonly notExpressed: readonly string[]
  /** A name for each pattern, the ends of each network: where constraints cover these, they cover all. */
  readonly samples: readonly Identifier[]

  /** Throws LocalCaError for what is no pattern or no network. */
  constructor(patterns: readonly string[], networks: readonly string[]) {
    const parsed = patterns.map((text) => {
      const pattern = parsePattern(text)
      if ('fault' in pattern) throw new LocalCaError(`names: ${pattern.fault}`)
      return pattern
    })
    const within = Networks.of(networks)
    if ('fault' in within) throw new LocalCaError(`networks: ${within.fault}`)
    this.#names = NameSet.of(parsed)
    this.#networks = within
    const bases = parsed.map(baseOf)
    this.subtrees = {
      dns: bases.includes('') ? null : widest(bases),
      addresses: networks.map(rangeOf),
    }
    this.notExpressed = parsed.flatMap((pattern) => beyond(pattern) ?? [])
    this.samples = [
      ...parsed.map((pattern) => ({ type: 'dns', value: sampleOf(pattern) })),
      ...(this.subtrees.addresses ?? []).flatMap(endsOf).map((value) => ({ type: 'ip', value })),
    ]
  }

  /** Null: it may. Otherwise what is wrong, in words that follow the name. */
  refusal(identifier: Identifier): string | null {
    const name = normalise(identifier)
    if (isFault(name)) return name.fault
    return this.#has(name) ? null : `${identifier.value} is not among the names of this CA`
  }

  #has(name: PolicyName): boolean {
    return name.type === 'ip' ? this.#networks.has(name.value) : this.#names.covers(name)
  }
}

/** The labels from the right up to the first `*`. */
function baseOf({ labels }: Pattern): string {
  const star = labels.indexOf('*')
  return labels
    .slice(0, star === -1 ? labels.length : star)
    .toReversed()
    .join('.')
}

function sampleOf({ labels, apex }: Pattern): string {
  const name = labels.map((label) => (label === '*' ? 'acmetap' : label)).toReversed()
  return (apex ? name : ['acmetap', ...name]).join('.')
}

function endsOf(range: Buffer): string[] {
  const size = range.length / 2
  const last = Uint8Array.from(range.subarray(0, size), (octet, at) => octet | (range[size + at]! ^ 0xff))
  return [addressText(range.subarray(0, size)), addressText(Buffer.from(last))]
}

function beyond(pattern: Pattern): string | null {
  const base = baseOf(pattern)
  if (base === '') return `${pattern.text}: every name, for no constraint can say it`
  return pattern.apex && pattern.depth === Number.POSITIVE_INFINITY && !pattern.labels.includes('*')
    ? null
    : `${pattern.text}: ${base} and everything below it`
}

/** Without those that another one covers. */
function widest(bases: readonly string[]): string[] {
  return [...new Set(bases)].filter((base) => !bases.some((other) => base.endsWith(`.${other}`)))
}

/** `10.0.0.0/8` as address and mask; without a length, the address alone. */
function rangeOf(network: string): Buffer {
  const [base = '', length] = network.split('/')
  const address = addressBytes(base)
  const bits = length === undefined ? address.length * 8 : Number(length)
  const mask = Uint8Array.from(address, (_, at) => 0xff00 >> Math.min(8, Math.max(0, bits - 8 * at)))
  return Buffer.concat([address, mask])
}

const RFC822_NAME = 0x81
const DNS_NAME = 0x82
const URI = 0x86
const IP_ADDRESS = 0x87
const PERMITTED = 0xa0
const EXCLUDED = 0xa1
const NOTHING = Buffer.from('invalid')

/** DER of a NameConstraints value. */
export function encodeSubtrees({ dns, addresses }: Subtrees): Buffer {
  const permitted: Buffer[] = []
  const excluded: Buffer[] = []
  const close = (tag: number, base: Buffer) => {
    permitted.push(subtree(tag, base))
    excluded.push(subtree(tag, base))
  }
  for (const name of dns ?? []) permitted.push(subtree(DNS_NAME, Buffer.from(name, 'latin1')))
  if (dns?.length === 0) close(DNS_NAME, NOTHING)
  for (const range of addresses ?? []) permitted.push(subtree(IP_ADDRESS, range))
  for (const size of [8, 32]) {
    if (addresses === null || addresses.some(({ length }) => length === size)) continue
    if (addresses.length === 0) excluded.push(subtree(IP_ADDRESS, Buffer.alloc(size)))
    else close(IP_ADDRESS, Buffer.alloc(size, 0xff))
  }
  close(RFC822_NAME, NOTHING)
  close(URI, NOTHING)
  return sequence(element(PERMITTED, ...permitted), element(EXCLUDED, ...excluded))
}

/** What the name constraints of a certificate permit, as far as DNS names and addresses go. */
export interface Constraints {
  readonly permitted: readonly Base[]
  readonly excluded: readonly Base[]
}

interface Base {
  readonly tag: number
  readonly content: Buffer
}

/** Throws DerError for what is no NameConstraints value. */
export function readConstraints(value: Buffer): Constraints {
  const halves = inside(readOne(value), SEQUENCE)
  return { permitted: bases(halves, PERMITTED), excluded: bases(halves, EXCLUDED) }
}

function bases(halves: readonly Element[], tag: number): Base[] {
  return halves
    .filter((half) => half.tag === tag)
    .flatMap((half) => readAll(contentOf(half, tag)).map((one) => inside(one, SEQUENCE)[0]!))
}

/** Whether clients that know these constraints take a certificate with this name. `*.` stands for a label below. */
export function isWithin({ permitted, excluded }: Constraints, name: PolicyName): boolean {
  const tag = name.type === 'ip' ? IP_ADDRESS : DNS_NAME
  const covers = ({ tag: kind, content }: Base) =>
    kind === tag &&
    (tag === IP_ADDRESS ? holds(content, addressBytes(name.value)) : isBelow(name.value, content))
  const ofKind = permitted.filter((base) => base.tag === tag)
  return (ofKind.length === 0 || ofKind.some(covers)) && !excluded.some(covers)
}

function isBelow(name: string, content: Buffer): boolean {
  const base = content.toString('latin1').toLowerCase().replace(/^\./, '')
  return base === '' || name === base || name.endsWith(`.${base}`)
}

function holds(range: Buffer, address: Buffer): boolean {
  const size = address.length
  if (range.length !== size * 2) return false
  return address.every((octet, at) => ((octet ^ range[at]!) & range[size + at]!) === 0)
}

function subtree(tag: number, base: Buffer): Buffer {
  return sequence(element(tag, base))
}
