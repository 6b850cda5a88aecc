import { isIPv4, isIPv6 } from 'node:net'
import { addressBytes, addressOf, addressText, isMapped } from './address.ts'
import { quoted } from './label.ts'

/** One line: what is wrong, and what to write instead. */
export interface NetworkFault {
  readonly fault: string
}

interface Family {
  readonly bits: 32 | 128
  /** By prefix length: the first bits of the networks that have it. */
  readonly prefixes: Map<number, Set<bigint>>
}

/** Networks and single addresses, asked in a time that the number of different prefix lengths sets. */
export class Networks {
  readonly #ipv4: Family = { bits: 32, prefixes: new Map() }
  readonly #ipv6: Family = { bits: 128, prefixes: new Map() }

  /** `192.0.2.0/24`, `2001:db8::/32`, or an address. */
  static of(texts: readonly string[]): Networks | NetworkFault {
    const networks = new Networks()
    for (const text of texts) {
      const fault = networks.#add(text)
      if (fault !== null) return { fault: `${quoted(text)} ${fault}` }
    }
    return networks
  }

  /** As a socket or an identifier has it: of one in IPv6's clothes (`::ffff:192.0.2.1`) the IPv4 address counts. */
  has(address: string): boolean {
    const plain = address.replace(/%.*$/s, '')
    if (!isIPv4(plain) && !isIPv6(plain)) return false
    const bytes = addressBytes(plain)
    const own = isMapped(bytes) ? bytes.subarray(12) : bytes
    const { bits, prefixes } = this.#familyOf(own)
    const number = numberOf(own)
    for (const [length, networks] of prefixes) {
      if (networks.has(number >> BigInt(bits - length))) return true
    }
    return false
  }

  #add(text: string): string | null {
    const [, base = text, written] = /^(.*)\/(0|[1-9]\d{0,2})$/s.exec(text) ?? []
    const address = addressOf(base)
    if (typeof address !== 'string') return address.fault
    const bytes = addressBytes(address)
    const { bits, prefixes } = this.#familyOf(bytes)
    const length = Number(written ?? bits)
    if (length > bits) return `has a prefix longer than ${bits} bits`
    const rest = BigInt(bits - length)
    const prefix = numberOf(bytes) >> rest
    if (prefix << rest !== numberOf(bytes)) {
      const first = Buffer.from((prefix << rest).toString(16).padStart(bits / 4, '0'), 'hex')
      return `has bits beyond its prefix: write ${addressText(first)}/${length}, or ${address} for the address alone`
    }
    const networks = prefixes.get(length) ?? new Set()
    prefixes.set(length, networks.add(prefix))
    return null
  }

  #familyOf(bytes: Buffer): Family {
    return bytes.length === 4 ? this.#ipv4 : this.#ipv6
  }
}

function numberOf(bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex')}`)
}
