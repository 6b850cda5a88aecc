import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { connect as connectTcp, type Socket } from 'node:net'
import path from 'node:path'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { Otherwise } from '../matrix/run-case.ts'
import { AT, CA_NAME, PORTS, type World } from '../matrix/world.ts'
import { writeHosts } from '../support/namespace.ts'
import { startTap, type TappedExchange } from '../support/tap.ts'

/** Where clients find a tap in acmetap's place: as a proxy, and under the CA's name. */
const ADDRESS = '10.77.0.30'

export interface FrontTaps {
  /** The way that leads a client of that mode through a tap. */
  readonly way: Readonly<Record<'intercept' | 'sni', Otherwise>>
  exchanges(): TappedExchange[]
  close(): Promise<void>
}

/** Taps between clients and acmetap: each goes on to acmetap as a client of that mode would, and trusts its root. */
export async function startFrontTaps(world: World): Promise<FrontTaps> {
  const ca = await readFile(world.trust('intercept'), 'utf8')
  const secure = (socket: Socket): TLSSocket =>
    connectTls({ socket, servername: CA_NAME, ca, ALPNProtocols: ['http/1.1'] })
  const names = [CA_NAME]
  const proxy = await startTap(null, {
    address: ADDRESS,
    port: PORTS.proxy,
    names,
    asProxy: true,
    onward: async () => secure(await tunnelTo(CA_NAME)),
  })
  const sni = await startTap(null, {
    address: ADDRESS,
    port: 443,
    names,
    onward: async () => secure(connectTcp(443, AT.acmetap)),
  })
  const file = (name: string): string => path.join(world.folder, name)
  await writeFile(file('tap-proxy.pem'), proxy.root)
  await writeFile(file('tap-sni.pem'), sni.root)
  writeHosts(file('hosts-tap'), { [CA_NAME]: ADDRESS })
  return {
    way: {
      intercept: { proxy: `http://${ADDRESS}:${PORTS.proxy}`, trust: file('tap-proxy.pem') },
      sni: { hosts: file('hosts-tap'), trust: file('tap-sni.pem') },
    },
    exchanges: () => [...proxy.exchanges(), ...sni.exchanges()],
    async close() {
      await proxy.close()
      await sni.close()
    },
  }
}

async function tunnelTo(name: string): Promise<Socket> {
  const socket = connectTcp(PORTS.proxy, AT.acmetap)
  await once(socket, 'connect')
  socket.write(`CONNECT ${name}:443 HTTP/1.1\r\nHost: ${name}:443\r\n\r\n`)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  if (!/^HTTP\/1\.[01] 200/.test(answer.toString('latin1'))) throw new Error(`CONNECT: ${answer}`)
  return socket
}
