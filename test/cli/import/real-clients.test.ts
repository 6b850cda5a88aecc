import { X509Certificate } from 'node:crypto'
import { mkdir, mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePorts } from '../../../src/cli/demo/free-ports.ts'
import { type Pebble, startPebble } from '../../../src/cli/demo/pebble.ts'
import { readCertificateFiles } from '../../../src/cli/import/read-certificate-files.ts'
import { reasonWithout } from '../../support/missing.ts'
import { caddy } from '../../support/peers/caddy.ts'
import { certbot } from '../../support/peers/certbot.ts'
import type { AcmeClient, Surroundings } from '../../support/peers/client.ts'
import { dehydrated } from '../../support/peers/dehydrated.ts'
import { lego } from '../../support/peers/lego.ts'
import { uacme } from '../../support/peers/uacme.ts'

let folder: string
let pebble: Pebble
const missing = await reasonWithout('pebble', 'pebble-challtestsrv')

beforeAll(async () => {
  if (missing !== null) return
  folder = await realpath(await mkdtemp(path.join(tmpdir(), 'acmetap-real-import-')))
  pebble = await startPebble({ folder: path.join(folder, 'pebble'), nonceReject: 0, alwaysValid: true })
})
afterAll(async () => {
  await pebble?.stop()
  if (missing === null) await rm(folder, { recursive: true, force: true })
})

/** `keepsOlder`: it is run twice. dehydrated keeps older ones too, but a run of it takes long. */
const CLIENTS: readonly {
  readonly client: AcmeClient
  readonly tellsCa: boolean
  readonly keepsOlder: boolean
}[] = [
  { client: certbot, tellsCa: true, keepsOlder: true },
  { client: lego, tellsCa: true, keepsOlder: false },
  { client: dehydrated, tellsCa: true, keepsOlder: false },
  { client: caddy, tellsCa: true, keepsOlder: false },
  { client: uacme, tellsCa: false, keepsOlder: true },
]

test.for(CLIENTS)(
  '$client.name: what it keeps after an issuance and a renewal',
  async ({ client, tellsCa, keepsOlder }, context) => {
    const reason = missing ?? (await client.missing())
    if (reason !== null) context.skip(reason)
    const own = path.join(folder, client.name)
    const webroot = path.join(folder, `${client.name}-web`)
    await mkdir(own)
    await mkdir(path.join(webroot, '.well-known', 'acme-challenge'), { recursive: true })
    const [httpPort = 0, tlsPort = 0] = await freePorts(2)
    const surroundings: Surroundings = {
      folder: own,
      directory: pebble.directory,
      trust: pebble.trust,
      webroot,
      dnsManagement: pebble.dnsManagement,
      dnsServer: pebble.dnsServer,
      listens: { address: '127.0.0.1', httpPort, tlsPort },
    }
    const wish = { name: `${client.name}.example.test`, method: 'http-01' } as const
    const renew = keepsOlder ? client.renew : undefined
    for (const run of [client.issue, ...(renew === undefined ? [] : [renew])]) {
      const { code, output } = await run.call(client, surroundings, wish)
      expect({ code, output: code === 0 ? '' : output }).toEqual({ code: 0, output: '' })
    }

    const truth = new X509Certificate(await readFile(client.certificate(surroundings, wish)))
    const given = {
      config: { cas: { pebble: { directory: [pebble.directory] } }, relay: [] } as never,
      host: 'here',
      unmanaged: false,
      ca: null,
      input: () => Promise.reject(new Error('nobody asked for it')),
    }
    const { found, problems, leftOut } = await readCertificateFiles([own], { ...given, history: false })
    expect(problems).toEqual([])
    expect(found).toMatchObject([
      {
        fingerprint: truth.fingerprint256.replaceAll(':', '').toLowerCase(),
        names: [wish.name],
        notAfter: truth.validToDate.getTime() * 1000,
        format: client.name,
        ca: tellsCa ? 'pebble' : null,
      },
    ])
    expect(found[0]!.pem.split('BEGIN CERTIFICATE')).toHaveLength(3)
    expect(leftOut.older).toBe(keepsOlder ? 1 : 0)
    const all = await readCertificateFiles([own], { ...given, history: true })
    expect(all.found).toHaveLength(keepsOlder ? 2 : 1)
  },
)
