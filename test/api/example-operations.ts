/** Operations that hold exactly the examples of the document, and the admin listener over them. */
import type { FastifyInstance } from 'fastify'
import { type AdminOptions, type AdminSources, adminApp } from '../../src/api/admin.ts'
import {
  alertExample,
  channelExample,
  deliveryExample,
  endpointExample,
  silenceExample,
} from '../../src/api/alert-examples.ts'
import {
  brokerOrderExample,
  brokerStatusExample,
  createdEabKeyExample,
  drillExample,
  eabKeyExample,
  localCertificateExample,
} from '../../src/api/broker-examples.ts'
import {
  applyExample,
  chainExample,
  dnsRegistrationExample,
  engineAccountExample,
  engineJobExample,
  issueExample,
  managedCertificateExample,
  planExample,
} from '../../src/api/engine-examples.ts'
import {
  accountExample,
  accountKeyExample,
  bodyExample,
  casExample,
  certificateExample,
  challengeExample,
  clientExample,
  exchangeExample,
  failureExample,
  orderDetailExample,
  pemExample,
  progressExample,
  rateLimitExample,
  summaryExample,
  tokenExample,
} from '../../src/api/examples.ts'
import type { ShownToken } from '../../src/api/operations.ts'
import {
  checkExample,
  explanationExample,
  policyExample,
  recordedExplanationExample,
  replayExample,
  testReportExample,
} from '../../src/api/policy-examples.ts'
import type { Role } from '../../src/audit/token.ts'
import { FakeOperations } from '../support/fake-operations.ts'

export const LOCAL = { kind: 'local', token: null, name: null } as const

export class ExampleOperations extends FakeOperations {
  constructor() {
    super([exchangeExample])
    this.kept.set(bodyExample.digest, Buffer.from(bodyExample.text))
    this.keys.push(accountKeyExample)
    const { inventory } = this
    inventory.recordedExchanges = [exchangeExample]
    inventory.accountList = [accountExample]
    inventory.clientList = [clientExample]
    inventory.orderList = [orderDetailExample]
    inventory.challengeList = [challengeExample]
    inventory.certificateList = [certificateExample]
    inventory.failureList = [
      failureExample,
      { ...failureExample, id: '1'.repeat(16), names: ['shop.example.com'] },
      { ...failureExample, id: '2'.repeat(16), names: ['blog.example.com'] },
    ]
    inventory.pems.set(certificateExample.fingerprint, pemExample)
    inventory.totals = summaryExample
    inventory.standing = progressExample
    inventory.rateLimits = async () => ({ items: [rateLimitExample], next: null })
    this.localCa.list = [localCertificateExample]
    const { orders } = inventory
    // A list has orders without their timelines.
    inventory.orders = async (filter) => {
      const page = await orders.call(inventory, filter)
      const items = page.items.map(({ authorizations: _a, timeline: _t, ...order }) => order)
      return { ...page, items: items as never }
    }
    const { alerts } = this
    alerts.alertList = [alertExample]
    alerts.deliveryList = [deliveryExample]
    alerts.silenceList = [silenceExample]
    alerts.endpointList = [{ ...endpointExample, endpoint: 'mail.example.com:25/smtp' }]
    this.channelStates = [channelExample]
    const { policies } = this
    policies.shown = policyExample
    policies.checked = checkExample
    policies.explained = explanationExample
    policies.recorded.set(exchangeExample.id, recordedExplanationExample)
    policies.tested = testReportExample
    policies.events = [...replayExample]
    const { engine } = this
    engine.accountList = [engineAccountExample]
    engine.certificateList = [managedCertificateExample]
    engine.jobList = [engineJobExample]
    engine.events = [...issueExample]
    engine.planList = [planExample]
    engine.registrationList = [dnsRegistrationExample.registration]
    engine.reissueEvents = [...applyExample]
    engine.chains.set(`${planExample.id}/1`, chainExample)
    const { broker } = this
    broker.shown = brokerStatusExample
    broker.orderList = [brokerOrderExample]
    broker.keyList = [eabKeyExample]
    broker.drillList = [drillExample]
    broker.directories = createdEabKeyExample.directories
    this.unpauseLinks.set(accountExample.url, 'https://ca.example.com/unpause?jwt=x')
    this.shownTokens.push({
      ...tokenExample,
      role: 'viewer',
      createdAt: 1_800_000_000_000_000,
      expires: null,
    } as ShownToken)
  }

  override async probe() {
    return casExample.cas as never
  }
  override async cas() {
    return casExample.cas as never
  }
  /** Ends by itself, so that a feed does. */
  override async *tail(from: number | null) {
    this.calls.push(['tail', from])
    yield* this.upcoming
  }
}

export interface Admin {
  readonly app: FastifyInstance
  readonly operations: FakeOperations
  readonly reported: unknown[]
  /** Fields of a bearer with this role. */
  bearer(role: Role): Promise<{ readonly authorization: string }>
}

export async function openAdmin(
  operations: FakeOperations = new ExampleOperations(),
  options: Partial<AdminOptions> = {},
  sources: Partial<AdminSources> = {},
): Promise<Admin> {
  const reported: unknown[] = []
  const app = await adminApp(
    {
      store: () => ({ state: 'ok', detail: null, waiting: 0, lastCommit: 300 }),
      cas: async () => [],
      draining: () => false,
      metrics: async () => ({ contentType: 'text/plain; version=0.0.4', body: 'acmetap_up 1\n' }),
      ...sources,
    },
    operations,
    { report: (error) => reported.push(error), version: '0.0.0', metrics: 'open', tls: null, ...options },
  )
  await app.ready()
  const texts = new Map<Role, string>()
  return {
    app,
    operations,
    reported,
    async bearer(role) {
      const known = texts.get(role) ?? (await made(operations, role))
      texts.set(role, known)
      return { authorization: `Bearer ${known}` }
    },
  }
}

async function made(operations: FakeOperations, role: Role): Promise<string> {
  return (await operations.createToken({ name: role, role, expires: null }, LOCAL)).text
}
