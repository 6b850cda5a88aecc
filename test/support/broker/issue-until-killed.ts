/**
 * Issuances in a process of their own, over a store on disk and CAs whose journals are files: goes on with the order it is
 * asked for, or makes it, until it has ended or somebody ends the process. `node issue-until-killed.ts '{"folder":…}'`;
 * ACMETAP_FAILPOINTS says where.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { brokerFailPointOf } from '../../../src/app/engine/fail-point.ts'
import type { BrokerOrder } from '../../../src/broker/objects.ts'
import { openBrokerStore } from '../../../src/store/sqlite/broker/open-broker-store.ts'
import { FakeIssuer, failing } from './fake-issuer.ts'
import type { IssuingTask } from './issuance-drill.ts'
import { IssuanceWorld } from './issuance-world.ts'

const { folder, name, story } = JSON.parse(process.argv[2]!) as IssuingTask
const store = await openBrokerStore({ folder, where: 'here' })
const issuers = ['one', 'two'].map((ca) => new FakeIssuer(ca, { journal: join(folder, `${ca}.journal`) }))
for (const issuer of issuers) {
  if (story === 'moved' && issuer.ca === 'one')
    issuer.steps.authorize = failing('one', 'refused', 'CAA forbids it')
  if (story === 'failed') issuer.steps.finalize = failing(issuer.ca, 'refused', 'badCSR')
}
const world = new IssuanceWorld({
  store,
  issuers,
  failPoint: brokerFailPointOf(process.env.ACMETAP_FAILPOINTS),
})
await world.issuances.start()
console.log('{"ready":true}')

const known = await store.orders({ limit: 100 })
const mine = known.find(({ identifiers }) => identifiers[0]?.value === name)
let order: BrokerOrder = mine ?? (await begun())
while (order.status !== 'valid' && order.status !== 'invalid') {
  if (order.status === 'pending') await prove(order)
  if (order.status === 'ready') order = await world.finalize(order).catch(() => order)
  await sleep(2)
  order = await world.found(order)
}
console.log(JSON.stringify({ ended: order.status }))
await world.issuances.close()
await store.close()

async function begun(): Promise<BrokerOrder> {
  const [account = await world.account()] = await store.accounts({ limit: 1 })
  return world.begin(world.request(account, [name], { status: 'pending' }))
}

/** As if the client had answered a challenge. */
async function prove(pending: BrokerOrder): Promise<void> {
  for (const authorization of await store.authorizations(pending, pending.authorizations)) {
    const valid = { ...authorization, status: 'valid' } as const
    if (authorization.status === 'pending') await store.putAuthorization(valid, authorization)
    await world.issuances.settled(valid)
  }
}
