import type { FastifyInstance } from 'fastify'
import { type AdminSources, adminApp } from '../api/admin.ts'
import { openControlSocket } from '../api/control-socket.ts'
import type { Operations } from '../api/operations.ts'
import type { Config } from '../config/schema.ts'
import { AdminCertificates } from './admin-tls.ts'
import type { observeWith } from './observe.ts'
import { VERSION } from './version.ts'

export interface ControlPlane {
  readonly admin: FastifyInstance
  /** Takes up changed certificate files. */
  refresh(): Promise<void>
  close(): Promise<void>
}

/** Opens the control socket and the admin listener. Rejects with what listening, certificates or files throw. */
export async function openControlPlane(
  config: Config,
  operations: Operations,
  sources: AdminSources,
  observe: ReturnType<typeof observeWith>,
): Promise<ControlPlane> {
  const { address, port, metrics } = config.listeners.admin
  const tls = await AdminCertificates.open(config, observe.certificate)
  const control = await openControlSocket(operations, config.data, observe.control)
  try {
    const options = { report: observe.control, version: VERSION, metrics, tls }
    const admin = await adminApp(sources, operations, options)
    await admin.listen({ host: address, port })
    return {
      admin,
      refresh: async () => tls?.check(),
      async close() {
        tls?.close()
        await Promise.all([admin.close(), control.close()])
      },
    }
  } catch (error) {
    tls?.close()
    await control.close()
    throw error
  }
}
