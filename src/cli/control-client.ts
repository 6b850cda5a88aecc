import { type IncomingMessage, request } from 'node:http'
import { createInterface } from 'node:readline'
import type {
  BackupReport,
  CaStatus,
  ImportReport,
  Operations,
  ReloadReport,
  Status,
} from '../api/operations.ts'
import type { ExchangeFilter, RecordedExchange } from '../audit/record-store.ts'
import type { AccountKey } from '../exchange/resource.ts'
import { CliError } from './cli-error.ts'

const QUIET = new Set(['ECONNREFUSED', 'ENOENT'])

interface Call {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: unknown
  readonly signal?: AbortSignal
}

/**
 * The operations of the server behind this socket; null when nobody listens. A socket that may not be used is a
 * {@link CliError}. Calls reject with a CliError that carries the server's own words.
 */
export async function connectControl(socketPath: string): Promise<Operations | null> {
  const call = (one: Call) => exchange(socketPath, one)
  try {
    await json(call({ method: 'GET', path: '/status' }))
  } catch (error) {
    if (error instanceof NoServer) return null
    throw error
  }
  return {
    exchanges: async (filter, limit) =>
      (
        await json<{ exchanges: RecordedExchange[] }>(
          call({ method: 'GET', path: exchangesPath(filter, limit) }),
        )
      ).exchanges,
    exchange: (id) =>
      orNull(json<RecordedExchange>(call({ method: 'GET', path: `/exchanges/${encodeURIComponent(id)}` }))),
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
    accounts: async () =>
      (await json<{ accounts: AccountKey[] }>(call({ method: 'GET', path: '/accounts' }))).accounts,
    importAccounts: (keys) => json<ImportReport>(call({ method: 'POST', path: '/accounts', body: { keys } })),
    cas: async () => (await json<{ cas: CaStatus[] }>(call({ method: 'GET', path: '/cas' }))).cas,
    probe: async (name) =>
      (
        await json<{ cas: CaStatus[] }>(
          call({ method: 'POST', path: '/cas/probe', body: name ? { name } : {} }),
        )
      ).cas,
    backup: (file) => json<BackupReport>(call({ method: 'POST', path: '/backup', body: { file } })),
    reload: () => json<ReloadReport>(call({ method: 'POST', path: '/config/reload', body: {} })),
    status: () => json<Status>(call({ method: 'GET', path: '/status' })),
  }
}

class NoServer extends Error {}
class NotFound extends CliError {}

function exchangesPath(filter: ExchangeFilter, limit: number): string {
  const query = new URLSearchParams({ limit: String(limit) })
  for (const [name, value] of Object.entries(filter)) query.set(name, String(value))
  return `/exchanges?${query}`
}

async function* tail(
  socketPath: string,
  from: number | null,
  signal: AbortSignal,
): AsyncGenerator<RecordedExchange> {
  const path = from === null ? '/tail' : `/tail?from=${from}`
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
  if (response.statusCode === 200) return response
  const detail = detailOf(await collect(response))
  if (response.statusCode === 404) throw new NotFound(detail)
  throw new CliError(detail)
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

function detailOf(body: Buffer): string {
  try {
    return String((JSON.parse(body.toString()) as { detail?: unknown }).detail)
  } catch {
    return 'the server answered something unreadable'
  }
}
