import { isIP } from 'node:net'
import type { CaConnection } from '../ca/dispatcher.ts'
import type { Destination } from '../exchange/exchange.ts'

/** The hosts and ports of the CAs whose connections are taken over. */
export class InterceptedHosts {
  /** By authority as in the CA's URL. */
  readonly #destinations = new Map<string, Destination>()
  readonly #byHostAndPort = new Map<string, string>()
  readonly #byHost = new Map<string, string[]>()

  constructor(cas: readonly Pick<CaConnection, 'name' | 'origin'>[]) {
    for (const { name, origin } of cas) {
      const { host: authority, hostname, port } = new URL(origin)
      const host = hostname.replace(/^\[|\]$/g, '')
      this.#destinations.set(authority, { ca: name, authority })
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

  destination(authority: string): Destination | null {
    return this.#destinations.get(authority) ?? null
  }

  /** `host:port` of each, for a PAC file and for pages. */
  targets(): readonly { readonly host: string; readonly port: number }[] {
    return [...this.#byHostAndPort.keys()].map((key) => {
      const [host = '', port] = key.split(' ')
      return { host, port: Number(port) }
    })
  }
}
