import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** One address before several instances, as a load balancer with health checks makes it. */
export interface VirtualAddress {
  readonly port: number
  /** Connections given to each, in the order of the ports. */
  readonly given: readonly number[]
  close(): void
}

/** Gives each new connection to the next port in turn; where nothing listens, to the one after that. */
export async function openVirtualAddress(ports: readonly number[]): Promise<VirtualAddress> {
  const given = ports.map(() => 0)
  const open = new Set<Socket>()
  let turn = 0
  const server = createServer({ pauseOnConnect: true }, (client) => {
    open.add(client)
    client.on('error', () => client.destroy())
    client.once('close', () => open.delete(client))
    const first = turn++
    const attempt = (tries: number): void => {
      if (tries === ports.length || client.destroyed) return void client.destroy()
      const index = (first + tries) % ports.length
      const instance = connect({ port: ports[index] ?? 0, host: '127.0.0.1', noDelay: true })
      const refused = () => attempt(tries + 1)
      instance.once('error', refused)
      instance.once('connect', () => {
        given[index] = (given[index] ?? 0) + 1
        instance.off('error', refused).on('error', () => instance.destroy())
        instance.once('close', () => client.destroySoon())
        client.once('close', () => instance.destroy())
        client.setNoDelay(true)
        client.pipe(instance).pipe(client)
      })
    }
    attempt(0)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    given,
    close() {
      server.close()
      for (const socket of open) socket.destroy()
    },
  }
}
