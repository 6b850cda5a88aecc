import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { freePorts } from '../../../../src/cli/demo/free-ports.ts'
import { type Pebble, startPebble } from '../../../../src/cli/demo/pebble.ts'
import { startAcmetap } from '../../acmetap-process.ts'
import { runMain } from '../../run-main.ts'
import { type Answers, FORBIDDEN } from './script.ts'

export interface AcmeServer {
  readonly directory: string
  /** PEM of the root behind its TLS certificate. */
  readonly trust: string
  /** PEM of the root that its certificates chain to. */
  issuingRoot(): Promise<string>
  /** Where it looks for http-01. */
  readonly httpPort: number
  readonly pebble: Pebble | null
  stop(): Promise<void>
}

export async function servePebble(folder: string, program: string | null): Promise<AcmeServer> {
  const pebble = await startPebble({
    folder,
    nonceReject: 0,
    flags: ['-strict'],
    configuration: {
      domainBlocklist: [FORBIDDEN],
      profiles: { default: { description: 'd', validityPeriod: 7_776_000 } },
    },
    ...(program === null ? {} : { program }),
  })
  const { directory, httpPort, issuingRoot, stop } = pebble
  return { directory, trust: await readFile(pebble.trust, 'utf8'), issuingRoot, httpPort, pebble, stop }
}

/** An endpoint with proof `challenge` over a local CA; `dnsServer` tells it where names are. */
export async function serveEndpoint(folder: string, dnsServer: string): Promise<AcmeServer> {
  await mkdir(folder, { recursive: true })
  const [acme, admin, httpPort] = (await freePorts(3)) as [number, number, number]
  const local = { names: ['.test'], networks: ['127.0.0.0/8'] }
  const data = join(folder, 'data')
  const made = join(folder, 'made.yaml')
  await writeFile(made, stringify({ version: 1, data, local_cas: { local } }))
  const { code, out, err } = await runMain(['local-ca', 'create', 'local', '--config', made], folder)
  if (code !== 0) throw new Error(`local-ca create: ${out}${err}`)
  const acmetap = await startAcmetap({
    folder,
    // Nothing is sent there: it is the CA of a relay that this configuration does not have.
    directory: 'https://localhost:1/dir',
    trust: await readFile(join(data, 'local-ca', 'local', '1.pem'), 'utf8').then(lastCertificate),
    ports: { acme, admin },
    sections: {
      relay: [],
      local_cas: { local },
      broker: [
        {
          name: 'fleet',
          cas: ['local'],
          proof: 'challenge',
          eab: 'optional',
          terms: 'https://localhost/terms',
          profiles: [{ name: 'default', at: { local: null } }],
          challenges: { http_port: httpPort, resolvers: [dnsServer], internal: ['127.0.0.0/8'] },
        },
      ],
    },
  })
  return {
    directory: `https://${acmetap.authority}/fleet/directory`,
    trust: acmetap.trust,
    issuingRoot: () => readFile(join(data, 'local-ca', 'local', '1.pem'), 'utf8').then(lastCertificate),
    httpPort,
    pebble: null,
    stop: () => acmetap.stop(),
  }
}

/** What http-01 is answered with. */
export async function answerAt(port: number, answers: Answers): Promise<() => Promise<void>> {
  const web = createServer(({ url = '' }, response) => {
    const answer = answers.get(url.slice(url.lastIndexOf('/') + 1))
    response.writeHead(answer === undefined ? 404 : 200).end(answer)
  })
  web.listen(port, '127.0.0.1')
  await once(web, 'listening')
  return async () => {
    web.closeAllConnections()
    web.close()
  }
}

function lastCertificate(pem: string): string {
  return pem.slice(pem.lastIndexOf('-----BEGIN CERTIFICATE-----'))
}
