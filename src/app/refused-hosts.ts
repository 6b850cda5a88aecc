import type { Completed } from '../exchange/exchange.ts'
import { LruMap } from '../exchange/lru-map.ts'

const CLIENTS = 1_000
const HOSTS = 100

/**
 * The hosts that clients were refused lately, by client, so that a client can be told what it lacks. A convenience of
 * one process; the record has all of them.
 */
export class RefusedHosts {
  readonly #byClient = new LruMap<string, Set<string>>(CLIENTS)

  note({ otherHost, outcome, connection }: Completed): void {
    const client = connection.clientAddress
    if (!otherHost || outcome.kind !== 'refused' || client === null) return
    const hosts = this.#byClient.get(client) ?? new Set()
    if (hosts.size < HOSTS) hosts.add(`${otherHost.host}:${otherHost.port}`)
    this.#byClient.set(client, hosts)
  }

  /** `host:port`, in the order they were first refused. */
  of(client: string | null): readonly string[] {
    return client === null ? [] : [...(this.#byClient.get(client) ?? [])]
  }
}
