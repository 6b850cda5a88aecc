import { expect, test } from 'vitest'
import { histories } from '../../../src/audit/readiness/collect.ts'
import type { ClientHistory } from '../../../src/audit/readiness/history.ts'
import { FakeInventory } from '../../support/fake-inventory.ts'
import { aClient, anOrder } from '../../support/inventoried.ts'

test('a page of orders that is empty is not the end of them; no more than are looked at are read', async () => {
  const inventory = new FakeInventory()
  inventory.clientList = [aClient()]
  inventory.orderList = ['1', '2', '3', '4'].map((n) => anOrder({ id: n.repeat(16), status: 'valid' }))
  const pages: readonly (readonly number[])[] = [[], [0], [], [1, 2], [3]]
  inventory.orders = async (filter: { cursor?: string }) => {
    const page = Number(filter.cursor ?? 0)
    const items = pages[page]!.map((index) => inventory.orderList[index]!)
    return { items, next: page + 1 < pages.length ? String(page + 1) : null }
  }
  const { value: history } = await histories(inventory).next()
  expect((history as ClientHistory).orders.map(({ id }) => id[0])).toEqual(['1', '2', '3'])
})
