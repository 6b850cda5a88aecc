import { describe, expect, test } from 'vitest'
import type { Jwk } from '../../src/acme/jwk.ts'
import { verifyRequest } from '../../src/broker/verify-request.ts'
import { BrokerWorld, verdictOf } from '../support/broker/broker-requests.ts'
import { brokerAccount } from '../support/broker/broker-values.ts'
import { readVectors } from '../support/vectors.ts'

/**
 * The vectors are signed for no URL and with no nonce, so that as they stand none may be acted on, whatever Wycheproof says of
 * the signature. Wycheproof's own verdicts are held against the signature check in test/exchange.
 */
describe.each([
  ['json_web_signature_test.json', 401],
  ['json_web_key_test.json', 26],
])('J1–J3, J8: %s', (name, total) => {
  test('no vector is a request', async (context) => {
    const groups = readVectors(name)
    if (!groups)
      return context.skip(`../shared/vectors/${name} is not there: the Wycheproof vectors did NOT run`)
    const world = await new BrokerWorld().fill()
    let seen = 0
    for (const group of groups) {
      const set = group.public ?? group.private!
      const key = (set.keys ?? [set])[0] as unknown as Jwk
      const account = brokerAccount({ jwk: key })
      await world.store.addAccount(account)
      for (const { tcId, jws } of group.tests) {
        seen++
        const [header, payload, signature] = jws!.split('.')
        const body = JSON.stringify({ protected: header, payload, signature })
        const { verdict } = await verdictOf(world, { target: '/fleet/new-order', body }, verifyRequest)
        expect([tcId, /^(?:malformed|badSignatureAlgorithm)/.test(verdict)]).toEqual([tcId, true])
      }
    }
    expect(seen).toBe(total)
  })
})
