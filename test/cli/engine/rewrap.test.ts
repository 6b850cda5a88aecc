import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadApplication } from '../../../src/cli/application.ts'
import { createSealing } from '../../../src/engine/create-sealing.ts'
import type { Sealed, SealedPlace } from '../../../src/engine/sealing.ts'
import { readSealingSecretFile } from '../../../src/engine/sealing-secret.ts'
import { openEngineStore } from '../../../src/store/sqlite/engine/open-engine-store.ts'
import { lockFolder } from '../../../src/store/sqlite/lock.ts'
import { engineAccount } from '../../support/engine/engine-values.ts'
import { runHere } from '../../support/run-here.ts'

const PLACE: SealedPlace = { table: 'account', id: 'a1', column: 'key' }

let folder: string
let data: string
const run = async (...words: string[]) =>
  runHere(['engine', 'rewrap', ...words], folder, { application: await loadApplication() })

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'rewrap-'))
  data = path.join(folder, 'data')
  mkdirSync(data, { mode: 0o700 })
  writeFileSync(path.join(folder, 'acmetap.yaml'), 'version: 1\ncas: { pebble: { preset: pebble } }\n')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

async function sealUnder(secret: Buffer): Promise<void> {
  const store = await openEngineStore({ folder: data, where: 'here' })
  await store.putAccount(engineAccount({ id: 'a1', key: createSealing(secret).seal('the key', PLACE) }))
  await store.close()
}

async function sealed(): Promise<Sealed> {
  const store = await openEngineStore({ folder: data, where: 'here' })
  const [first] = await store.sealed()
  await store.close()
  return first!.sealed
}

function keyFile(name: string, secret: Buffer): string {
  const file = path.join(folder, name)
  writeFileSync(file, `${secret.toString('base64')}\n`, { mode: 0o600 })
  return file
}

test('engine.key is moved away: everything is sealed under a new one; once more does nothing', async () => {
  const before = randomBytes(32)
  await sealUnder(before)
  renameSync(keyFile('engine.key', before), path.join(folder, 'old.key'))
  const first = await run('--old-secret-file', 'old.key')
  expect([first.code, first.out]).toEqual([
    0,
    `1 key was sealed anew, under ${path.join(data, 'engine.key')}\n`,
  ])
  const after = await readSealingSecretFile(path.join(data, 'engine.key'))
  expect(createSealing(after).open(await sealed(), PLACE)).toBe('the key')
  expect((await run('--old-secret-file', 'old.key')).out).toContain('nothing to do')
  const json = await run('--old-secret-file', 'old.key', '--json')
  expect(JSON.parse(json.out)).toEqual({ sealed: 0, under: path.join(data, 'engine.key') })
})

test('a secret that fits nothing changes nothing, and is told in one line without the secrets', async () => {
  await sealUnder(randomBytes(32))
  const before = await sealed()
  const wrong = randomBytes(32)
  keyFile('wrong.key', wrong)
  const { code, err } = await run('--old-secret-file', 'wrong.key')
  expect(code).toBe(1)
  expect(err).toContain('opened neither by the old secret nor by the new one')
  expect(err).not.toContain(wrong.toString('base64'))
  expect(await sealed()).toBe(before)
})

test('files that are missing, and a folder that is held, are refused', async () => {
  keyFile('old.key', randomBytes(32))
  expect((await run('--old-secret-file', 'old.key')).err).toContain('there is nothing to seal anew')
  await sealUnder(randomBytes(32))
  expect((await run('--old-secret-file', 'nope.key')).err).toContain('there is no key file')
  expect((await run()).code).toBe(2)
  const lock = lockFolder(data)
  const held = await run('--old-secret-file', 'old.key')
  lock.release()
  expect(held).toMatchObject({ code: 1, err: expect.stringContaining('another acmetap is using') })
  expect(() => readFileSync(path.join(data, 'engine.key'))).toThrow('ENOENT')
})
