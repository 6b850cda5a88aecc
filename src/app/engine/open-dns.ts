import type { EngineOperations, ShownDnsRegistration } from '../../api/engine-operations.ts'
import { OperationRefused } from '../../api/operations.ts'
import type { EventRecorder } from '../../audit/keeping.ts'
import type { Config } from '../../config/schema.ts'
import type { DnsResponder, DnsResponderParts } from '../../engine/dns/open-dns-responder.ts'
import type { DnsRegistration, DnsRegistrationStore } from '../../engine/dns/registration-store.ts'
import type { Publisher } from '../../engine/publisher.ts'
import type { Clock } from '../../exchange/clock.ts'
import type { Closing } from '../closing.ts'
import { moment } from './shown.ts'

interface Parts {
  readonly store: DnsRegistrationStore
  readonly clock: Clock
  readonly observe: Pick<DnsResponderParts['observe'], 'query' | 'apiCall'>
  readonly onFault: (error: unknown) => void
}

type DnsOperations = Pick<EngineOperations, 'dnsRegistrations' | 'registerDns' | 'removeDnsRegistration'>

export interface OpenDns {
  /** Null without `engine.dns`. */
  readonly responder: DnsResponder | null
  readonly publisher: Publisher | null
  operations(events: EventRecorder): DnsOperations
}

/** The DNS server of the configuration, listening; nothing where there is none. */
export async function openDns(config: Config, parts: Parts, closing: Closing): Promise<OpenDns> {
  const { dns } = config.engine
  if (dns === undefined) return { responder: null, publisher: null, operations: () => NONE }
  const { store, clock, observe, onFault } = parts
  const tls =
    dns.api?.tls === true
      ? await (await import('./dns-api-certificate.ts')).dnsApiCertificate(config, dns.api, (event) => {
          if (event.kind === 'certificateRefused') onFault(new Error(event.detail))
        })
      : null
  if (tls !== null) closing.add(() => tls.close())
  const { openDnsResponder } = await import('../../engine/dns/open-dns-responder.ts')
  const responder = await openDnsResponder(dns, {
    store,
    clock,
    tls,
    observe: { ...observe, fault: onFault },
  })
  closing.add(() => responder.close())
  const { registrations } = responder
  return {
    responder,
    publisher: responder.publisher,
    operations: (events) => ({
      dnsRegistrations: async () => registrations.list().map((one) => shownOf(one, responder.zone)),
      async registerDns(allowFrom, actor) {
        await events.record(actor, {
          event: 'engineAsked',
          action: 'registerDns',
          subject: allowFrom.join(' '),
        })
        const { registration, password } = await registrations.register(allowFrom)
        return { registration: shownOf(registration, responder.zone), password }
      },
      async removeDnsRegistration(subdomain, actor) {
        await events.record(actor, { event: 'engineAsked', action: 'removeDns', subject: subdomain })
        if (!(await registrations.remove(subdomain)))
          throw new OperationRefused('there is no such registration; see acmetap engine dns list', 404)
      },
    }),
  }
}

function shownOf(registration: DnsRegistration, zone: string): ShownDnsRegistration {
  const { subdomain, username, allowFrom, createdAt, updatedAt } = registration
  return {
    subdomain,
    fullDomain: `${subdomain}.${zone}`,
    username,
    allowFrom,
    createdAt: moment(createdAt),
    updatedAt: updatedAt === null ? null : moment(updatedAt),
  }
}

const refuse = async (): Promise<never> => {
  throw new OperationRefused('no DNS responder is configured: write engine.dns', 409)
}

const NONE: DnsOperations = { dnsRegistrations: refuse, registerDns: refuse, removeDnsRegistration: refuse }
