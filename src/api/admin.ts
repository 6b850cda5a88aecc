import fastify, { type FastifyInstance } from 'fastify'
import { handleErrors, type ReportError } from './error-handler.ts'
import type { CaStatus, StoreStatus } from './operations.ts'

export interface AdminSources {
  store(): StoreStatus | Promise<StoreStatus>
  cas(): Promise<readonly CaStatus[]>
  /** True once the process has begun to end: not ready for new work. */
  draining(): boolean
  metrics(): Promise<{ readonly contentType: string; readonly body: string }>
}

/**
 * The admin listener: `/healthz`, `/readyz`, `/metrics`. Not listening yet.
 * Readiness is the store's and ours alone; a CA's state is in the body and never in the status, or one CA's
 * outage would take the proxy of all others out of service.
 */
export function adminApp(sources: AdminSources, report: ReportError): FastifyInstance {
  const app = fastify({ logger: false, forceCloseConnections: true, bodyLimit: 1024, requestTimeout: 10_000 })
  handleErrors(app, report)
  app.addHook('onSend', async (_request, reply) => {
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff')
  })
  app.get('/healthz', async () => ({ state: 'ok' }))
  app.get('/readyz', async (_request, reply) => {
    const store = await storeState(sources)
    const cas = await caStates(sources)
    const draining = sources.draining()
    const ready = store.state === 'ok' && !draining
    return reply.code(ready ? 200 : 503).send({ ready, draining, store, cas })
  })
  app.get('/metrics', async (_request, reply) => {
    const { contentType, body } = await sources.metrics()
    return reply.type(contentType).send(body)
  })
  return app
}

async function storeState(sources: AdminSources): Promise<StoreStatus> {
  try {
    return await sources.store()
  } catch {
    return { state: 'unavailable', detail: 'its state cannot be read', waiting: 0, lastCommit: 0 }
  }
}

interface CaState {
  readonly name: string
  readonly directories: readonly { readonly url: string; readonly state: string }[]
  readonly relays: readonly { readonly host: string; readonly state: string }[]
}

async function caStates(sources: AdminSources): Promise<readonly CaState[]> {
  try {
    return (await sources.cas()).map(({ name, directories, relays }) => ({
      name,
      directories: directories.map(({ url, state }) => ({ url, state })),
      relays: relays.map(({ host, state }) => ({ host, state })),
    }))
  } catch {
    return []
  }
}
