import { randomBytes } from 'node:crypto'
import { BrokerClient, type ServedBroker, serveBroker } from '../support/broker/served-broker.ts'
import { startTestCa } from '../support/test-ca/test-ca.ts'
import { TELLING, welch } from '../support/welch.ts'
import { random, type Soak, type SoakOptions } from './soak.ts'

export const brokerEabTiming: Soak = {
  proves:
    'whoever guesses EAB keys learns neither from answers nor from time whether there is one of that id, or that its MAC was right',
  unit: 'samples of each kind',
  size: 3000,
  async run(options) {
    const ca = await startTestCa()
    try {
      const server = await serveBroker({ ca, endpoints: [{ name: 'fleet', cas: ['test'] }], sockets: 1 })
      try {
        return await soak(server, options)
      } finally {
        await server.close()
      }
    } finally {
      await ca.close()
    }
  },
}

/** Of each kind as many keys, so that none is better known to a cache than another. */
const KEYS = 8

async function soak(server: ServedBroker, { size, seed, progress }: SoakOptions) {
  const { transport, origin, operations } = server
  const failures: string[] = []
  const made = (changes: { readonly uses?: number } = {}) =>
    Promise.all(Array.from({ length: KEYS }, () => server.eab({ label: 'team-a', ...changes })))
  const [good, spent, revoked] = await Promise.all([made(), made({ uses: 1 }), made()])
  const mac = () => randomBytes(32).toString('base64url')
  const client = () => new BrokerClient(transport, `${origin}/fleet`, nonces)
  const nonces: string[] = []
  for (const key of spent) await client().register(key)
  const actor = { kind: 'local', token: null, name: null } as const
  for (const { kid } of revoked) await operations.broker.revokeEabKey(kid, actor)
  const kinds = {
    'no such key': good.map(() => ({ kid: randomBytes(16).toString('base64url'), mac: mac() })),
    'another MAC': good.map(({ kid }) => ({ kid, mac: mac() })),
    'revoked, right MAC': revoked,
    'revoked, another MAC': revoked.map(({ kid }) => ({ kid, mac: mac() })),
    'used up, right MAC': spent,
  }
  const names = Object.keys(kinds) as (keyof typeof kinds)[]
  const times = new Map(names.map((name) => [name, [] as number[]]))
  const answers = new Set<string>()
  const next = random(seed)
  for (let sample = 0; sample < size * names.length; sample++) {
    const name = names[Math.floor(next() * names.length)]!
    const key = kinds[name][Math.floor(next() * KEYS)]!
    const { status, body, exchange, ms } = await client().newAccount(key)
    answers.add(`${status} ${body.toString().replaceAll(exchange ?? '-', '<record>')}`)
    times.get(name)!.push(ms)
    if (sample % 1000 === 999) progress(`${sample + 1} of ${size * names.length} samples`)
  }
  if (answers.size !== 1) failures.push(`answers differ: ${[...answers].join('; ')}`)
  if (![...answers].every((answer) => answer.startsWith('403 '))) failures.push('a guess was accepted')
  const [reference, ...others] = names
  const found = others.map((name) => [name, welch(times.get(reference!)!, times.get(name)!)] as const)
  return {
    figures: {
      'samples of each': size,
      'different answers': answers.size,
      ...Object.fromEntries(found.map(([name, t]) => [`t: ${reference} / ${name}`, t.toFixed(2)])),
    },
    failures,
    late: found.flatMap(([name, t]) =>
      Math.abs(t) < TELLING ? [] : [`${reference} and ${name} can be told apart: t = ${t.toFixed(2)}`],
    ),
  }
}
