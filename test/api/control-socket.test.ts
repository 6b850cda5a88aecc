import {
  existsSync,
  linkSync,
  lstatSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type ControlSocket, openControlSocket } from '../../src/api/control-socket.ts'
import type { RecordedExchange } from '../../src/audit/record-store.ts'
import { connectControl } from '../../src/cli/control-client.ts'
import { FakeOperations } from '../support/fake-operations.ts'
import { recorded } from '../support/recorded-exchange.ts'

let folder: string
let operations: FakeOperations
const opened: ControlSocket[] = []
const open = async (data = path.join(folder, 'data')) => {
  const socket = await openControlSocket(operations, data, () => undefined)
  opened.push(socket)
  return socket
}

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'control-'))
  operations = new FakeOperations([recorded({ sequence: 1, operation: 'newOrder' })])
})
afterEach(async () => {
  await Promise.all(opened.splice(0).map((socket) => socket.close()))
  rmSync(folder, { recursive: true, force: true })
})

test('the socket is for this user alone, and goes with the server', async () => {
  const umask = process.umask()
  const socket = await open()
  expect(statSync(socket.path).mode & 0o777).toBe(0o600)
  expect(statSync(path.dirname(socket.path)).mode & 0o777).toBe(0o700)
  expect(process.umask()).toBe(umask)
  await opened.pop()!.close()
  expect(existsSync(socket.path)).toBe(false)
})

test('a second server on the folder is refused; what a dead one left is replaced', async () => {
  const first = await open()
  await expect(open()).rejects.toThrow(/another acmetap serves this data folder/)
  await opened.pop()!.close()
  const server = createServer().listen(first.path)
  await new Promise((resolve) => server.once('listening', resolve))
  const stale = `${first.path}.stale`
  linkSync(first.path, stale)
  await new Promise((resolve) => server.close(resolve))
  renameSync(stale, first.path)
  expect(lstatSync(first.path).isSocket()).toBe(true)
  await open()
  expect(await (await connectControl(first.path))!.accounts()).toEqual([])
})

test('a file in the way is left alone', async () => {
  writeFileSync(path.join(folder, 'control.sock'), 'mine')
  await expect(open(folder)).rejects.toThrow(/is in the way/)
  expect(statSync(path.join(folder, 'control.sock')).size).toBe(4)
})

test('a path too long for a socket is told', async () => {
  await expect(open(path.join(folder, 'x'.repeat(120)))).rejects.toThrow(/too long for a socket/)
})

test('every operation passes through unchanged', async () => {
  const { path: socketPath } = await open()
  const remote = (await connectControl(socketPath))!
  expect(await remote.exchanges({ ca: 'pebble', since: 5 }, 7)).toEqual(operations.found)
  expect(operations.calls).toEqual([['exchanges', { ca: 'pebble', since: 5 }, 7]])
  expect(await remote.exchange(operations.found[0]!.id)).toEqual(operations.found[0])
  expect(await remote.exchange('none')).toBeNull()
  operations.kept.set('ab'.repeat(32), Buffer.from([1, 2, 0]))
  expect(await remote.body('x', 'ab'.repeat(32))).toEqual(Buffer.from([1, 2, 0]))
  expect(await remote.body('x', '00'.repeat(32))).toBeNull()
  expect(await remote.cas()).toEqual(await operations.cas())
  expect(await remote.probe('pebble')).toEqual(await operations.cas())
  await expect(remote.probe('no')).rejects.toThrow('there is no CA no')
  expect(await remote.backup('/b')).toEqual({ file: '/b', bytes: 4096 })
  expect(await remote.reload()).toEqual(await operations.reload())
  expect(await remote.status()).toEqual(await operations.status())
})

test('a tail streams what ends, and leaving it ends it on the server', async () => {
  const { path: socketPath } = await open()
  operations.upcoming = [3, 5, 7].map((sequence) => recorded({ sequence, operation: 'order' }))
  const remote = (await connectControl(socketPath))!
  const leaving = new AbortController()
  const seen: RecordedExchange[] = []
  for await (const exchange of remote.tail(3, leaving.signal)) {
    seen.push(exchange)
    if (seen.length === 3) leaving.abort()
  }
  expect(seen).toEqual(operations.upcoming)
  expect(operations.calls).toEqual([['tail', 3]])
  await expect.poll(() => operations.tailsRunning).toBe(0)
})

test('closing the server ends a running tail', async () => {
  const { path: socketPath } = await open()
  operations.upcoming = [recorded({ sequence: 3, operation: 'order' })]
  const remote = (await connectControl(socketPath))!
  const seen: number[] = []
  for await (const exchange of remote.tail(null, new AbortController().signal)) {
    seen.push(exchange.intent.sequence)
    void opened.pop()?.close()
  }
  expect(seen).toEqual([3])
})

test('where nobody listens there is no server', async () => {
  expect(await connectControl(path.join(folder, 'none.sock'))).toBeNull()
})
