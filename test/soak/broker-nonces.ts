import { randomBytes } from 'node:crypto'
import { isBase64url } from '../../src/acme/base64url.ts'
import type { ClientAnswer } from '../support/acme-client.ts'
import { BrokerClient, type ServedBroker, serveBroker } from '../support/broker/served-broker.ts'
import { startTestCa } from '../support/test-ca/test-ca.ts'
import { random, type Soak, type SoakOptions } from './soak.ts'

const ABREAST = 32
/** Of the replays, how many are of one request. */
const COPIES = 50

export const brokerNonces: Soak = {
  proves:
    'a nonce is good once: replays and forged nonces are refused, and of many uses at once one succeeds',
  unit: 'replays',
  size: 100_000,
  async run(options) {
    const ca = await startTestCa()
    try {
      const server = await serveBroker({
        ca,
        endpoints: ['fleet', 'second'].map((name) => ({
          name,
          cas: ['test'],
          proof: 'challenge',
          eab: 'optional',
        })),
        sockets: ABREAST,
      })
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

async function soak({ transport, origin }: ServedBroker, { size, seed, progress }: SoakOptions) {
  const failures: string[] = []
  const client = await new BrokerClient(transport, `${origin}/fleet`).register()
  const second = await new BrokerClient(transport, `${origin}/second`, [], client.key).register()
  const send = (body: Buffer, url = client.account) => transport.send('POST', url, body)
  const count = { replays: 0, forged: 0, busy: 0 }
  const refused = async (kind: 'replays' | 'forged', ask: () => Promise<ClientAnswer>, as = 'badNonce') => {
    let answer = await ask()
    // A machine that is too busy to write the record in time says so, whatever it was asked.
    for (let again = 0; answer.status === 503 && again < 5; again++) {
      count.busy++
      answer = await ask()
    }
    if (isRefused(answer, as)) count[kind]++
    else failures.push(`${kind}: ${answer.status} ${answer.body}`)
  }

  await abreast(Math.ceil(size / COPIES), async (number) => {
    const body = await client.signed(client.account)
    const first = await send(body)
    if (first.status !== 200) failures.push(`the first use: ${first.status} ${first.body}`)
    for (let copy = 0; copy < COPIES; copy++) await refused('replays', () => send(body))
    // Used up is used up: in another request, and at another endpoint.
    const used = nonceOf(body)
    await refused('replays', () => client.post(client.account, { contact: [] }, { nonce: used }))
    await refused('replays', () => second.post(second.account, undefined, { nonce: used }))
    if (number % 100 === 99) progress(`${count.replays} replays refused`)
  })

  const next = random(seed)
  await abreast(Math.ceil(size / 10), async (number) => {
    const nonce = forged(number, await client.nonce(), next)
    // RFC 8555 §6.5.2: what is not base64url is malformed.
    const as = isBase64url(nonce) ? 'badNonce' : 'malformed'
    await refused('forged', () => client.post(client.account, undefined, { nonce }), as)
  })
  progress(`${count.forged} forged refused`)

  const together = Math.min(1000, size)
  const body = await client.signed(client.account)
  const answers = await Promise.all(Array.from({ length: together }, () => send(body)))
  const good = answers.filter(({ status }) => status === 200).length
  const others = answers.filter((answer) => isRefused(answer, 'badNonce')).length
  if (good !== 1 || others !== together - 1)
    failures.push(
      `${together} uses of one nonce at once: ${good} succeeded, ${others} were refused as badNonce`,
    )
  return {
    figures: {
      'replays refused': count.replays,
      'forged refused': count.forged,
      'too busy, asked again': count.busy,
      'uses at once': together,
      'of those succeeded': good,
    },
    failures: failures.slice(0, 20),
    late: [],
  }
}

/** Refused for its nonce, and with a new one to go on with (RFC 8555 §6.5). */
function isRefused({ status, body, fields }: ClientAnswer, as: string): boolean {
  return status === 400 && body.includes(`:${as}"`) && fields['replay-nonce'] !== undefined
}

function nonceOf(body: Buffer): string {
  const { protected: header } = JSON.parse(body.toString()) as { protected: string }
  return (JSON.parse(Buffer.from(header, 'base64url').toString()) as { nonce: string }).nonce
}

/** A nonce that is none, like one: of a good one or of nothing. */
function forged(number: number, good: string, next: () => number): string {
  const bytes = Buffer.from(good, 'base64url')
  switch (number % 6) {
    case 0: {
      bytes[Math.floor(next() * bytes.length)]! ^= 1 << Math.floor(next() * 8)
      return bytes.toString('base64url')
    }
    case 1:
      return randomBytes(bytes.length).toString('base64url')
    case 2:
      return `${good}A`
    case 3:
      return good.slice(0, -1)
    case 4:
      return bytes.reverse().toString('base64url')
    default:
      // The same bytes, spelt in another way: the last character has bits that say nothing.
      return `${good.slice(0, -1)}${other(good.at(-1)!)}`
  }
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
function other(letter: string): string {
  return LETTERS[LETTERS.indexOf(letter) ^ 1]!
}

async function abreast(times: number, work: (number: number) => Promise<void>): Promise<void> {
  let begun = 0
  await Promise.all(
    Array.from({ length: ABREAST }, async () => {
      while (begun < times) await work(begun++)
    }),
  )
}
