import type { IncomingMessage } from 'node:http'
import { createInterface } from 'node:readline'
import type {
  CreatedDnsRegistration,
  EngineEvent,
  EngineOperations,
  ReissueEvent,
  ShownDnsRegistration,
  ShownEngineAccount,
  ShownJob,
  ShownManagedCertificate,
  ShownPlan,
} from '../api/engine-operations.ts'
import type { FailedEvent } from '../api/event-lines.ts'
import { filterQuery } from '../api/filter-query.ts'
import type { ReissuePlan } from '../engine/reissue/plan.ts'
import { CliError } from './cli-error.ts'

interface Calls {
  get<T>(path: string): Promise<T>
  post<T>(path: string, body?: unknown): Promise<T>
  remove(path: string): Promise<void>
  raw(path: string): Promise<Buffer>
  /** An answer that comes line by line, once it is known to be one. */
  stream(path: string, body: unknown, signal: AbortSignal): Promise<IncomingMessage>
  orNull<T>(answer: Promise<T>): Promise<T | null>
}

/** The engine of the server behind a control socket. */
export function remoteEngine({ get, post, remove, raw, stream, orNull }: Calls): EngineOperations {
  const account = (ca: string, what: string) => `/engine/accounts/${encodeURIComponent(ca)}/${what}`
  return {
    accounts: async () => (await get<{ accounts: ShownEngineAccount[] }>('/engine/accounts')).accounts,
    register: (request) => post('/engine/accounts', request),
    updateContact: (ca, contact) => post(account(ca, 'contact'), { contact }),
    rollOver: (ca) => post(account(ca, 'roll-over')),
    deactivate: (ca) => post(account(ca, 'deactivate')),
    certificates: async () =>
      (await get<{ certificates: ShownManagedCertificate[] }>('/engine/certificates')).certificates,
    jobs: async (filter) => (await get<{ jobs: ShownJob[] }>(`/engine/jobs?${filterQuery(filter)}`)).jobs,
    issue: (request, _actor, signal) => events<EngineEvent>(stream, '/engine/issue', request, signal),
    renew: (request, _actor, signal) => events<EngineEvent>(stream, '/engine/renew', request, signal),
    revoke: (request) => post('/engine/revoke', request),
    plans: async () => (await get<{ plans: ReissuePlan[] }>('/reissue/plans')).plans,
    plan: (id) => orNull(get<ShownPlan>(`/reissue/plans/${encodeURIComponent(id)}`)),
    makePlan: (request) => post('/reissue/plans', request),
    applyPlan: (id, _actor, signal) =>
      events<ReissueEvent>(stream, `/reissue/plans/${encodeURIComponent(id)}/apply`, {}, signal),
    async pickup(plan, line) {
      const pem = await orNull(raw(`/reissue/plans/${encodeURIComponent(plan)}/lines/${line}/pem`))
      return pem === null ? null : pem.toString()
    },
    dnsRegistrations: async () =>
      (await get<{ registrations: ShownDnsRegistration[] }>('/engine/dns/registrations')).registrations,
    registerDns: (allowFrom) => post<CreatedDnsRegistration>('/engine/dns/registrations', { allowFrom }),
    removeDnsRegistration: (subdomain) =>
      remove(`/engine/dns/registrations/${encodeURIComponent(subdomain)}`),
  }
}

/** Ends early when the signal aborts. */
async function* events<T extends { readonly kind: string }>(
  stream: Calls['stream'],
  path: string,
  body: unknown,
  signal: AbortSignal,
): AsyncGenerator<T> {
  try {
    const answer = await stream(path, body, signal)
    for await (const line of createInterface({ input: answer, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (line === '') continue
      const event = JSON.parse(line) as T | FailedEvent
      if (event.kind === 'failed') throw new CliError((event as FailedEvent).detail)
      yield event as T
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
