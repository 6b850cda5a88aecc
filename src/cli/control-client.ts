import { type IncomingMessage, request } from 'node:http'
import { createInterface } from 'node:readline'
import type { Alert, Silence } from '../alerts/alert.ts'
import type { AlertReader } from '../alerts/alert-desk.ts'
import type { EndpointState } from '../alerts/endpoint.ts'
import { filterQuery } from '../api/filter-query.ts'
import type {
  BackupReport,
  CaStatus,
  CertificateImport,
  CertificateImportReport,
  ChannelState,
  ChannelTest,
  ImportReport,
  Operations,
  ReloadReport,
  ShownToken,
  Status,
} from '../api/operations.ts'
import type { ControlProblem } from '../api/problem.ts'
import type { InventoryProgress, InventoryReader } from '../audit/inventory/inventory-reader.ts'
import type { Summary } from '../audit/inventory/summary.ts'
import { FilterRefused, type Page } from '../audit/inventory/values.ts'
import type { Forgotten } from '../audit/keeping.ts'
import type { ExchangeFilter, RecordedExchange } from '../audit/record-store.ts'
import type { AccountKey } from '../exchange/resource.ts'
import { CliError } from './cli-error.ts'
import { remoteBroker } from './control-broker.ts'
import { remoteEngine } from './control-engine.ts'
import { remoteLocalCa } from './control-local-ca.ts'
import { remotePolicies } from './control-policies.ts'

const QUIET = new Set(['ECONNREFUSED', 'ENOENT'])

interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly body?: unknown
  readonly signal?: AbortSignal
}

/**
 * The operations of the server behind this socket; null when nobody listens. A socket that may not be used is a
 * {@link CliError}. Calls reject with a CliError that carries the server's own words, or with the FilterRefused that
 * they would have rejected with without a server.
 */
export async function connectControl(socketPath: string): Promise<Operations | null> {
  const call = (one: Call) => exchange(socketPath, one)
  try {
    await json(call({ method: 'GET', path: '/status' }))
  } catch (error) {
    if (error instanceof NoServer) return null
    throw error
  }
  const get = <T>(path: string) => json<T>(call({ method: 'GET', path }))
  const post = <T>(path: string, body: unknown = {}) => json<T>(call({ method: 'POST', path, body }))
  const stream = (path: string, body: unknown, signal: AbortSignal) =>
    succeed(call({ method: 'POST', path, body, signal }))
  const remove = async (path: string) => void (await succeed(call({ method: 'DELETE', path })))
  return {
    inventory: remoteInventory(get, (path) => bytes(call({ method: 'GET', path }))),
    alerts: remoteAlerts(get),
    policies: remotePolicies({ get, post, stream, orNull }),
    engine: remoteEngine({
      ...{ get, post, remove, stream, orNull },
      raw: (path) => bytes(call({ method: 'GET', path })),
    }),
    broker: remoteBroker({ get, post }),
    localCa: remoteLocalCa({ get, post }),
    exchanges: async (filter, limit) =>
      (await get<{ exchanges: RecordedExchange[] }>(recordPath(filter, limit))).exchanges,
    exchange: (id) => orNull(get<RecordedExchange>(`/exchanges/${encodeURIComponent(id)}`)),
    body: (exchange, digest) =>
      orNull(
        bytes(
          call({
            method: 'GET',
            path: `/exchanges/${encodeURIComponent(exchange)}/bodies/${encodeURIComponent(digest)}`,
          }),
        ),
      ),
    tail: (from, signal) => tail(socketPath, from, signal),
    accounts: async () => (await get<{ keys: AccountKey[] }>('/accounts/keys')).keys,
    importAccounts: (keys) => post<ImportReport>('/accounts/keys', { keys }),
    cas: async () => (await get<{ cas: CaStatus[] }>('/cas')).cas,
    probe: async (name) => (await post<{ cas: CaStatus[] }>('/cas/probe', name ? { name } : {})).cas,
    backup: (file) => post<BackupReport>('/backup', { file }),
    reload: () => post<ReloadReport>('/config/reload'),
    status: () => get<Status>('/status'),
    importCertificates: (given) => importInParts(given, (part) => post('/import/certificates', part)),
    rebuild: async () => {
      await post('/inventory/rebuild')
    },
    forget: (value, _actor, dry) => post<Forgotten>('/forget', { value, dry }),
    tokens: async () => (await get<{ tokens: ToldToken[] }>('/tokens')).tokens.map(shownToken),
    async createToken({ name, role, expires }) {
      const wanted = { name, role, expires: expires === null ? null : new Date(expires / 1000).toISOString() }
      const { token, text } = await post<{ token: ToldToken; text: string }>('/tokens', wanted)
      return { token: shownToken(token), text }
    },
    async revokeToken(id) {
      await succeed(call({ method: 'DELETE', path: `/tokens/${encodeURIComponent(id)}` }))
    },
    silence: (request) => post<Silence>('/silences', request).catch(refusedFilter),
    async endSilence(id) {
      await succeed(call({ method: 'DELETE', path: `/silences/${encodeURIComponent(id)}` }))
    },
    channels: async () => (await get<{ channels: ChannelState[] }>('/channels')).channels,
    testChannel: (name) => post<ChannelTest>(`/channels/${encodeURIComponent(name)}/test`),
    addEndpoint: (endpoint) => post<EndpointState>('/endpoints', { endpoint }),
    async removeEndpoint(endpoint) {
      await succeed(call({ method: 'DELETE', path: `/endpoints/${encodeURIComponent(endpoint)}` }))
    },
    authenticate: () => Promise.reject(new CliError('only the server itself looks tokens up')),
    unpauseLink: async (account) =>
      (await orNull(get<{ link: string }>(`/accounts/${encodeURIComponent(account)}/unpause-link`)))?.link ??
      null,
    async note(_actor, { event, what, filter, ...more }) {
      if (event === 'searched') return
      await succeed(call({ method: 'POST', path: '/record/exports', body: { what, filter, ...more } }))
    },
  }
}

