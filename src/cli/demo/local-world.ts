import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { stringify } from 'yaml'
import { createIssuer } from '../../broker/local-ca/create-local-ca.ts'
import { IssuerFiles } from '../../broker/local-ca/issuer-files.ts'
import { keyLockOf } from '../../broker/local-ca/key-lock-of.ts'
import { type LoadedConfig, loadConfig } from '../../config/load.ts'
import type { Application } from '../application.ts'
import { freePorts } from './free-ports.ts'

/** acmetap as an ACME server over a CA of its own, in one folder and on loopback. */
export interface LocalWorld {
  readonly folder: string
  readonly loaded: LoadedConfig
  /** What clients are given as `--server`. */
  readonly server: string
  /** PEM file they have to trust. */
  readonly trust: string
  /** PEM of the local CA's root. */
  readonly root: string
  /** Where its revocation list is. */
  readonly list: string
  /** Ends everything and removes the folder. */
  end(): Promise<void>
}

const LABEL = 'team-a'

export async function startLocalWorld(application: Application): Promise<LocalWorld> {
  const folder = await mkdtemp(path.join(tmpdir(), 'acmetap-demo-'))
  const ends: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true, maxRetries: 3 })]
  const end = async (): Promise<void> => {
    for (const one of ends.splice(0).reverse()) await one()
  }
  try {
    const [port, adminPort] = (await freePorts(2)) as [number, number]
    const file = path.join(folder, 'acmetap.yaml')
    const list = `http://127.0.0.1:${adminPort}/crl/demo-ca.crl`
    await writeFile(file, configuration(port, adminPort, list))
    const loaded = loadConfig(file)
    const { config } = loaded
    // The server makes the folder, and the engine's key in it; it takes the issuer up when it is there.
    const acmetap = await application.start(loaded)
    ends.push(() => acmetap.close())
    const settings = config.local_cas['demo-ca']!
    const lock = await keyLockOf(settings, { ...config.engine, data: config.data })
    const files = new IssuerFiles(config.data, 'demo-ca')
    const { root } = await createIssuer(files, settings, lock, Date.now() * 1000)
    const server = `https://localhost:${port}/demo/~${LABEL}/directory`
    const trust = path.join(config.data, 'listener-root.pem')
    return { folder, loaded, server, trust, root, list, end }
  } catch (error) {
    await end()
    throw error
  }
}

function configuration(port: number, adminPort: number, list: string): string {
  return stringify({
    version: 1,
    data: './data',
    log: { level: 'error' },
    listeners: { acme: { port, names: ['localhost'] }, admin: { port: adminPort } },
    local_cas: { 'demo-ca': { names: ['.demo.test'], crl: list } },
    broker: [
      {
        name: 'demo',
        cas: ['demo-ca'],
        proof: 'policy',
        eab: 'optional',
        labels: [{ name: LABEL, names: ['.demo.test'], from: ['127.0.0.0/8', '::1/128'] }],
      },
    ],
  })
}
