import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { inventoryFile } from '../../../src/store/sqlite/inventory/inventory-file.ts'
import { Story } from '../../support/acme-story.ts'
import { dumpInventory } from '../../support/inventory-dump.ts'
import { interleaved, life, randomOf } from '../../support/story-scripts.ts'
import { inventoried, keeperOf, makeFolder, record, takeIn } from './inventory-world.ts'

const KILLS = 6

test(`${KILLS} SIGKILLs in the middle of projecting: position and rows agree afterwards`, async () => {
  const world = await makeFolder()
  try {
    const story = new Story()
    const random = randomOf(11)
    const lives = Array.from({ length: 30 }, (_, index) => ({
      client: { address: `192.0.2.${index}`, userAgent: 'lego/4' },
      steps: life(story, `c${index}`, random, 5),
    }))
    await record(world.folder, interleaved(story, lives, random))
    const seen = new Set<number>()
    for (let n = 0; n < KILLS; n++) {
      const script = fileURLToPath(new URL('./project-until-killed.ts', import.meta.url))
      const child = spawn(process.execPath, [script, world.folder], { stdio: ['ignore', 'pipe', 'inherit'] })
      const exited = once(child, 'exit')
      await Promise.race([
        once(child.stdout, 'data'),
        exited.then(() => Promise.reject(new Error('ended early'))),
      ])
      await sleep(20 + Math.random() * 300)
      child.kill('SIGKILL')
      await exited
      seen.add(projectedRows(world.folder))
    }
    const keeper = keeperOf(world.folder)
    takeIn(keeper)
    keeper.close()
    expect(dumpInventory(inventoryFile(world.folder))).toEqual(inventoried(world.folder))
    expect(seen.size).toBeGreaterThan(1)
  } finally {
    await world.remove()
  }
})

/** Exchanges in the file; every one of them up to the position, and none beyond it. */
function projectedRows(folder: string): number {
  const db = new Database(inventoryFile(folder))
  try {
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
    const position = db
      .prepare("select cast(value as integer) from state where name = 'position'")
      .pluck()
      .get()
    const highest = db
      .prepare('select max(max(sequence), max(coalesce(ended, 0))) from exchanges')
      .pluck()
      .get()
    expect(highest ?? 0).toBe(position ?? 0)
    return (highest as number | null) ?? 0
  } finally {
    db.close()
  }
}
