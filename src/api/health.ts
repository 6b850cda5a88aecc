import type { FastifyInstance } from 'fastify'
import type { CaStatus, StoreStatus } from './operations.ts'

export interface HealthSources {
  store(): StoreStatus | Promise<StoreStatus>
  cas(): Promise<readonly CaStatus[]>
  /** True once the process has begun to end: not ready for new work. */
  draining(): boolean
}

/**
 * `/healthz` and `/readyz`, for everybody. Readiness is the store's and ours alone; a CA's state is in the body and
 * never in the status, or one CA's outage would take the proxy of all others out of service.
 */
export function addHealth(app: FastifyInstance, sources: HealthSources): void {
  app.get('/healthz', async () => ({ state: 'ok' }))
  app.get('/readyz', async (_request, reply) => {
    const store = await storeState(sources)
    const cas = await caStates(sources)
    const draining = sources.draining()
    const ready = store.state === 'ok' && !draining
    return reply.code(ready ? 200 : 503).send({ ready, draining, store, cas })
  })
}

async function storeState(sources: HealthSources): Promise<StoreStatus> {
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

async function caStates(sources: HealthSources): Promise<readonly CaState[]> {
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
