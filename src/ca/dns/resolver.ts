import { getServers } from 'node:dns'
import { isIP } from 'node:net'
import { askServer, at, DnsFailure, type DnsPlace } from './ask.ts'
import type { AskedType, DnsReply } from './reply.ts'

/** Asks resolvers as a stub does: the next one where one gives no usable answer. */
export interface Resolver {
  /** Resolves with the best answer there is, SERVFAIL included; rejects with the last server's DnsFailure. */
  ask(name: string, type: AskedType, unvalidated?: boolean): Promise<DnsReply>
  /** For people. */
  readonly servers: string
}

/** A resolver that does not answer is not asked a third time: a probe has many questions. */
const MOST_SILENCES = 2

export function createResolver(
  servers: readonly DnsPlace[],
  patience: number,
  signal: AbortSignal,
): Resolver {
  const silences = new Map<DnsPlace, number>()
  return {
    servers: servers.map(at).join(', '),
    async ask(name, type, unvalidated = false) {
      let failed: DnsReply | null = null
      let reason: unknown = new DnsFailure('unreachable', 'this machine has no resolver')
      const silent = (server: DnsPlace) => (silences.get(server) ?? 0) >= MOST_SILENCES
      const worthAsking = servers.filter((server) => !silent(server))
      for (const server of worthAsking.length > 0 ? worthAsking : servers.slice(0, 1)) {
        try {
          const reply = await askServer(
            server,
            { name, type, recursion: true, unvalidated },
            patience,
            signal,
          )
          if (reply.rcode === 'NOERROR' || reply.rcode === 'NXDOMAIN') return reply
          failed ??= reply
        } catch (error) {
          if (error instanceof DnsFailure && error.reason === 'timeout')
            silences.set(server, (silences.get(server) ?? 0) + 1)
          reason = error
        }
      }
      if (failed !== null) return failed
      throw reason
    },
  }
}

/** The system's, as far as DNS can ask them. */
export function systemResolvers(): DnsPlace[] {
  return getServers().flatMap((text) => parsePlace(text) ?? [])
}

/** `address`, `address:port` or `[address]:port`; null for anything else. */
export function parsePlace(text: string): DnsPlace | null {
  if (isIP(text) !== 0) return { address: text, port: 53 }
  const parts = /^(?:\[([^\]]+)\]|([\d.]+))(?::(\d{1,5}))?$/.exec(text)
  const address = parts?.[1] ?? parts?.[2] ?? ''
  const port = Number(parts?.[3] ?? 53)
  return isIP(address) !== 0 && port > 0 && port < 65536 ? { address, port } : null
}
