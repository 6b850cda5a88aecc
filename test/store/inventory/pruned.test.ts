import { afterEach, beforeEach, expect, test } from 'vitest'
import { newExchangeId } from '../../../src/exchange/exchange-id.ts'
import { inventoryFile } from '../../../src/store/sqlite/inventory/inventory-file.ts'
import { openSqliteStore } from '../../../src/store/sqlite/open.ts'
import { Story } from '../../support/acme-story.ts'
import { stillClock } from '../../support/exchanges.ts'
import { dumpInventory } from '../../support/inventory-dump.ts'
import { interleaved, life, randomOf } from '../../support/story-scripts.ts'
import { keeperOf, makeFolder, record, takeIn } from './inventory-world.ts'

let world: Awaited<ReturnType<typeof makeFolder>>
let story: Story
let middle: number

beforeEach(async () => {
  world = await makeFolder()
  story = new Story()
  const random = randomOf(5)
  const lives = Array.from({ length: 6 }, (_, index) => ({
    client: { address: `192.0.2.${index}`, userAgent: 'lego/4' },
    steps: life(story, `c${index}`, random, 6),
  }))
  const began = story.now
  await record(world.folder, interleaved(story, lives, random))
  middle = Math.floor((began + story.now) / 2)
})

afterEach(() => world.remove())

async function prune(kind: 'exchanges' | 'bodies'): Promise<number> {
  const store = await openSqliteStore({
    folder: world.folder,
    now: 2,
    boot: newExchangeId(),
    software: 'test',
  })
  const clock = stillClock()
  clock.wall = story.now
  const keeping = store.keeping({ clock, instance: 'test', pseudonym: () => null })
  const before = { exchanges: null, bodies: null, personal: null, [kind]: middle }
  const [done] = await keeping.prune(before, Number.MAX_SAFE_INTEGER, new AbortController().signal)
  await store.close()
  return done?.removed ?? 0
}

/** What there is to compare, whatever has been pruned: `kept` counts with the rest. */
function shown(): Record<string, string[]> {
  return dumpInventory(inventoryFile(world.folder))
}

function counts({ summary = [] }: Record<string, string[]>): Record<string, number> {
  const totals: Record<string, number> = {}
  for (const row of summary) {
    const { kept: _, exchanges, ...of } = JSON.parse(row) as Record<string, number>
    totals[JSON.stringify(of)] = (totals[JSON.stringify(of)] ?? 0) + exchanges!
  }
  return totals
}

const OBJECTS = [
  'accounts',
  'clients',
  'orders',
  'authorizations',
  'challenges',
  'certificates',
  'failures',
  'rate_limits',
  'certificate_downloads',
  'order_authorizations',
  'name_sets',
]

test.each(['exchanges', 'bodies'] as const)(
  '%s removed for their age: objects and counts stay, also after a rebuild',
  async (kind) => {
    const keeper = keeperOf(world.folder)
    takeIn(keeper)
    const before = shown()
    expect(await prune(kind)).toBeGreaterThan(50)
    takeIn(keeper)
    const after = shown()
    expect(counts(after)).toEqual(counts(before))
    for (const table of OBJECTS) expect([table, after[table]]).toEqual([table, before[table]])
    const gone = before.exchanges!.length - after.exchanges!.length
    if (kind === 'exchanges') expect(gone).toBeGreaterThan(20)
    else expect(gone).toBe(0)
    await keeper.rebuild()
    takeIn(keeper)
    keeper.close()
    const rebuilt = shown()
    expect(counts(rebuilt)).toEqual(counts(before))
    for (const table of [...OBJECTS, 'exchanges', 'summary'])
      expect([table, rebuilt[table]]).toEqual([table, after[table]])
  },
)
