import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { cleanEnvironment, needProgram, startDaemon } from '../../src/cli/demo/child.ts'
import { manage, type Pebble } from '../../src/cli/demo/pebble.ts'
import { serveFolder } from '../../src/cli/demo/web-server.ts'
import { type AcmeClient, baseName, type EabCredentials, HOOK } from '../support/peers/client.ts'
import { runMain } from '../support/run-main.ts'
import { type BrokerWay, endpointOf, UPSTREAMS, zoneOf } from './broker-cases.ts'
import type { Case } from './row.ts'
import type { Otherwise } from './run-case.ts'
import { until } from './until.ts'
import { slug, wishOf } from './wish.ts'
import { type Answers, AT, PORTS, startWorld, type World } from './world.ts'

const BROKER_NAME = 'broker.test'
const ORIGIN = `https://${BROKER_NAME}:${PORTS.acme}`
const LOCAL_CA = 'local'

/** Where acmetap looks for what clients prove: not where the CA looks for what acmetap proves. */
const CLIENTS_AT = { httpPort: 10_080, tlsPort: 10_443, dns: 10_053, management: 10_055 }

/** A world whose acmetap is the ACME server. */
export interface BrokerWorld {
  readonly world: World
  /** What a client is told: the directory, and an EAB key where it knows such keys. */
  told(client: AcmeClient, one: Case & { readonly broker: BrokerWay }): Promise<Otherwise>
  close(): Promise<void>
}

const labelOf = ({ name }: AcmeClient): string => name.replace(/[^a-z0-9]+/g, '-')

