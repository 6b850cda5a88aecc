/** Counts open connections by where they come from, so that no one address takes them all. */
import ipaddr from 'ipaddr.js'

export class ConnectionsPerAddress {
  readonly #limit: number
  readonly #open = new Map<string, number>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** The key to release later, or null when this address has its share already. */
  take(address: string): string | null {
    const key = countedAs(address)
    const open = this.#open.get(key) ?? 0
    if (open >= this.#limit) return null
    this.#open.set(key, open + 1)
    return key
  }

  release(key: string): void {
    const open = this.#open.get(key) ?? 0
    if (open <= 1) this.#open.delete(key)
    else this.#open.set(key, open - 1)
  }
}

/** One IPv6 host commonly owns a whole /64. */
function countedAs(address: string): string {
  if (!ipaddr.IPv6.isValid(address)) return address
  return ipaddr.IPv6.parse(address).parts.slice(0, 4).join(':')
}
