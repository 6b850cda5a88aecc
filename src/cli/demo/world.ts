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
  readonly relay: Way
  readonly intercept: Way & { readonly proxy: string }
  /** The folder that the web server serves. */
  readonly webroot: string
  /** Ends everything and removes the folder. */
  end(): Promise<void>
}

/** How a client gets to the CA through acmetap. */
export interface Way {
  /** What it is given as `--server`. */
  readonly server: string
  /** PEM file it has to trust. */
  readonly trust: string
  /** What it is given as `HTTPS_PROXY`. */
  readonly proxy?: string
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
    const [port, proxyPort] = (await freePorts(2)) as [number, number]
    const file = path.join(folder, 'acmetap.yaml')
    await writeFile(file, configuration(pebble, port, proxyPort))
    const loaded = loadConfig(file)
    const acmetap = await application.start(loaded)
    ends.push(() => acmetap.close())
    return {
      folder,
      pebble,
      loaded,
      relay: {
        server: `https://localhost:${port}${new URL(pebble.directory).pathname}`,
        trust: path.join(loaded.config.data, 'listener-root.pem'),
      },
      intercept: {
        server: pebble.directory,
        trust: await fetchRoot(proxyPort, folder),
        proxy: `http://localhost:${proxyPort}`,
      },
      webroot,
      end,
    }
  } catch (error) {
    await end()
    throw error
  }
}

/** As a client would: from the proxy itself. Resolves with the file's path. */
async function fetchRoot(proxyPort: number, folder: string): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${proxyPort}/root.pem`)
  if (!answer.ok) throw new Error(`GET /root.pem was answered ${answer.status}`)
  const file = path.join(folder, 'interception-root.pem')
  await writeFile(file, await answer.text())
  return file
}

function configuration(pebble: Pebble, port: number, proxyPort: number): string {
  return stringify({
    version: 1,
    data: './data',
    log: { level: 'error' },
    cas: { pebble: { directory: pebble.directory, trust: pebble.trust, preset: 'pebble' } },
    listeners: { acme: { port, names: ['localhost'] }, proxy: { port: proxyPort }, admin: { port: 0 } },
    relay: [{ host: `localhost:${port}`, ca: 'pebble' }],
    intercept: { cas: ['pebble'] },
  })
}

async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
}
