import { Readable } from 'node:stream'
import fastify, { type FastifyInstance } from 'fastify'
import type { RecordedExchange } from '../audit/record-store.ts'
import { handleErrors, type ReportError } from './error-handler.ts'
import { OperationRefused, type Operations } from './operations.ts'
import { readBackup, readExchangesQuery, readImport, readProbe, readTailQuery } from './requests.ts'

const API = '/api/v1'
/** An empty line now and then shows both ends of a quiet tail that the other is still there. */
const HEARTBEAT_MS = 15_000

/** The control API, for the socket only: whoever reaches it may do everything. `stop` ends every running tail. */
export function controlApp(operations: Operations, report: ReportError, stop: AbortSignal): FastifyInstance {
  const app = fastify({ logger: false, bodyLimit: 10 << 20 })
  handleErrors(app, report)

  app.get(`${API}/exchanges`, async (request) => {
    const { filter, limit } = readExchangesQuery(request.query)
    return { exchanges: await operations.exchanges(filter, limit) }
  })
  app.get<{ Params: { id: string } }>(`${API}/exchanges/:id`, async (request) => {
    return found(await operations.exchange(request.params.id), 'there is no exchange with this id')
  })
  app.get<{ Params: { id: string; digest: string } }>(
    `${API}/exchanges/:id/bodies/:digest`,
    async (request, reply) => {
      const { id, digest } = request.params
      if (!/^[0-9a-f]{64}$/.test(digest)) throw new OperationRefused('a digest is 64 hex digits')
      const body = found(await operations.body(id, digest), 'this body is not kept')
      return reply.type('application/octet-stream').send(body)
    },
  )
  app.get(`${API}/tail`, (request, reply) => {
    const from = readTailQuery(request.query)
    const gone = new AbortController()
    reply.raw.on('close', () => gone.abort())
    const lines = ndjson(operations.tail(from, AbortSignal.any([gone.signal, stop])))
    return reply.type('application/x-ndjson').send(Readable.from(lines, { objectMode: false }))
  })
  app.get(`${API}/accounts`, async () => ({ accounts: await operations.accounts() }))
  app.post(`${API}/accounts`, async (request) => operations.importAccounts(readImport(request.body)))
  app.get(`${API}/cas`, async () => ({ cas: await operations.cas() }))
  app.post(`${API}/cas/probe`, async (request) => ({ cas: await operations.probe(readProbe(request.body)) }))
  app.post(`${API}/backup`, async (request) => operations.backup(readBackup(request.body)))
  app.post(`${API}/config/reload`, async () => operations.reload())
  app.get(`${API}/status`, async () => operations.status())
  return app
}

function found<T>(value: T | null, message: string): T {
  if (value === null) throw new OperationRefused(message, 404)
  return value
}

/** One exchange a line; empty lines mean nothing. The first one comes at once, so that the caller sees the answer. */
async function* ndjson(exchanges: AsyncIterable<RecordedExchange>): AsyncGenerator<string> {
  yield '\n'
  const source = exchanges[Symbol.asyncIterator]()
  let next = source.next()
  try {
    for (;;) {
      const beat = Promise.withResolvers<'beat'>()
      const timer = setTimeout(() => beat.resolve('beat'), HEARTBEAT_MS)
      const result = await Promise.race([next, beat.promise]).finally(() => clearTimeout(timer))
      if (result === 'beat') yield '\n'
      else if (result.done === true) return
      else {
        yield `${JSON.stringify(result.value)}\n`
        next = source.next()
      }
    }
  } finally {
    next.catch(() => undefined)
    await source.return?.()
  }
}