type Get = <T>(path: string) => Promise<T>

/** Every filter goes over as the schema reads it. */
function listOf<T>(get: Get, path: string, name: string) {
  return async (filter: object): Promise<Page<T>> => {
    const asked = get<Record<string, T[]> & { next: string | null }>(`${path}?${filterQuery(filter)}`)
    const page = await asked.catch(refusedFilter)
    return { items: page[name] as T[], next: page.next }
  }
}

function remoteAlerts(get: Get): AlertReader {
  return {
    alerts: listOf(get, '/alerts', 'alerts'),
    alert: (id) => orNull(get<Alert>(`/alerts/${encodeURIComponent(id)}`)),
    deliveries: listOf(get, '/notifications', 'notifications'),
    silences: async (ended) =>
      (await get<{ silences: Silence[] }>(`/silences?${filterQuery({ ended })}`)).silences,
    endpoints: listOf(get, '/endpoints', 'endpoints'),
  }
}

function remoteInventory(get: Get, raw: (path: string) => Promise<Buffer>): InventoryReader {
  const list = <T>(path: string, name: string) => listOf<T>(get, path, name)
  const one = <T>(path: string, id: string) => orNull(get<T>(`${path}/${encodeURIComponent(id)}`))
  return {
    exchanges: list('/exchanges', 'exchanges'),
    accounts: list('/accounts', 'accounts'),
    clients: list('/clients', 'clients'),
    orders: list('/orders', 'orders'),
    order: (id) => one('/orders', id),
    challenges: list('/challenges', 'challenges'),
    certificates: list('/certificates', 'certificates'),
    certificate: (id) => one('/certificates', id),
    certificatePem: async (fingerprint) => {
      const pem = await orNull(raw(`/certificates/${encodeURIComponent(fingerprint)}/pem`))
      return pem === null ? null : pem.toString()
    },
    failures: list('/failures', 'failures'),
    rateLimits: list('/rate-limits', 'rateLimits'),
    summary: (filter) => get<Summary>(`/summary?${filterQuery(filter)}`).catch(refusedFilter),
    progress: () => get<InventoryProgress>('/inventory/progress'),
  }
}

/** Of one request to import; the server takes 16 MiB and 2000 certificates. */
const PART = { bytes: 8 << 20, certificates: 1000 }

