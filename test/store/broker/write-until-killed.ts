/** Writes to the broker's store of argv[2] and says each write on stdout once it has resolved, until it is killed. */
import { writeSync } from 'node:fs'
import { openBrokerStore } from '../../../src/store/sqlite/broker/open-broker-store.ts'
import {
  brokerAccount,
  brokerAuthorization,
  brokerCertificate,
  brokerOrder,
  eabKey,
} from '../../support/broker/broker-values.ts'

const [, , folder = '', where] = process.argv
const store = await openBrokerStore({ folder, where: where === 'here' ? 'here' : 'thread' })
await store.addEabKey(eabKey({ id: 'k' }))

/** Three at a time: what shares a transaction is told by each for itself. */
async function issue(lane: number): Promise<void> {
  for (let n = lane; ; n += 3) {
    await store.addAccount(brokerAccount({ id: `a${n}`, eabKey: 'k' }))
    writeSync(1, `account ${n}\n`)
    const order = brokerOrder({ id: `o${n}`, status: 'ready', authorizations: [`z${n}`] })
    await store.addOrder(order, [brokerAuthorization({ id: `z${n}` })])
    writeSync(1, `order ${n}\n`)
    const processing = {
      ...order,
      status: 'processing',
      csr: 'MIIB',
      changedAt: order.changedAt + 1,
    } as const
    await store.putOrder(processing, order)
    writeSync(1, `processing ${n}\n`)
    const certificate = brokerCertificate({ id: `c${n}`, order: order.id })
    await store.addCertificate(certificate, { ...processing, status: 'valid', certificate: `c${n}` })
    writeSync(1, `issued ${n}\n`)
  }
}

await Promise.all([0, 1, 2].map(issue))
