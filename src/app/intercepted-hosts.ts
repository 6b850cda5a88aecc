import { isIP } from 'node:net'
import type { CaConnection } from '../ca/dispatcher.ts'

/** The hosts and ports of the CAs whose connections are taken over. */
export class InterceptedHosts {
  /** Names of CAs by authority as in their URLs. */
  readonly #cas = new Map<string, string>()
  readonly #byHostAndPort = new Map<string, string>()
  readonly #byHost = new Map<string, string[]>()

  constructor(cas: readonly Pick<CaConnection, 'name' | 'origin'>[]) {
    for (const { name, origin } of cas) {
      const { host: authority, hostname, port } = new URL(origin)
      const host = hostname.replace(/^\[|\]$/g, '')
      this.#cas.set(authority, name)
      this.#byHostAndPort.set(`${host} ${port || 443}`, authority)
      this.#byHost.set(host, [...(this.#byHost.get(host) ?? []), authority])
    }
  }

  /** `host`: a name in lower case or an IP address without brackets. Null for every host but those of CAs. */
  takeOver(host: string, port: number): string | null {
    return this.#byHostAndPort.get(`${host} ${port}`) ?? null
  }

  authoritiesOf(host: string): readonly string[] {
    return this.#byHost.get(host) ?? []
  }

  /** The IP address that a client means which sends no server name; null unless exactly one CA is an address. */
  addressWithoutName(): string | null {
    const addresses = [...this.#byHost.keys()].filter((host) => isIP(host) !== 0)
    return addresses.length === 1 ? addresses[0]! : null
  }

  /** Null where it is not taken over, or no more: a connection can outlive a reload. */
  caOf(authority: string): string | null {
    return this.#cas.get(authority) ?? null
  }
}
