import { isIPv4, isIPv6 } from 'node:net'
import { addressBytes, addressOf, addressText, isMapped } from './address.ts'
import { quoted } from './label.ts'

/** One line: what is wrong, and what to write instead. */
export interface NetworkFault {
  readonly fault: string
}

/** An address read once, to be looked for in many networks. */
export interface AddressNumber {
  readonly bits: 32 | 128
  readonly value: bigint
}

/** As a socket or an identifier has it: of one in IPv6's clothes (`::ffff:192.0.2.1`) the IPv4 address counts. */
export function addressNumber(address: string): AddressNumber | null {
  const zone = address.indexOf('%')
  const plain = zone === -1 ? address : address.slice(0, zone)
  if (!isIPv4(plain) && !isIPv6(plain)) return null
  const bytes = addressBytes(plain)
  return numberOf(isMapped(bytes) ? bytes.subarray(12) : bytes)
}

/** Something for each of many networks, found in a time that the number of different prefix lengths sets. */
export class NetworkTable<T> {
  readonly #ipv4: Prefixes<T> = new Map()
  readonly #ipv6: Prefixes<T> = new Map()

  /** `192.0.2.0/24`, `2001:db8::/32`, or an address. `value` is given what is there already. Null: it was put in. */
  put(text: string, value: (there: T | undefined) => T): NetworkFault | null {
    const [, base = text, written] = /^(.*)\/(0|[1-9]\d{0,2})$/s.exec(text) ?? []
    const fault = (what: string) => ({ fault: `${quoted(text)} ${what}` })
    const address = addressOf(base)
    if (typeof address !== 'string') return fault(address.fault)
    const number = numberOf(addressBytes(address))
    const length = Number(written ?? number.bits)
    if (length > number.bits) return fault(`has a prefix longer than ${number.bits} bits`)
    const rest = BigInt(number.bits - length)
    const prefix = number.value >> rest
    if (prefix << rest !== number.value) {
      const first = Buffer.from((prefix << rest).toString(16).padStart(number.bits / 4, '0'), 'hex')
      return fault(
        `has bits beyond its prefix: write ${addressText(first)}/${length}, or ${address} for the address alone`,
      )
    }
    const prefixes = this.#of(number)
    const networks = prefixes.get(length) ?? new Map<bigint, T>()
    prefixes.set(length, networks.set(prefix, value(networks.get(prefix))))
    return null
  }

  /** What networks that hold the address have. */
  *holding(address: AddressNumber): Generator<T> {
    for (const [length, networks] of this.#of(address)) {
      const found = networks.get(address.value >> BigInt(address.bits - length))
      if (found !== undefined) yield found
    }
  }

  #of({ bits }: AddressNumber): Prefixes<T> {
    return bits === 32 ? this.#ipv4 : this.#ipv6
  }
}

/** By prefix length: what there is for the first bits of the networks that have it. */
type Prefixes<T> = Map<number, Map<bigint, T>>

/** Networks and single addresses. */
export class Networks {
  readonly #table = new NetworkTable<true>()

  static of(texts: readonly string[]): Networks | NetworkFault {
    const networks = new Networks()
    for (const text of texts) {
      const fault = networks.#table.put(text, () => true)
      if (fault !== null) return fault
    }
    return networks
  }

  has(address: string | AddressNumber): boolean {
    const number = typeof address === 'string' ? addressNumber(address) : address
    return number !== null && this.#table.holding(number).next().done === false
  }
}

function numberOf(bytes: Buffer): AddressNumber {
  return { bits: bytes.length === 4 ? 32 : 128, value: BigInt(`0x${bytes.toString('hex')}`) }
}
