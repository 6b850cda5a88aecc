import type Database from 'better-sqlite3'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { FactDraft } from '../../../src/audit/record.ts'
import { openForReading } from '../../../src/store/sqlite/connection.ts'
import { databaseFile } from '../../../src/store/sqlite/folder.ts'
import { inventoryFile, openInventoryFile } from '../../../src/store/sqlite/inventory/inventory-file.ts'
import { Projector } from '../../../src/store/sqlite/inventory/projector.ts'
import { RecordFacts } from '../../../src/store/sqlite/inventory/record-facts.ts'
import { Story } from '../../support/acme-story.ts'
import { dumpInventory } from '../../support/inventory-dump.ts'
import { importedEvent, interleaved, life, pick, type Random, randomOf } from '../../support/story-scripts.ts'
import { inventoried, keeperOf, makeFolder, record, takeIn } from './inventory-world.ts'

/** Several clients' lives, some of them behind one address, with imports now and then. */
function* facts(story: Story, random: Random): Generator<FactDraft, void> {
  const lives = Array.from({ length: 4 }, (_, index) => ({
    client: {
      address: `192.0.2.${index % 3}`,
      userAgent: pick(random, ['certbot/1.0 x', 'certbot/2.0 x', 'lego']),
    },
    steps: life(story, `c${index}`, random, 4),
  }))
  const imported = [1, 2].map((n) => story.leaf([{ type: 'dns', value: `i${n}.example` }]) + story.root.pem)
  for (const fact of interleaved(story, lives, random)) {
    yield fact
    if (random() < 0.01) yield importedEvent(story, imported, `host${Math.floor(random() * 3)}`)
  }
}

/** In slices of any size, with restarts, and with facts that were taken in before taken in again. */
function takeInByPieces(folder: string, random: Random): void {
  const position = (db: Database.Database, sequence: number, source: RecordFacts) =>
    db
      .prepare("update state set value = ? where name = 'position'")
      .run(`${sequence} ${source.digestOf(sequence) ?? ''}`)
  for (;;) {
    const source = new RecordFacts(openForReading(databaseFile(folder)))
    const db = openInventoryFile(inventoryFile(folder), source)
    const projector = new Projector(db, source)
    let more = true
    for (let slice = 0; more && slice < 5; slice++) more = projector.step(pick(random, [0, 0, 0.2, 1, 5]))
    if (more && random() < 0.3)
      position(db, Math.max(1, projector.position - Math.floor(random() * 40)), source)
    db.close()
    source.close()
    if (!more) return
  }
}

test('rebuilt equals incremental: any slices, restarts and repeated facts', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const world = await makeFolder()
      try {
        const random = randomOf(seed)
        await record(world.folder, facts(new Story(), random), 50)
        takeInByPieces(world.folder, random)
        const incremental = dumpInventory(inventoryFile(world.folder))
        expect(incremental).toEqual(inventoried(world.folder))
        expect(incremental.exchanges!.length).toBeGreaterThan(30)
        const keeper = keeperOf(world.folder)
        await keeper.rebuild()
        expect(keeper.progress()).toMatchObject({ projected: 0, rebuilding: true, fault: null })
        takeIn(keeper)
        expect(keeper.progress().rebuilding).toBe(false)
        keeper.close()
        expect(dumpInventory(inventoryFile(world.folder))).toEqual(incremental)
      } finally {
        await world.remove()
      }
    }),
    { numRuns: 6, endOnFailure: true },
  )
}, 120_000)
