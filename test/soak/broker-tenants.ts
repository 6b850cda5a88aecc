import { FOREIGN_REQUESTS, type ForeignRequest, learnable } from '../support/broker/foreign-requests.ts'
import { type Tenant, TenantWorld } from '../support/broker/tenant-world.ts'
import { TELLING, welch } from '../support/welch.ts'
import { random, type Soak, type SoakOptions } from './soak.ts'

/** Samples of each side, for each tenant of the run. */
const SAMPLES = 25
/** What is measured of each kind. */
const MEASURED = new Set(
  ['account get', 'orders get', 'order get', 'finalize post', 'authorization get', 'challenge get']
    .concat(['certificate get', 'alternate get', 'revokeCert by account', 'keyChange of their account'])
    .concat(['renewalInfo of another endpoint', 'eab guessed MAC']),
)
const ABREAST = 8

export const brokerTenants: Soak = {
  proves:
    "a tenant that asks for another's object, of any kind, by any verb, at any endpoint or label, learns as much as of nobody's",
  unit: 'tenants',
  size: 20,
  async run(options) {
    const world = await TenantWorld.start(options.size)
    try {
      return await soak(world, options)
    } finally {
      await world.close()
    }
  },
}

async function soak(world: TenantWorld, { seed, progress, size }: SoakOptions) {
  const { tenants } = world
  progress(`${tenants.length} tenants, each with one of everything`)
  const before = await Promise.all(tenants.map(whatIsTheirs))
  const failures: string[] = []
  let pairs = 0
  const counted = new Map<string, number>()
  /** By who asks and what for: what is said of nobody's. */
  const missing = new Map<string, Promise<string>>()
  const missingFor = (request: ForeignRequest, asking: Tenant, other: Tenant): Promise<string> => {
    const key = `${asking.name} ${request.kind} ${request.verb}`
    const asked = missing.get(key) ?? request.ask(asking, world.nobodys(other)).then(learnable)
    missing.set(key, asked)
    return asked
  }
  const all = tenants.flatMap((asking) =>
    tenants.filter((other) => other !== asking).map((other) => ({ asking, other })),
  )
  await abreast(all, async ({ asking, other }) => {
    for (const request of FOREIGN_REQUESTS) {
      const fault = await faultOf(request, asking, other, missingFor(request, asking, other))
      if (fault !== null) failures.push(`${request.kind}, ${request.verb}: ${fault}`)
      counted.set(request.kind, (counted.get(request.kind) ?? 0) + 1)
      if (++pairs % 1000 === 0) progress(`${pairs} pairs`)
    }
  })
  failures.push(...(await labels(world)))
  for (const [place, theirs] of (await Promise.all(tenants.map(whatIsTheirs))).entries())
    for (const [what, text] of Object.entries(theirs))
      if (before[place]![what] !== text)
        failures.push(`${tenants[place]!.name}: ${what} was ${before[place]![what]}, is ${text}`)
  failures.push(...(await replaced(world)))
  progress('times')
  const times = await timed(world, size * SAMPLES, seed)
  const late = [...times].flatMap(([what, t]) =>
    Math.abs(t) < TELLING ? [] : [`${what}: time tells, t = ${t.toFixed(2)}`],
  )
  return {
    figures: {
      tenants: tenants.length,
      pairs,
      ...Object.fromEntries([...counted].map(([kind, count]) => [`pairs: ${kind}`, count])),
      ...Object.fromEntries([...times].map(([what, t]) => [`t: ${what}`, t.toFixed(2)])),
      leaks: failures.length,
    },
    failures: failures.slice(0, 50),
    late,
  }
}

/** What is wrong with how a foreign object is answered; null: nothing. */
async function faultOf(request: ForeignRequest, asking: Tenant, other: Tenant, missing: Promise<string>) {
  const foreign = await request.ask(asking, other.objects)
  if (foreign.status < 400) return `a foreign one was answered with ${foreign.status}`
  const [theirs, nobodys] = [learnable(foreign), await missing]
  if (theirs !== nobodys) return `a foreign one: ${theirs}; a missing one: ${nobodys}`
  const names = [other.name, other.domain, other.fleet.account.slice(-22), other.prove.account.slice(-22)]
  const told = names.find((name) => theirs.includes(name))
  return told === undefined ? null : `the answer names ${told}`
}

