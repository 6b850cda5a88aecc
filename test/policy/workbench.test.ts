import { expect, test } from 'vitest'
import { countedOrder } from '../../src/policy/counted-order.ts'
import { IssuanceHistory } from '../../src/policy/issuance-history.ts'
import { supposedFacts } from '../../src/policy/supposed-facts.ts'
import type { SupposedClient, SupposedRequest } from '../../src/policy/supposed-request.ts'
import { explainRequest, usable } from '../../src/policy/workbench.ts'

const NOW = Date.parse('2030-01-02T12:00:00Z')
const WHOLE = {
  address: '192.0.2.7',
  label: 'web',
  userAgent: 'certbot/2.1.0',
  account: 'https://ca.example/acct/1',
}

function order(client: SupposedClient): SupposedRequest {
  return { operation: 'newOrder', names: ['a.test'], at: NOW, mode: 'relay', ca: 'ca', client }
}

test('the orders of a client of whom only a part is said are not known, instead of none', async () => {
  const text = `version: 1
rules:
  - { name: budget, when: { orders: { per: client, within: 7d, count: '>=9' } }, effect: warn }
  - { name: each, when: { orders: { per: account, within: 7d, count: '>=9' } }, effect: warn }
`
  const policy = await usable({ file: 'p.yaml', text, files: {} })
  const history = new IssuanceHistory()
  history.use(policy.needs.history)
  const before = { ...order(WHOLE), at: NOW - 3_600_000 }
  const one = countedOrder(supposedFacts(before, null), 'one')
  await history.seed(
    (async function* () {
      yield one
    })(),
    NOW - 30 * 86_400_000,
  )
  const counted = async (client: SupposedClient) =>
    (await explainRequest(policy, 'p.yaml', order(client), history)).read.history
  expect(await counted(WHOLE)).toEqual({
    'orders per client within 7d': 1,
    'orders per account within 7d': 1,
  })
  const { userAgent: _, ...part } = WHOLE
  expect(await counted(part)).toEqual({ 'orders per account within 7d': 1 })
})
