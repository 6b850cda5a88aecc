import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { verifyChain } from '../../src/audit/chain.ts'
import { newExchangeId } from '../../src/exchange/exchange-id.ts'
import { databaseFile } from '../../src/store/sqlite/folder.ts'
import { openSqliteReader, openSqliteStore } from '../../src/store/sqlite/open.ts'
import { sha256 } from '../support/facts.ts'

const KILLS = 10

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmetap-kill-'))
})

afterEach(() => rm(folder, { recursive: true }))

function startChild(script: string, ...args: string[]) {
  const path = fileURLToPath(new URL(script, import.meta.url))
  return spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
}

test(`${KILLS} SIGKILLs at random moments: what was acknowledged is there, and nothing is broken`, async () => {
  const acknowledged = { intent: new Set<string>(), outcome: new Set<string>() }
  for (let n = 0; n < KILLS; n++) {
    const child = startChild('./append-until-killed.ts', folder)
    const exited = once(child, 'exit')
    const lines = createInterface({ input: child.stdout })
    const ready = Promise.withResolvers<void>()
    const closed = once(lines, 'close')
    lines.on('line', (line) => {
      if (line === 'ready') ready.resolve()
      const [kind, id] = line.split(' ')
      if (kind === 'intent' || kind === 'outcome') acknowledged[kind].add(id ?? '')
    })
    await Promise.race([
      ready.promise,
      exited.then(() => Promise.reject(new Error('ended before it was ready'))),
    ])
    await sleep(20 + Math.random() * 180)
    child.kill('SIGKILL')
    await exited
    await closed
  }
  expect(acknowledged.intent.size).toBeGreaterThan(KILLS)

  const opened = await openSqliteStore({ folder, now: 1, boot: newExchangeId(), software: 'test' })
  await opened.store.closeDeadIntents(1, 1)
  await opened.close()

  const reader = openSqliteReader(folder)
  for (const id of acknowledged.intent) {
    const exchange = await reader.exchange(id)
    expect(exchange?.outcome?.outcome).toMatch(/^(response|unknown)$/)
    if (acknowledged.outcome.has(id)) {
      expect(exchange?.outcome?.outcome).toBe('response')
      expect(await reader.resources('pebble', 'localhost:8443', `/order/${id}`)).toHaveLength(1)
    }
    expect(String(await reader.body(id, sha256(`body of ${id}`)))).toBe(`body of ${id}`)
  }
  const report = await verifyChain(reader)
  expect(report).toMatchObject({ firstBroken: null, altered: [] })
  expect(report.facts).toBeGreaterThanOrEqual(acknowledged.intent.size + acknowledged.outcome.size)
  await reader.close()

  const db = new Database(databaseFile(folder), { readonly: true })
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
  expect(db.prepare('select count(*) from open_intents').pluck().get()).toBe(0)
  db.close()
})

test('a second open of the folder is refused; SIGKILL of the first sets the folder free', async () => {
  const child = startChild('./hold-folder.ts', folder, newExchangeId())
  const exited = once(child, 'exit')
  await once(child.stdout, 'data')
  const open = () => openSqliteStore({ folder, now: 1, boot: newExchangeId(), software: 'test' })
  const refusal = await open().catch((error: Error) => error)
  expect(refusal).toMatchObject({ name: 'StoreRefusal', reason: 'inUse' })
  expect((refusal as Error).message).toContain(folder)
  child.kill('SIGKILL')
  await exited
  const opened = await open()
  await expect(open()).rejects.toMatchObject({ reason: 'inUse' })
  await opened.close()
  await (await open()).close()
})
