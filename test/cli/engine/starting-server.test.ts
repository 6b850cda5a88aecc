import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type ControlSocket, openControlSocket } from '../../../src/api/control-socket.ts'
import { engineAccountExample } from '../../../src/api/engine-examples.ts'
import { StoreRefusal } from '../../../src/store/refusal.ts'
import { FakeOperations } from '../../support/fake-operations.ts'
import { runHere } from '../../support/run-here.ts'
import { applicationOver } from '../../support/run-over.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'engine-starting-'))
  mkdirSync(path.join(folder, 'data'), { mode: 0o700 })
  writeFileSync(path.join(folder, 'acmetap.yaml'), 'version: 1\ncas: { pebble: { preset: pebble } }\n')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('a server that holds the folder and is about to answer is asked when it does', async () => {
  const operations = new FakeOperations()
  operations.engine.accountList = [engineAccountExample]
  let socket: ControlSocket | undefined
  const openEngine = async () => {
    socket = await openControlSocket(operations, path.join(folder, 'data'), () => undefined)
    throw new StoreRefusal('inUse', 'another acmetap is using the data folder')
  }
  const { code, out } = await runHere(['engine', 'accounts', 'list'], folder, {
    application: applicationOver(operations, { openEngine }),
  })
  await socket?.close()
  expect([code, out]).toEqual([0, expect.stringContaining(engineAccountExample.thumbprint)])
})

test('another reason why the folder cannot be opened is told at once', async () => {
  const openEngine = () => Promise.reject(new StoreRefusal('damaged', 'engine.sqlite is damaged'))
  const application = applicationOver(new FakeOperations(), { openEngine })
  const { code, err } = await runHere(['engine', 'accounts', 'list'], folder, { application })
  expect([code, err]).toEqual([1, 'error: engine.sqlite is damaged\n'])
})
