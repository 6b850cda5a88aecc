import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readCertificateChain } from '../../src/acme/certificate.ts'
import { type Pebble, startPebble } from '../../src/cli/demo/pebble.ts'
import { serveFolder } from '../../src/cli/demo/web-server.ts'
import {
  type AuthorizationDocument,
  type ClientAnswer,
  type OrderDocument,
  readJson,
} from '../support/acme-client.ts'
import { BrokerClient, type ServedBroker, serveBroker } from '../support/broker/served-broker.ts'
import { certificateRequest } from '../support/broker/tenant-world.ts'
import { random, type Soak, type SoakOptions } from './soak.ts'

const PROOFS = ['policy', 'challenge', 'both'] as const
type Proof = (typeof PROOFS)[number]
const TENANTS = ['a', 'b'] as const
type TenantName = (typeof TENANTS)[number]
const ABREAST = 4

export const brokerProofs: Soak = {
  proves:
    'one account at a CA that keeps its authorizations: a tenant gets what it has proved itself, whatever another tenant proved',
  unit: 'interleavings',
  size: 100,
  async run(options) {
    const folder = mkdtempSync(join(tmpdir(), 'acmetap-proofs-'))
    const ends: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })]
    try {
      const pebble = await startPebble({ folder: join(folder, 'pebble'), authorizationReuse: 100 })
      ends.push(() => pebble.stop())
      const webroot = join(folder, 'web')
      mkdirSync(webroot)
      const web = await serveFolder(webroot, pebble.httpPort)
      ends.push(() => ended(web))
      const names = new Names()
      await names.listen()
      ends.push(() => ended(names.server))
      const server = await serveBroker({
        ca: { directory: pebble.directory, trust: readFileSync(pebble.trust, 'utf8') },
        webroot,
        endpoints: PROOFS.map((proof) => ({
          name: proof,
          cas: ['test'],
          proof,
          eab: proof === 'challenge' ? 'optional' : 'required',
          challenges: {
            types: ['http-01'],
            http_port: names.port,
            internal: ['127.0.0.0/8'],
            resolvers: [pebble.dnsServer],
          },
        })),
      })
      ends.push(() => server.close())
      return await soak(server, names, pebble, options)
    } finally {
      for (const end of ends.reverse()) await end()
    }
  },
}

/** The web servers of all names: each answers for whoever controls the name. */
class Names {
  readonly #control = new Map<string, ReadonlySet<TenantName>>()
  readonly #answers = new Map<string, { readonly tenant: TenantName; readonly text: string }>()
  readonly server: Server = createServer((request, response) => {
    const host = request.headers.host?.split(':')[0] ?? ''
    const answer = this.#answers.get(request.url?.split('/').at(-1) ?? '')
    const isTheirs = answer !== undefined && this.isOf(host, answer.tenant)
    response.writeHead(isTheirs ? 200 : 404).end(isTheirs ? answer.text : 'nothing here')
  })

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve))
  }

  give(name: string, ...tenants: readonly TenantName[]): void {
    this.#control.set(name, new Set(tenants))
  }

  isOf(name: string, tenant: TenantName): boolean {
    return this.#control.get(name)?.has(tenant) === true
  }

  present(tenant: TenantName, token: string, text: string): void {
    this.#answers.set(token, { tenant, text })
  }
}

function ended(server: Server): void {
  server.close()
  server.closeAllConnections()
}

interface Tenant {
  readonly name: TenantName
  readonly proof: Proof
  readonly client: BrokerClient
  /** What it was given: URLs that the other one must not see. */
  readonly urls: string[]
}

interface Found {
  readonly failures: string[]
  issued: number
  refused: number
  /** Orders whose names another tenant had proved, and this one had not. */
  guarded: number
}

async function soak(server: ServedBroker, names: Names, pebble: Pebble, options: SoakOptions) {
  const { size, seed, progress } = options
  const found: Found = { failures: [], issued: 0, refused: 0, guarded: 0 }
  let begun = 0
  let done = 0
  const lane = async () => {
    while (begun < size) {
      const number = begun++
      await interleaved(number, server, names, found, random(seed * 1000 + number))
      if (++done % 10 === 0) progress(`${done} interleavings, ${found.issued} certificates`)
    }
  }
  await Promise.all(Array.from({ length: ABREAST }, lane))
  const atCa = pebble.log().match(/Issued certificate serial /g)?.length ?? 0
  if (atCa !== found.issued) found.failures.push(`${found.issued} certificates here, ${atCa} at the CA`)
  return {
    figures: {
      interleavings: size,
      'certificates issued': found.issued,
      'orders refused': found.refused,
      "orders for what only another tenant's proof was there": found.guarded,
      'certificates at the CA': atCa,
    },
    failures: found.failures.slice(0, 20),
    late: [],
  }
}

