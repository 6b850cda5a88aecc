import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { verifyChain } from '../../src/audit/chain.ts'
import { newExchangeId } from '../../src/exchange/exchange-id.ts'
import { StoreFaults } from '../../src/store/sqlite/faults.ts'
import { databaseFile } from '../../src/store/sqlite/folder.ts'
import { openSqliteStore, type SqliteStore } from '../../src/store/sqlite/open.ts'
import { entryOf, intentOf, outcomeOf, wholeExchange } from '../support/facts.ts'

let base: string

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'acmetap-faults-'))
})

afterEach(() => rm(base, { recursive: true }))

function open(folder: string, faults?: StoreFaults): Promise<SqliteStore> {
  const options = { folder, now: 1, boot: newExchangeId(), software: 'test' }
  return openSqliteStore(faults ? { ...options, faults } : options)
}

test('a lock held by another connection: refused as locked, and written again once it is gone', async () => {
  const opened = await open(base)
  await opened.store.append(wholeExchange().entry)
  const other = new Database(databaseFile(base))
  other.exec('begin immediate')
  const refused = await Promise.race([
    opened.store.append(wholeExchange().entry).catch((error: unknown) => error),
    new Promise((resolve) => setTimeout(resolve, 30_000, 'no answer').unref()),
  ])
  expect(refused).toMatchObject({ name: 'StoreUnavailable', reason: 'locked' })
  await expect(opened.store.probe()).rejects.toMatchObject({ reason: 'locked' })
  other.exec('rollback')
  other.close()
  await opened.store.probe()
  await opened.store.append(wholeExchange().entry)
  expect(await verifyChain(opened.reader)).toMatchObject({ facts: 4, firstBroken: null })
  await opened.close()
})

describe('faults of a commit', () => {
  for (const [fault, reason] of [
    ['full', 'full'],
    ['locked', 'locked'],
    ['io', 'io'],
  ] as const) {
    test(`${fault}: every entry of the batch is refused, nothing of it is written`, async () => {
      const faults = new StoreFaults()
      const opened = await open(base, faults)
      await opened.store.append(wholeExchange().entry)
      faults.failCommits(fault)
      const lost = [wholeExchange(), wholeExchange()]
      for (const result of await Promise.allSettled(lost.map(({ entry }) => opened.store.append(entry)))) {
        expect(result).toMatchObject({ status: 'rejected', reason: { name: 'StoreUnavailable', reason } })
      }
      faults.failCommits('none')
      await opened.store.append(lost[1]!.entry)
      expect(await opened.reader.exchange(lost[0]!.id)).toBeNull()
      expect(await verifyChain(opened.reader)).toMatchObject({ facts: 4, firstBroken: null })
      await opened.close()
    })
  }

  test('reported as failed and yet applied: the chain goes on from what is really there', async () => {
    const faults = new StoreFaults()
    const opened = await open(base, faults)
    const id = newExchangeId()
    faults.failCommits('applied')
    await expect(opened.store.append(entryOf([intentOf(id)]))).rejects.toMatchObject({ reason: 'io' })
    faults.failCommits('none')
    await opened.store.append(wholeExchange().entry)
    await opened.store.append(entryOf([outcomeOf(id, { content: { outcome: 'notSent', status: null } })]))
    expect((await opened.reader.exchange(id))?.outcome?.outcome).toBe('notSent')
    expect(await verifyChain(opened.reader)).toMatchObject({ facts: 4, firstBroken: null })
    await opened.close()
  })

  test('slow: entries wait, the event loop does not, and all are written at last', async () => {
    const faults = new StoreFaults()
    const opened = await open(base, faults)
    faults.delayCommits(60_000)
    let settled = 0
    const appended = Array.from({ length: 20 }, () =>
      opened.store.append(wholeExchange().entry).then(() => {
        settled += 1
      }),
    )
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(settled).toBe(0)
    expect(opened.store.pressure().waiting).toBe(20)
    expect(await opened.reader.facts(1, 10)).toEqual([])
    faults.delayCommits(0)
    await Promise.all(appended)
    expect(await opened.reader.facts(1, 100)).toHaveLength(40)
    await opened.close()
  })
})

test('a full disk: refused as full, nothing acknowledged is lost, and written again once there is room', async (ctx) => {
  const mount = join(base, 'small')
  mkdirSync(mount)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', mount], { stdio: 'pipe' })
  } catch (error) {
    return ctx.skip(`needs to mount a tmpfs, which takes root: ${(error as Error).message}`)
  }
  try {
    const folder = join(mount, 'data')
    const opened = await open(folder)
    const kept: string[] = []
    const bodyOf = () => ({ bytes: randomBytes(20_000), repeats: false })
    for (let round = 0; round < 3; round++) {
      await opened.store.append(wholeExchange().entry)
      const { bavail, bsize } = statfsSync(mount)
      const ballast = join(mount, 'ballast')
      writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - 200_000)))
      expect(statSync(ballast).size).toBeGreaterThan(0)
      let refusal: unknown = null
      for (let n = 0; n < 200 && refusal === null; n++) {
        const id = newExchangeId()
        try {
          await opened.store.append(entryOf([intentOf(id, { bodies: [bodyOf()] })]))
          kept.push(id)
        } catch (error) {
          refusal = error
        }
      }
      expect(refusal).toMatchObject({ name: 'StoreUnavailable', reason: 'full' })
      rmSync(ballast)
      await opened.store.probe()
      const again = wholeExchange()
      await opened.store.append(again.entry)
      expect((await opened.reader.exchange(again.id))?.outcome?.status).toBe(201)
    }
    for (const id of kept) expect((await opened.reader.exchange(id))?.id).toBe(id)
    expect(await verifyChain(opened.reader)).toMatchObject({ firstBroken: null, altered: [] })
    await opened.close()
    const db = new Database(databaseFile(folder), { readonly: true })
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
    db.close()
  } finally {
    execFileSync('umount', [mount])
  }
})
