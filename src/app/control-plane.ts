import { readFileSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'
import { type AdminSources, type AdminTls, adminApp } from '../api/admin.ts'
import { openControlSocket } from '../api/control-socket.ts'
import type { Operations } from '../api/operations.ts'
import type { Config } from '../config/schema.ts'
import { openCertificateSource, type ServedCertificate } from '../proxy/listener-certificate.ts'
import { adminSpeaksTls, originOf } from './listeners.ts'
import type { observeWith } from './observe.ts'
import { VERSION } from './version.ts'

/** How often the certificate's files are looked at. Milliseconds. */
const CERTIFICATE_CHECK = 10_000

export interface ControlPlane {
  readonly admin: FastifyInstance
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
  const tls = adminSpeaksTls(config) ? await adminTls(config, observe) : null
  const control = await openControlSocket(operations, config.data, observe.control)
  try {
    const options = { report: observe.control, version: VERSION, metrics, tls: tls?.tls ?? null }
    const admin = await adminApp(sources, operations, options)
    await admin.listen({ host: address, port })
    return {
      admin,
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

async function adminTls(
  config: Config,
  observe: ReturnType<typeof observeWith>,
): Promise<{ readonly tls: AdminTls; close(): void }> {
  const { certificate, names, client_certificates: clients } = config.listeners.admin
  const origin = originOf(certificate, config.data)
  const source = await openCertificateSource(origin, names, () => new Date(), observe.certificate)
  const served = ({ chain, key }: ServedCertificate) => ({
    cert: chain,
    key,
    ...(clients === undefined ? {} : { ca: readFileSync(clients.trust, 'utf8') }),
  })
  let use = (_: ReturnType<typeof served>): void => undefined
  const timer = setInterval(async () => {
    const next = await source.check()
    if (next !== null) use(served(next))
  }, CERTIFICATE_CHECK).unref()
  return {
    tls: {
      options: {
        ...served(source.current()),
        minVersion: 'TLSv1.2',
        requestCert: clients !== undefined,
        rejectUnauthorized: clients?.required === true,
      },
      watch: (taken) => {
        use = taken
      },
    },
    close: () => clearInterval(timer),
  }
}
