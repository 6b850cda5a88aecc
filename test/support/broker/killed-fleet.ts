import type { Server } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { serveFolder } from '../../../src/cli/demo/web-server.ts'
import { freePort } from '../child-process.ts'
import { startZoneServer, type ZoneServer } from '../dns-zone-server.ts'
import { BrokerFleet, type FleetOptions } from './broker-fleet.ts'

/** A fleet whose clients prove names by http-01, and whose acmetap dies and is started again. */
export class KilledFleet {
  readonly fleet: BrokerFleet
  readonly #dns: ZoneServer
  readonly #web: Server

  private constructor(fleet: BrokerFleet, dns: ZoneServer, web: Server) {
    this.fleet = fleet
    this.#dns = dns
    this.#web = web
  }

  /** Every name has the address 127.0.0.1. */
  static async start(options: FleetOptions): Promise<KilledFleet> {
    const dns = await startZoneServer(({ name, type }) => ({
      answers: type === 'A' ? [{ type: 'A', name, ttl: 60, data: '127.0.0.1' }] : [],
    }))
    const port = await freePort()
    const fleet = await BrokerFleet.start({
      ...options,
      endpoint: {
        proof: 'challenge',
        challenges: {
          types: ['http-01'],
          http_port: port,
          resolvers: [`${dns.address}:${dns.port}`],
          internal: ['127.0.0.0/8'],
        },
        ...options.endpoint,
      },
    })
    return new KilledFleet(fleet, dns, await serveFolder(fleet.webroot, port))
  }

  /** SIGKILL now. */
  async kill(): Promise<void> {
    await this.fleet.acmetap.kill()
  }

  /** Whether the process dies by itself within so many ms. */
  async dies(ms: number): Promise<boolean> {
    const late = new AbortController()
    const isLate = sleep(ms, false, { signal: late.signal }).catch(() => false)
    const ended = this.fleet.acmetap.process.ended.then((how) => how === 'SIGKILL')
    const died = await Promise.race([isLate, ended])
    late.abort()
    return died
  }

  async close(): Promise<void> {
    await this.fleet.close()
    this.#web.close()
    this.#web.closeAllConnections()
    await this.#dns.close()
  }
}
