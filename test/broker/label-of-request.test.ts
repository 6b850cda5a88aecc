import { beforeEach, describe, expect, test } from 'vitest'
import { MemoryNonces } from '../../src/broker/memory-nonces.ts'
import { OrdersOfAuthorizations } from '../../src/broker/orders-of-authorizations.ts'
import { targetOf } from '../../src/broker/url-map.ts'
import { verifyRequest } from '../../src/broker/verify-request.ts'
import { brokerAccount, eabKey } from '../support/broker/broker-values.ts'
import { brokerEndpoint } from '../support/broker/issuance-world.ts'
import { MemoryBrokerStore } from '../support/broker/memory-broker-store.ts'
import { classified, received } from '../support/exchanges.ts'
import { makeAccountKey, signJws } from '../support/sign-jws.ts'

const INSIDE = '192.0.2.7'
const OUTSIDE = '198.51.100.1'
const endpoint = brokerEndpoint({
  labels: [{ name: 'team-a', names: ['.a.example'], from: ['192.0.2.0/24'] }],
})
const key = makeAccountKey()
let store = new MemoryBrokerStore()
const nonces = new MemoryNonces()
beforeEach(() => {
  store = new MemoryBrokerStore()
})

/** As record, policy and inventory see the request. */
async function labelOf(
  path: string,
  from: string,
  payload: unknown = {},
): Promise<string | null | undefined> {
  const target = `${endpoint.path}/${path}`
  const url = `${endpoint.origin}${target}`
  const authority = new URL(endpoint.origin).host
  const body = signJws(key, { nonce: nonces.issue(), url, jwk: key.jwk }, payload)
  const fields = [['Content-Type', 'application/jose+json']] as const
  const plain = received({ target, authority, body, fields })
  const found = targetOf([endpoint], authority, target)
  if (found === null || found === 'elsewhere') throw new Error(`nothing is at ${target}`)
  const connection = { ...plain.connection, clientAddress: from }
  const { exchange } = await verifyRequest(
    classified(found.operation, { ...plain, connection, ambiguities: [] }),
    found,
    { store, nonces, ordersOf: new OrdersOfAuthorizations(store) },
  )
  expect(exchange.refusal).toBeUndefined()
  return exchange.label
}

async function bindingOf(label: string) {
  const known = eabKey({ label })
  await store.addEabKey(known)
  const header = Buffer.from(JSON.stringify({ alg: 'HS256', kid: known.id, url: 'https://a.example/' }))
  const payload = Buffer.from(JSON.stringify(key.jwk)).toString('base64url')
  return { externalAccountBinding: { protected: header.toString('base64url'), payload, signature: 'AAAA' } }
}

describe('whose a request is that a jwk signed', () => {
  test.each(['new-account', 'revoke-cert'])('%s: a path counts from its networks only', async (operation) => {
    expect(await labelOf(`~team-a/${operation}`, INSIDE)).toBe('team-a')
    expect(await labelOf(`~team-a/${operation}`, OUTSIDE)).toBeNull()
    expect(await labelOf(operation, INSIDE)).toBeNull()
  })

  test('a new account is going to be of the label of its EAB key', async () => {
    expect(await labelOf('new-account', OUTSIDE, await bindingOf('team-b'))).toBe('team-b')
  })

  test.each([null, 'team-c'])(
    'of a key with an account of label %j, that, whatever it claims',
    async (label) => {
      const { jwk, thumbprint } = key
      await store.addAccount(brokerAccount({ endpoint: endpoint.name, jwk, thumbprint, label }))
      expect(await labelOf('~team-a/new-account', INSIDE)).toBe(label)
      expect(await labelOf('new-account', INSIDE, await bindingOf('team-b'))).toBe(label)
    },
  )
})
