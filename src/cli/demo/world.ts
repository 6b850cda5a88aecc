import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { stringify } from 'yaml'
import { type LoadedConfig, loadConfig } from '../../config/load.ts'
import type { Application } from '../application.ts'
import { needProgram } from './child.ts'
import { freePorts } from './free-ports.ts'
import { type Pebble, startPebble } from './pebble.ts'
import { serveFolder } from './web-server.ts'

/** A test CA, a web server and acmetap between the CA and its clients, all in one folder and on loopback. */
export interface World {
  readonly folder: string
  readonly pebble: Pebble
  readonly loaded: LoadedConfig
  /** What clients are given as `--server`. */
  readonly directory: string
  /** PEM file they have to trust. */
  readonly trust: string
  /** The folder that the web server serves. */
  readonly webroot: string
  /** Ends everything and removes the folder. */
  end(): Promise<void>
}

/** Rejects with `ProgramMissing` before anything is started. */
export async function startWorld(application: Application): Promise<World> {
  await needProgram('certbot')
  const folder = await mkdtemp(path.join(tmpdir(), 'acmetap-demo-'))
  const ends: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true, maxRetries: 3 })]
  const end = async (): Promise<void> => {
    for (const one of ends.splice(0).reverse()) await one()
  }
  try {
    const pebble = await startPebble({ folder: path.join(folder, 'pebble'), nonceReject: 0 })
    ends.push(() => pebble.stop())
    const webroot = path.join(folder, 'web')
    await mkdir(webroot)
    const web = await serveFolder(webroot, pebble.httpPort)
    ends.push(() => closeServer(web))
    const [port] = (await freePorts(1)) as [number]
    const file = path.join(folder, 'acmetap.yaml')
    await writeFile(file, configuration(pebble, port))
    const loaded = loadConfig(file)
    const acmetap = await application.start(loaded)
    ends.push(() => acmetap.close())
    return {
      folder,
      pebble,
      loaded,
      directory: `https://localhost:${port}${new URL(pebble.directory).pathname}`,
      trust: path.join(loaded.config.data, 'listener-root.pem'),
      webroot,
      end,
    }
  } catch (error) {
    await end()
    throw error
  }
}

function configuration(pebble: Pebble, port: number): string {
  return stringify({
    version: 1,
    data: './data',
    log: { level: 'error' },
    cas: { pebble: { directory: pebble.directory, trust: pebble.trust, preset: 'pebble' } },
    listeners: { acme: { port, names: ['localhost'] }, admin: { port: 0 } },
    relay: [{ host: `localhost:${port}`, ca: 'pebble' }],
  })
}

async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}