/** Any number of certificates, in as many requests as they need. */
async function importInParts(
  { certificates, ...about }: CertificateImport,
  send: (part: CertificateImport) => Promise<CertificateImportReport>,
): Promise<CertificateImportReport> {
  const total = { added: 0, known: 0, problems: [] as string[] }
  let rest = certificates
  do {
    let [count, size] = [0, 0]
    while (count < rest.length && count < PART.certificates && size < PART.bytes) {
      size += Buffer.byteLength(JSON.stringify(rest[count]))
      count += 1
    }
    const report = await send({ ...about, certificates: rest.slice(0, count) })
    total.added += report.added
    total.known += report.known
    total.problems.push(...report.problems)
    rest = rest.slice(count)
  } while (rest.length > 0)
  return total
}

type ToldToken = Omit<ShownToken, 'createdAt' | 'expires'> & {
  readonly createdAt: string
  readonly expires: string | null
}

function shownToken({ createdAt, expires, ...token }: ToldToken): ShownToken {
  return {
    ...token,
    createdAt: Date.parse(createdAt) * 1000,
    expires: expires === null ? null : Date.parse(expires) * 1000,
  }
}

class NoServer extends Error {}
class NotFound extends CliError {}

/** By name, where the server said so. */
class Refused extends CliError {
  readonly parameters: NonNullable<ControlProblem['parameters']>
  constructor(detail: string, parameters: NonNullable<ControlProblem['parameters']>) {
    super(detail)
    this.parameters = parameters
  }
}

/** What a reader without a server throws. A value that is no filter at all is told with that value. */
function refusedFilter(error: unknown): never {
  if (error instanceof Refused) {
    const [refused, ...others] = error.parameters
    if (refused?.value === null && others.length === 0) throw new FilterRefused(refused.name, refused.message)
  }
  throw error
}

function recordPath(filter: ExchangeFilter, limit: number): string {
  const query = new URLSearchParams({ limit: String(limit) })
  for (const [name, value] of Object.entries(filter)) query.set(name, String(value))
  return `/record/exchanges?${query}`
}

async function* tail(
  socketPath: string,
  from: number | null,
  signal: AbortSignal,
): AsyncGenerator<RecordedExchange> {
  const path = `/events?format=ndjson${from === null ? '' : `&from=${from}`}`
  try {
    const response = await succeed(exchange(socketPath, { method: 'GET', path, signal }))
    for await (const line of createInterface({ input: response, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (line !== '') yield JSON.parse(line) as RecordedExchange
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

function exchange(socketPath: string, { method, path, body, signal }: Call): Promise<IncomingMessage> {
  const text = body === undefined ? undefined : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        socketPath,
        method,
        path: `/api/v1${path}`,
        agent: false,
        headers: {
          host: 'acmetap',
          ...(text === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
        },
        ...(signal === undefined ? {} : { signal }),
      },
      resolve,
    )
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      if (QUIET.has(error.code ?? '')) reject(new NoServer())
      else if (error.code === 'EACCES') {
        reject(new CliError(`no right to use ${socketPath}`, 'Run this as the user that runs the server.'))
      } else reject(new CliError(`the server did not answer: ${error.message}`, 'See its log.'))
    })
    outgoing.end(text)
  })
}

async function succeed(answer: Promise<IncomingMessage>): Promise<IncomingMessage> {
  const response = await answer
  if (response.statusCode !== undefined && response.statusCode < 300) return response
  const { detail, parameters } = problemIn(await collect(response))
  if (response.statusCode === 404) throw new NotFound(detail)
  throw new Refused(detail, parameters ?? [])
}

async function bytes(answer: Promise<IncomingMessage>): Promise<Buffer> {
  return collect(await succeed(answer))
}

async function json<T>(answer: Promise<IncomingMessage>): Promise<T> {
  return JSON.parse((await bytes(answer)).toString()) as T
}

async function orNull<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof NotFound) return null
    throw error
  }
}

async function collect(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function problemIn(body: Buffer): Pick<ControlProblem, 'detail' | 'parameters'> {
  try {
    return JSON.parse(body.toString()) as ControlProblem
  } catch {
    return { detail: 'the server answered something unreadable' }
  }
}
