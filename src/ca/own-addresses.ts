import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import ipaddr from 'ipaddr.js'
import { embeddedIpv4 } from './address-class.ts'

/** Where a listener is bound, as `server.address()` says it. */
export interface BoundListener {
  readonly address: string
  readonly port: number
}

/**
 * Knows which addresses lead back to this process: a proxy that calls itself would call itself for ever. It sees this
 * machine's interfaces, not what a router or load balancer in front of it forwards here.
 */
export class OwnAddresses {
  #listeners: readonly { readonly address: string; readonly port: number; readonly every: boolean }[] = []

  /** Told when the listeners are bound, with their real ports. */
  use(listeners: readonly BoundListener[]): void {
    this.#listeners = listeners.map(({ address, port }) => ({
      address: canonical(address),
      port,
      every: isUnspecified(address),
    }))
  }

  /** Would a connection to this address and port arrive at one of our listeners? */
  holds(address: string, port: number): boolean {
    const there = this.#listeners.filter((listener) => listener.port === port)
    if (there.length === 0) return false
    const candidates = [canonical(address), ...embeddedIpv4(address)]
    return candidates.some(
      (candidate) =>
        isUnspecified(candidate) ||
        there.some((listener) => listener.address === candidate || (listener.every && isLocal(candidate))),
    )
  }
}

/** 0.0.0.0 and :: in every spelling: connecting there arrives at this machine. */
export function isUnspecified(address: string): boolean {
  const text = canonical(address)
  return text === '0.0.0.0' || text === '::'
}

function isLocal(address: string): boolean {
  if (address === '::1' || (isIP(address) === 4 && address.startsWith('127.'))) return true
  return Object.values(networkInterfaces()).some((one) =>
    one?.some((own) => canonical(own.address) === address),
  )
}

/** One spelling for each address: no zone id, IPv4-mapped as IPv4. */
function canonical(address: string): string {
  if (isIP(address) !== 6) return address
  const parsed = ipaddr.IPv6.parse(address.replace(/%.*$/s, ''))
  return parsed.isIPv4MappedAddress() ? parsed.toIPv4Address().toString() : parsed.toString()
}
