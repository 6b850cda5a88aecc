import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { connectServer } from '../../src/cli/backend.ts'
import { loadConfig } from '../../src/config/load.ts'

const NOBODY = 65_534

/** Runs `work` as a user who is not root. */
async function asOrdinaryUser<T>(work: () => Promise<T>): Promise<T> {
  if (process.geteuid!() !== 0) return work()
  process.seteuid!(NOBODY)
  try {
    return await work()
  } finally {
    process.seteuid!(0)
  }
}

test('a data folder that is closed to this user is called that, not empty', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'closed-'))
  const file = path.join(folder, 'acmetap.yaml')
  writeFileSync(file, 'version: 1\ncas: { pebble: { preset: pebble } }\n')
  const { config } = loadConfig(file)
  expect(await connectServer(config)).toBeNull()
  chmodSync(folder, 0o755)
  mkdirSync(config.data, { mode: 0o000 })
  expect(await asOrdinaryUser(() => connectServer(config).catch((error: unknown) => error))).toMatchObject({
    name: 'CliError',
    message: `no right to look into ${config.data}`,
    advice: expect.stringMatching(/as the user that runs the server/),
  })
  rmSync(folder, { recursive: true })
})