/** Clients `labelled` come with a label. Only inside a namespace. */
export async function startBrokerWorld(labelled: readonly AcmeClient[]): Promise<BrokerWorld> {
  const folder = await mkdtemp(path.join(tmpdir(), 'matrix-clients-'))
  const closing: (() => unknown)[] = [() => rm(folder, { recursive: true, force: true })]
  const close = async (): Promise<void> => {
    for (const end of closing.splice(0).reverse()) await end()
  }
  try {
    const answers = await startAnswers(folder, closing)
    const world = await startWorld(['broker'], {
      names: [BROKER_NAME],
      answers,
      configure: (usual, pebble) => ({ ...usual, ...brokerSections(labelled, answers, pebble) }),
    })
    closing.push(() => world.close())
    await acmetap(world, 'local-ca', 'create', LOCAL_CA)
    const keys = new Map<string, Promise<EabCredentials>>()
    const keyOf = (client: AcmeClient, endpoint: string): Promise<EabCredentials> => {
      const id = `${labelOf(client)} ${endpoint}`
      const made = keys.get(id) ?? createKey(world, client, endpoint)
      keys.set(id, made)
      return made
    }
    return {
      world,
      async told(client, one) {
        const way = one.broker
        await leadToSolver(world.pebble, way, baseName(wishOf(client, one)))
        const endpoint = endpointOf(way)
        const label = way.with === 'label' ? `/~${labelOf(client)}` : ''
        return {
          directory: `${ORIGIN}/${endpoint}${label}/directory`,
          ...(way.with === 'EAB' ? { eab: await keyOf(client, endpoint) } : {}),
        }
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** A DNS server and a web server for what clients publish. */
async function startAnswers(folder: string, closing: (() => unknown)[]): Promise<Answers> {
  const { httpPort, tlsPort, dns, management } = CLIENTS_AT
  const program = await needProgram('pebble-challtestsrv', 'pebble')
  const server = startDaemon(
    program,
    ['-defaultIPv4', '127.0.0.1', '-defaultIPv6', '', '-dns01', `127.0.0.1:${dns}`]
      .concat(['-http01', '', '-https01', '', '-tlsalpn01', ''])
      .concat(['-management', `127.0.0.1:${management}`]),
    { environment: cleanEnvironment(folder), folder },
  )
  closing.push(() => server.stop())
  const dnsManagement = `http://127.0.0.1:${management}`
  await until(
    () =>
      manage(dnsManagement, 'clear-txt', { host: 'nobody.test.' }).then(
        () => true,
        () => false,
      ),
    60,
  )
  const webroot = path.join(folder, 'web')
  await mkdir(path.join(webroot, '.well-known', 'acme-challenge'), { recursive: true })
  const web = await serveFolder(webroot, httpPort)
  closing.push(() => web.close())
  return { webroot, httpPort, tlsPort, dnsManagement, dnsServer: `127.0.0.1:${dns}` }
}

/** For the CA, the names of solvers that listen have the address where they do. */
async function leadToSolver(pebble: Pebble, { from }: BrokerWay, name: string): Promise<void> {
  if (from !== 'listener' && from !== 'alpn') return
  await manage(pebble.dnsManagement, 'add-a', { host: `${name}.`, addresses: [AT.acmetap] })
}

function brokerSections(labelled: readonly AcmeClient[], answers: Answers, pebble: Pebble) {
  const endpoint = (proof: BrokerWay['proof'], shows: BrokerWay['with']) => ({
    name: endpointOf({ proof, with: shows, from: 'local' }),
    url: ORIGIN,
    cas: ['test'],
    routes: [{ names: [`.${zoneOf('local')}`], cas: [LOCAL_CA] }],
    proof,
    eab: shows === 'EAB' ? 'required' : 'optional',
    labels: shows === 'label' ? labelled.map(labelSection) : [],
    ...(proof === 'policy' ? {} : { challenges: challengesOf(answers) }),
  })
  return {
    egress: { resolvers: [pebble.dnsServer] },
    local_cas: { [LOCAL_CA]: { names: [`.${zoneOf('local')}`] } },
    broker: [
      endpoint('policy', 'EAB'),
      endpoint('policy', 'label'),
      endpoint('challenge', 'nothing'),
      endpoint('both', 'EAB'),
      endpoint('both', 'label'),
    ],
    engine: {
      accounts: [{ ca: 'test', agree_terms: true }],
      solvers: [
        { name: 'webroot', webroot: { folder: './web' } },
        { name: 'listener', http: { address: AT.acmetap, port: pebble.httpPort } },
        { name: 'alpn', tls_alpn: { address: AT.acmetap, port: pebble.tlsPort } },
        {
          name: 'dns',
          exec: { command: HOOK, environment: { HOOK_DNS: pebble.dnsManagement } },
          propagation: { check: 'none' },
        },
      ],
      challenges: UPSTREAMS.filter((one) => one !== 'local').map((solver) => ({
        names: [`.${zoneOf(solver)}`],
        solver,
      })),
    },
  }
}

const challengesOf = ({ httpPort, tlsPort, dnsServer }: Answers) => ({
  http_port: httpPort,
  tls_port: tlsPort,
  resolvers: [dnsServer],
  internal: ['127.0.0.0/8', '10.77.0.0/16'],
})

const labelSection = (client: AcmeClient) => ({
  name: labelOf(client),
  names: patternsOf(client),
  from: ['10.77.0.0/16'],
})

/** Every client has names of its own in the zone of every upstream. */
const patternsOf = (client: AcmeClient): string[] =>
  UPSTREAMS.map((upstream) => `.${slug(client.name)}.${zoneOf(upstream)}`)

async function createKey(world: World, client: AcmeClient, endpoint: string): Promise<EabCredentials> {
  const words = ['eab', 'create', '--label', labelOf(client), '--endpoint', endpoint, '--json']
  const told = await acmetap(world, ...words, '--names', patternsOf(client).join(' '))
  const { id, mac } = JSON.parse(told) as { id: string; mac: string }
  return { kid: id, mac }
}

async function acmetap(world: World, ...words: string[]): Promise<string> {
  const { code, out, err } = await runMain([...words, '--config', world.config], world.folder)
  if (code !== 0) throw new Error(`acmetap ${words.join(' ')} ended with ${code}: ${err}`)
  return out
}
