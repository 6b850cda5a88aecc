import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { verifyRequest } from '../../src/broker/verify-request.ts'
import { isExpected, negatives } from '../support/broker/broker-negatives.ts'
import { BrokerWorld, jwsOf, P256, verdictOf } from '../support/broker/broker-requests.ts'

const CASES = negatives()
/** Not family by family: whoever looks for one miss meets every family soon. */
const STRIDE = 997
const TABLE = CASES.map((_, at) => CASES[(at * STRIDE) % CASES.length]!)
let world: BrokerWorld
beforeAll(async () => {
  world = await new BrokerWorld().fill()
})

/** Names of the cases in which a verifier says something else than expected: the first `most`. */
async function missed(verify: typeof verifyRequest, most: number): Promise<string[]> {
  const found: string[] = []
  for (const each of TABLE) {
    const { verdict } = await verdictOf(world, each.make(world), verify)
    if (!isExpected(each, verdict)) found.push(`${each.name}: ${verdict}, not ${each.expected}`)
    if (found.length === most) break
  }
  return found
}

describe('J1–J6, J8–J11, J15: what a server does not act on (RFC 8555 §6.2 to §6.5)', () => {
  test('every request of the table has its verdict', async () => {
    expect(TABLE.filter(({ expected }) => expected !== 'ok').length).toBeGreaterThanOrEqual(1500)
    expect(new Set(TABLE.map(({ name }) => name)).size).toBe(TABLE.length)
    expect(await missed(verifyRequest, 20)).toEqual([])
  }, 120_000)

  const SOURCE = fileURLToPath(new URL('../../src/broker/verify-request.ts', import.meta.url))
  const folder = mkdtempSync(join(tmpdir(), 'acmetap-verify-'))
  /** A verifier that leaves one check out; the text must be there. */
  async function without(text: string, instead: string): Promise<typeof verifyRequest> {
    const source = readFileSync(SOURCE, 'utf8')
    expect(source.split(text)).toHaveLength(2)
    const at = (path: string) => pathToFileURL(join(SOURCE, path)).href
    const mutated = source
      .replace(text, () => instead)
      .replace(/from '(\.\.?\/[^']+)'/g, (_, path: string) => `from '${at(`../${path}`)}'`)
    const file = join(folder, `${Buffer.from(text).toString('hex').slice(0, 60)}.ts`)
    writeFileSync(file, mutated)
    return ((await import(pathToFileURL(file).href)) as { verifyRequest: typeof verifyRequest }).verifyRequest
  }

  test.each([
    ['the method', '!methods.includes(method)', 'false'],
    ['the size', 'if (truncated)', 'if (false)'],
    ['what the HTTP message is', 'if (ambiguities.length > 0) return unclear(ambiguities)', ''],
    ['a body of GET', 'body.length > 0 ? unclear', 'false ? unclear'],
    ['the content type', "types[0] === 'application/jose+json'", 'true'],
    ['two content types', 'types.length === 1', 'types.length > 0'],
    ['the strict reading', '(ambiguities.length > 0 ? unclear(ambiguities) : null)', 'null'],
    ['kid or jwk', 'faultOfKey(jws, rule)', 'null'],
    ['the algorithm of a jwk', 'faultOfAlgorithm(jws, jws.header.jwk)', 'null'],
    ['the algorithm of an account', 'if (algorithm) return', 'if (false) return'],
    ['the signed url', 'faultOfUrl(jws, url)', 'null'],
    ['the spelling of the nonce', 'faultOfNonce(jws)', 'null'],
    ['the payload', 'faultOfPayload(jws, rule)', 'null'],
    ['the nonce', '!(await parts.nonces.redeem(nonce))', 'false'],
    ['the kid', 'kid.startsWith(place)', 'true'],
    ['the endpoint of the kid', "ours ? endpoint.name : ''", "'fleet'"],
    ['the strength of the key', "if (verdict === 'unverifiable')", 'if (false)'],
    ['the signature', "verdict !== 'verified' ||", ''],
    ['the status of the account', "status !== 'valid'", 'false'],
    ['the label', 'target.label === label', 'true'],
    ['whose object it is', 'if (!named)', 'if (false)'],
  ])(
    'the table finds out a verifier that does not look at %s',
    async (_, text, instead) => {
      const verifier = await without(text, instead)
      const verdicts = await missed(verifier, 1).catch((error: unknown) => [String(error)])
      expect(verdicts).toHaveLength(1)
    },
    60_000,
  )

  test('of 1,000 copies at once one is acted on', async () => {
    const target = '/fleet/new-order'
    const header = {
      alg: 'ES256',
      kid: world.kid('P-256'),
      nonce: world.nonces.issue(),
      url: `https://acme.example.net${target}`,
    }
    const sent = { target, body: JSON.stringify(jwsOf(P256, JSON.stringify(header), '{}')) }
    const verdicts = await Promise.all(
      Array.from({ length: 1000 }, async () => (await verdictOf(world, sent, verifyRequest)).verdict),
    )
    expect(verdicts.filter((verdict) => verdict === 'ok')).toHaveLength(1)
    expect(verdicts.filter((verdict) => verdict === 'badNonce')).toHaveLength(999)
  })
})
