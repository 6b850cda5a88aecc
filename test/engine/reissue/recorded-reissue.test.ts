import { afterEach, beforeEach, expect, test } from 'vitest'
import { readCertificateRequest } from '../../../src/acme/certificate-request.ts'
import { keptRequests } from '../../../src/engine/reissue/kept-request.ts'
import { makePlan } from '../../../src/engine/reissue/make-plan.ts'
import { newExchangeId } from '../../../src/exchange/exchange-id.ts'
import { openInventory } from '../../../src/store/sqlite/inventory/open-inventory.ts'
import { openSqliteStore } from '../../../src/store/sqlite/open.ts'
import { makeFolder } from '../../store/inventory/inventory-world.ts'
import { dns, ORIGIN, Story } from '../../support/acme-story.ts'
import { MemoryEngineStore } from '../../support/engine/memory-engine-store.ts'
import { stillClock } from '../../support/exchanges.ts'
import { createAccount, entriesOf, issuance } from '../../support/story-scripts.ts'

let world: Awaited<ReturnType<typeof makeFolder>>
beforeEach(async () => {
  world = await makeFolder()
})
afterEach(() => world.remove())

test('what clients obtained is planned by the requests that are in the record', async () => {
  const story = new Story()
  const account = `${ORIGIN}/acct/1`
  const facts = [createAccount(account, ['mailto:ops@example.com'])]
  const orders = [dns('www.example.com', 'example.com'), dns('*.example.com'), dns('other.example.org')]
  for (const [n, names] of orders.entries()) {
    const authorizations = names.map((_, at) => `${ORIGIN}/authz/${n}-${at}`)
    const plan = { account, order: `${ORIGIN}/order/${n}`, names, authorizations }
    facts.push(...issuance(story, plan, story.leaf(names) + story.root.pem))
  }
  const client = { address: '192.0.2.9', userAgent: 'lego/4' }
  const drafts = facts.flatMap((told) => {
    const { intent, outcome } = story.exchange(client, told)
    return [intent, outcome]
  })
  const record = await openSqliteStore({
    folder: world.folder,
    now: 1,
    boot: newExchangeId(),
    software: 'test',
  })
  const inventory = await openInventory({ folder: world.folder })
  try {
    for (const entry of entriesOf(drafts, 10)) await record.store.append(entry)
    const clock = stillClock()
    clock.wall = story.now + 80 * 86_400_000_000
    const asked: (Buffer | null)[] = []
    const { lines } = await makePlan(
      {
        store: new MemoryEngineStore(),
        inventory: inventory.reader,
        keptRequest: keptRequests(record.reader, inventory.reader),
        managed: () => undefined,
        hasCa: (ca) => ca === 'story',
        solverFault: () => null,
        policyFault: async ({ csr }) => {
          asked.push(csr)
          return null
        },
        clock,
      },
      { where: 'name~.example.com and expires<14d and observed', madeBy: 'ops', pace: 0, stopAt: 20 },
    )
    expect(lines.map(({ way, names }) => [way, names])).toEqual([
      ['repeat', orders[1]],
      ['repeat', orders[0]],
    ])
    for (const [at, csr] of asked.entries()) {
      const request = await readCertificateRequest(csr!)
      expect(request?.names).toEqual(lines[at]?.names)
      expect(request?.signature.verified).toBe(true)
    }
  } finally {
    await inventory.close()
    await record.close()
  }
})