/** Two tenants, their steps in an order that chance says; some of them at the same time. */
async function interleaved(
  number: number,
  server: ServedBroker,
  names: Names,
  found: Found,
  next: () => number,
): Promise<void> {
  const proof = PROOFS[number % PROOFS.length]!
  const [shared, contested] = [`s${number}.shared.test`, `t${number}.shared.test`]
  const own = { a: `n${number}.a.test`, b: `n${number}.b.test` }
  for (const tenant of TENANTS) names.give(own[tenant], tenant)
  // The first is of both or of one of them, the second of the other.
  const first = TENANTS[Math.floor(next() * 2)]!
  names.give(shared, ...(next() < 0.5 ? TENANTS : [first]))
  names.give(contested, first === 'a' ? 'b' : 'a')
  const tenants = await Promise.all(
    TENANTS.map(async (name): Promise<Tenant> => {
      const eab =
        proof === 'challenge'
          ? null
          : await server.eab({ label: name, names: ['.shared.test', `.${name}.test`] })
      const client = await new BrokerClient(server.transport, `${server.origin}/${proof}`).register(eab)
      return { name, proof, client, urls: [] }
    }),
  )
  const sets = [[shared], [shared, contested], [own.a, shared], [own.b, shared], [contested]]
  const proved = new Map<string, Set<TenantName>>()
  const runs = tenants.flatMap((tenant) =>
    sets
      .toSorted(() => next() - 0.5)
      .slice(0, 3)
      .map((set) => stepsOf(tenant, set, names, proved, found)),
  )
  // Of a tenant one order after the other, so that it is known what is proved at each step.
  const lanes = [runs.slice(0, 3), runs.slice(3)]
  while (lanes.some((lane) => lane.length > 0)) {
    const wanted = next() < 0.3 ? lanes : [lanes[Math.floor(next() * 2)]!]
    await Promise.all(
      wanted.map(async (lane) => {
        const [step] = lane
        if (step !== undefined && (await step.next()).done) lane.shift()
      }),
    )
  }
  for (const [one, other] of [tenants, tenants.toReversed()] as Tenant[][])
    for (const url of one!.urls) {
      const { status } = await other!.client.post(url)
      if (status !== 404)
        found.failures.push(`${proof}: ${url} of ${one!.name} is ${status} for ${other!.name}`)
    }
}

/** One order from its beginning to its end, with a pause after each step. */
async function* stepsOf(
  tenant: Tenant,
  set: readonly string[],
  names: Names,
  proved: Map<string, Set<TenantName>>,
  found: Found,
): AsyncGenerator<void> {
  const { client, proof, name } = tenant
  const fail = (what: string, { status, body }: ClientAnswer) =>
    void found.failures.push(`${proof}, ${name}, ${set.join(' ')}: ${what}: ${status} ${body}`)
  const isInScope = set.every((one) => one.endsWith('.shared.test') || one.endsWith(`.${name}.test`))
  const hasProved = (one: string) => proved.get(one)?.has(name) === true
  const onlyOther = set.some((one) => !hasProved(one) && (proved.get(one)?.size ?? 0) > 0)
  const ordered = await client.order(set)
  if (proof !== 'challenge' && !isInScope) {
    found.refused++
    if (ordered.status !== 403 || !ordered.body.includes(':rejectedIdentifier"'))
      fail('out of scope', ordered)
    return
  }
  if (ordered.status !== 201) return fail('newOrder', ordered)
  if (onlyOther && proof !== 'policy') found.guarded++
  const order = readJson<OrderDocument>(ordered)
  const url = ordered.fields.location!
  tenant.urls.push(url, ...order.authorizations)
  const expected = proof === 'policy' || set.every(hasProved) ? 'ready' : 'pending'
  if (order.status !== expected) fail(`is ${order.status}, not ${expected}`, ordered)
  yield
  const { csr, isFor } = certificateRequest(set)
  const finalize = () => client.post(order.finalize, { csr: csr.toString('base64url') })
  if (expected === 'pending') {
    const early = await finalize()
    if (early.status !== 403 || !early.body.includes(':orderNotReady"')) fail('finalize without proof', early)
    for (const authorization of order.authorizations) {
      yield
      const shown = await client.post(authorization)
      const { status, identifier, challenges } = readJson<AuthorizationDocument>(shown)
      const { value } = identifier
      if (status !== (hasProved(value) ? 'valid' : 'pending')) fail('authorization before its proof', shown)
      if (status !== 'pending') continue
      const [challenge] = challenges as unknown as readonly { url: string; token: string }[]
      names.present(name, challenge!.token, `${challenge!.token}.${client.key.thumbprint}`)
      await client.post(challenge!.url, {})
      const settled = await client.settled(authorization)
      const isProved = readJson<AuthorizationDocument>(settled).status === 'valid'
      if (isProved !== names.isOf(value, name)) fail('authorization after its challenge', settled)
      if (isProved) proved.set(value, (proved.get(value) ?? new Set()).add(name))
    }
    yield
  }
  const done = await finalize()
  if (proof !== 'policy' && !set.every(hasProved)) {
    found.refused++
    if (done.status !== 403 || !done.body.includes(':orderNotReady"'))
      fail('finalize of what was not proved', done)
    const after = readJson<OrderDocument>(await client.post(url))
    if (after.status !== 'invalid' || after.certificate !== undefined) fail(`order is ${after.status}`, done)
    return
  }
  if (done.status !== 200) return fail('finalize', done)
  yield
  const settled = await client.settled(url)
  const { certificate } = readJson<OrderDocument>(settled)
  if (certificate === undefined) return fail('no certificate', settled)
  tenant.urls.push(certificate)
  const pem = await client.post(certificate)
  const leaf = readCertificateChain(pem.body)?.leaf
  const got = leaf?.identifiers.map(({ value }) => value).sort()
  if (String(got) !== String(set.toSorted())) fail(`the certificate is for ${got}`, pem)
  if (!isFor(pem.body.toString())) fail('the certificate is for another key', pem)
  found.issued++
}