/** All that a tenant sees of its own things. */
async function whatIsTheirs({ fleet, prove, objects }: Tenant): Promise<Record<string, string>> {
  const { pending } = objects
  const seen = async (client: Tenant['fleet'], url: string) => (await client.post(url)).body.toString()
  return {
    account: await seen(fleet, objects.account),
    orders: await seen(fleet, `${objects.account}/orders`),
    order: await seen(fleet, objects.order),
    authorization: await seen(fleet, objects.authorization),
    challenge: await seen(fleet, objects.challenge),
    certificate: await seen(fleet, objects.certificate),
    alternate: await seen(fleet, `${objects.certificate}/1`),
    'account at another endpoint': await seen(prove, prove.account),
    'pending order': await seen(prove, pending.order),
    'pending authorization': await seen(prove, pending.authorization),
    'pending challenge': await seen(prove, pending.challenge),
    revoked: (await fleet.get(`${fleet.base}/renewal-info/${objects.ariId}`)).body.toString(),
  }
}

/** An account under another label than its own: the same for objects, and refused for what the directory names. */
async function labels(world: TenantWorld): Promise<readonly string[]> {
  const failures: string[] = []
  const [teamA, teamB] = await Promise.all(
    ['~team-a', '~team-b'].map((label) => world.client(`fleet/${label}`).register()),
  )
  const { server } = world
  const [tenant] = world.tenants
  const refused = async (what: string, asked: Promise<{ status: number; body: Buffer }>, type: string) => {
    const { status, body } = await asked
    if (status < 400 || !body.includes(`:${type}"`)) failures.push(`${what}: ${status} ${body}`)
  }
  const at = `${server.origin}/fleet`
  const order = { identifiers: [{ type: 'dns', value: 'x.test' }] }
  await refused(
    'newOrder under the other label',
    teamA!.post(`${at}/~team-b/new-order`, order),
    'unauthorized',
  )
  await refused(
    'newOrder under the other label',
    teamB!.post(`${at}/~team-a/new-order`, order),
    'unauthorized',
  )
  await refused(
    'newOrder of a tenant under a label',
    tenant!.fleet.post(`${at}/~team-a/new-order`, order),
    'unauthorized',
  )
  await refused(
    'keyChange under the other label',
    teamA!.post(`${at}/~team-b/key-change`, {}),
    'unauthorized',
  )
  await refused(
    'revokeCert under the other label',
    teamA!.post(`${at}/~team-b/revoke-cert`, { certificate: tenant!.objects.der }),
    'unauthorized',
  )
  const under = tenant!.objects.order.replace('/fleet/', '/fleet/~team-a/')
  await refused('an order under a label', teamA!.post(under), 'malformed')
  const another = await tenant!.fleet.newAccount(null)
  if (another.status !== 200) failures.push(`an account is not found by its key: ${another.status}`)
  return failures
}

/** RFC 9773 §5: an order that says to replace what is another's is one that replaces nothing, as for what nobody has. */
async function replaced(world: TenantWorld): Promise<readonly string[]> {
  const [asking, other] = world.tenants
  const without = /"(?:order|authorization)\/[^"]+"|https:[^"]+|"expires":"[^"]+"/g
  const [foreign, missing] = await Promise.all(
    [other!.objects, world.nobodys(other!)].map(async ({ ariId }) => {
      const { status, body } = await asking!.fleet.order([asking!.domain], { replaces: ariId })
      return `${status} ${body.toString().replaceAll(without, '')}`
    }),
  )
  const isTaken = foreign!.startsWith('201 ') && !foreign!.includes('replaces')
  return isTaken && foreign === missing ? [] : [`replaces: ${foreign} for another's, ${missing} for nobody's`]
}

async function timed(
  world: TenantWorld,
  samples: number,
  seed: number,
): Promise<ReadonlyMap<string, number>> {
  const next = random(seed)
  const { tenants } = world
  const nobodys = tenants.map((tenant) => world.nobodys(tenant))
  const found = new Map<string, number>()
  for (const request of FOREIGN_REQUESTS) {
    const what = `${request.kind} ${request.verb}`
    if (!MEASURED.has(what)) continue
    const sides: [number[], number[]] = [[], []]
    const asking = tenants[0]!
    while (sides[0].length < samples || sides[1].length < samples) {
      const side = next() < 0.5 ? 0 : 1
      const place = 1 + Math.floor(next() * (tenants.length - 1))
      const about = side === 0 ? tenants[place]!.objects : nobodys[place]!
      const { ms } = await request.ask(asking, about)
      sides[side].push(ms)
    }
    found.set(what, welch(...sides))
  }
  return found
}

async function abreast<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const left = all[Symbol.iterator]()
  await Promise.all(
    Array.from({ length: ABREAST }, async () => {
      for (const one of { [Symbol.iterator]: () => left }) await work(one)
    }),
  )
}
