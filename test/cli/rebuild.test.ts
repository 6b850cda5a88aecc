import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { createColors } from 'picocolors'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type ControlSocket, openControlSocket } from '../../src/api/control-socket.ts'
import type { InventoryProgress } from '../../src/audit/inventory/inventory-reader.ts'
import type { Application } from '../../src/cli/application.ts'
import { Meter, progressText } from '../../src/cli/rebuild.ts'
import { FakeOperations } from '../support/fake-operations.ts'
import { type Over, runOver } from '../support/run-over.ts'

const at = (projected: number, rebuilding = true): InventoryProgress => ({
  projected,
  recorded: 480_000,
  rebuilding,
  fault: null,
})

let operations: FakeOperations
let over: Over
let socket: ControlSocket | null
let fault: Error | null
const application: Partial<Application> = {
  async rebuild({ data }, onProgress) {
    operations.calls.push(['rebuild offline', data])
    if (fault !== null) throw fault
    for (const projected of [0, 240_000, 480_000]) onProgress(at(projected, projected < 480_000))
  },
}

beforeEach(() => {
  operations = new FakeOperations()
  over = runOver(operations, 0, application)
  ;[socket, fault] = [null, null]
})
afterEach(async () => {
  await socket?.close()
  over.end()
})

const startServer = async () => {
  mkdirSync(path.join(over.folder, 'data'))
  socket = await openControlSocket(operations, path.join(over.folder, 'data'), () => undefined)
}

test('without a server it is made anew from the file', async () => {
  const { code, out } = await over.run(['rebuild'])
  expect([code, out]).toEqual([0, 'the inventory is made anew: 480000 facts in 0 µs\n'])
  expect(operations.calls).toEqual([['rebuild offline', path.join(over.folder, 'data')]])
  fault = new Error('there is no record')
  expect(await over.run(['rebuild'])).toMatchObject({ code: 1, err: 'error: there is no record\n' })
  expect(await over.run(['rebuild', '--no-wait'])).toMatchObject({
    code: 1,
    err: expect.stringContaining('needs a running server'),
  })
})

test('a running server is told to, and followed until it is done', async () => {
  await startServer()
  const steps = [at(10), at(20), at(480_000, false)]
  operations.inventory.progress = async () => steps.shift() ?? at(480_000, false)
  const { code, out } = await over.run(['rebuild', '--json'])
  expect([code, JSON.parse(out)]).toEqual([0, { facts: 480_000, micros: 0 }])
  expect(operations.calls).not.toContainEqual(['rebuild offline', expect.anything()])
  expect(steps).toEqual([])
  operations.inventory.progress = async () => ({ ...at(20), fault: 'the disk is full' })
  expect(await over.run(['rebuild'])).toMatchObject({
    code: 1,
    err: expect.stringContaining('stands still at fact 20 of 480000: the disk is full'),
  })
  expect(await over.run(['rebuild', '--no-wait'])).toMatchObject({ code: 0, out: '' })
})

test('how far it is, how fast it goes and what is left', () => {
  expect(progressText(at(120_000), 120_000, 3_000_000)).toBe(
    'fact 120000 of 480000 (25 %), 40000 a second, 9.0 s left',
  )
  expect(progressText({ ...at(0), recorded: 0 }, 0, 0)).toBe('fact 0 of 0 (100 %)')
  let now = 0
  const told: string[] = []
  const meter = new Meter({
    env: {},
    columns: 80,
    colors: createColors(false),
    folder: '/',
    now: () => now,
    write: () => undefined,
    warn: (line) => told.push(line),
  })
  for (const [time, projected] of [
    [0, 100],
    [0.5, 200],
    [1, 300],
    [1.5, 400],
    [2, 500],
  ] as const) {
    now = time * 1e6
    meter.tell(at(projected))
  }
  expect(told.map((line) => line.split(' (')[0])).toEqual(['fact 300 of 480000', 'fact 500 of 480000'])
  expect(told[0]).toContain('200 a second')
})
