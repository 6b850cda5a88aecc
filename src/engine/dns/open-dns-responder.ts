import type { AddressInfo } from 'node:net'
import type { EngineDnsConfig } from '../../config/engine.ts'
import type { Clock } from '../../exchange/clock.ts'
import type { Publisher } from '../publisher.ts'
import { acmeDnsApi, type DnsApiOperation, type DnsApiOutcome, type DnsApiTls } from './acme-dns-api.ts'
import { openDnsSockets } from './dns-sockets.ts'
import { type DnsOutcome, NameService } from './name-service.ts'
import type { DnsRegistrationStore } from './registration-store.ts'
import { Registrations } from './registrations.ts'
import { responderPublisher } from './responder-publisher.ts'
import { Zone } from './zone.ts'

export interface DnsResponderParts {
  readonly store: DnsRegistrationStore
  readonly clock: Clock
  /** For the HTTP API, where that speaks TLS; null: it does not. */
  readonly tls: DnsApiTls | null
  readonly observe: {
    query(outcome: DnsOutcome): void
    apiCall(operation: DnsApiOperation, outcome: DnsApiOutcome): void
    /** A socket or the store has failed; others go on. */
    fault(error: unknown): void
  }
  /** Addresses that may ask as often as they like; without it those of loopback. */
  readonly isExempt?: (address: string) => boolean
}

/** The engine's own DNS server, listening. */
export interface DnsResponder {
  readonly zone: string
  /** UDP and TCP. */
  readonly port: number
  /** Of the HTTP API; null without one. */
  readonly apiPort: number | null
  readonly publisher: Publisher
  readonly registrations: Registrations
  /** Repeating it does no harm. */
  close(): Promise<void>
}

/** Rejects with what listening or the store throws; then nothing listens. */
export async function openDnsResponder(
  config: EngineDnsConfig,
  parts: DnsResponderParts,
): Promise<DnsResponder> {
  const { clock, observe } = parts
  if (config.api?.tls === true && parts.tls === null) throw new Error('engine.dns.api has no certificate')
  const seconds = () => Math.floor(clock.now().wall / 1e6)
  const registrations = await Registrations.open(parts.store, clock, () => zone.changed(seconds()))
  const zone: Zone = new Zone(config, (subdomain) => registrations.values(subdomain), seconds())
  const service = new NameService(zone, clock, parts.isExempt)
  const sockets = await openDnsSockets(
    config,
    (message, address, overTcp) => {
      const { reply, outcome } = service.answer(message, address, overTcp)
      observe.query(outcome)
      return reply
    },
    observe.fault,
  )
  const api =
    config.api === undefined
      ? null
      : acmeDnsApi({
          registrations,
          zone: config.zone,
          register: config.api.register,
          tls: parts.tls,
          clock,
          ...(parts.isExempt === undefined ? {} : { isExempt: parts.isExempt }),
          onCall: observe.apiCall,
          onFault: observe.fault,
        })
  try {
    await api?.listen({ host: config.api?.address ?? '127.0.0.1', port: config.api?.port ?? 0 })
  } catch (error) {
    await sockets.close()
    throw error
  }
  let closing: Promise<unknown> | undefined
  return {
    zone: config.zone,
    port: sockets.port,
    apiPort: api === null ? null : (api.server.address() as AddressInfo).port,
    publisher: responderPublisher(zone, clock),
    registrations,
    async close() {
      closing ??= Promise.all([sockets.close(), api?.close()])
      await closing
    },
  }
}
