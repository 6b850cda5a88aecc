import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type InterceptingAcmetap, startIntercepting } from '../support/intercepting-acmetap.ts'
import { startTestCa, type TestCa } from '../support/test-ca/test-ca.ts'

/** A test CA that ignores nonces, a host that may be reached blindly, and acmetap before both as an intercepting proxy. */
export interface InterceptWorld {
  readonly ca: TestCa
  readonly acmetap: InterceptingAcmetap
  /** What clients of the test put into HTTPS_PROXY. */
  readonly proxy: string
  /** `127.0.0.1:port`: takes connections, sends back what it gets. */
  readonly blind: string
  close(): Promise<void>
}

export async function openInterceptWorld(): Promise<InterceptWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-intercept-'))
  const ca = await startTestCa({ nonces: 'ignore' })
  const sockets = new Set<Socket>()
  const echo = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    socket.pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(echo, 'listening')
  const blind = `127.0.0.1:${(echo.address() as AddressInfo).port}`
  const closeOthers = async () => {
    for (const socket of sockets) socket.destroy()
    echo.close()
    await ca.close()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const acmetap = await startIntercepting({
      folder,
      directory: ca.directory,
      trust: ca.trust,
      otherHosts: [blind],
    })
    return {
      ca,
      acmetap,
      proxy: `http://127.0.0.1:${acmetap.proxyPort}`,
      blind,
      async close() {
        await acmetap.stop()
        await closeOthers()
      },
    }
  } catch (error) {
    await closeOthers()
    throw error
  }
}
