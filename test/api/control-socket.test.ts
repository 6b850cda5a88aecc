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
import {
  certificateExample,
  orderDetailExample,
  pemExample,
  progressExample,
  summaryExample,
} from '../../src/api/examples.ts'
import { orderFilter } from '../../src/audit/inventory/order.ts'
import { summaryFilter } from '../../src/audit/inventory/summary.ts'
import { FilterRefused } from '../../src/audit/inventory/values.ts'
import type { RecordedExchange } from '../../src/audit/record-store.ts'
import { CliError } from '../../src/cli/cli-error.ts'
import { connectControl } from '../../src/cli/control-client.ts'
import { FakeOperations } from '../support/fake-operations.ts'
import { recorded } from '../support/recorded-exchange.ts'
import { ExampleOperations, LOCAL } from './example-operations.ts'

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

test('the inventory answers over the socket as it does here', async () => {
  const examples = new ExampleOperations()
  operations = examples
  const { inventory } = (await connectControl((await open()).path))!
  const local = examples.inventory
  const filter = orderFilter.parse({ name: '.example.com', since: '2026-01-31T12:00:00Z', limit: '7' })
  expect(await inventory.orders(filter)).toEqual(await local.orders(filter))
  expect(local.calls[0]).toEqual(local.calls[1])
  const unfiltered = { limit: 50 }
  for (const list of [
    'exchanges',
    'accounts',
    'clients',
    'challenges',
    'certificates',
    'failures',
    'rateLimits',
  ] as const) {
    expect(await inventory[list](unfiltered), list).toEqual(await local[list](unfiltered))
  }
  expect(await inventory.order(orderDetailExample.url)).toEqual(orderDetailExample)
  expect(await inventory.order('0'.repeat(16))).toBeNull()
  expect(await inventory.certificate(certificateExample.fingerprint)).toEqual(certificateExample)
  expect(await inventory.certificate('00')).toBeNull()
  expect(await inventory.certificatePem(certificateExample.fingerprint)).toBe(pemExample)
  expect(await inventory.certificatePem('00')).toBeNull()
  const by = summaryFilter.parse({ by: 'ca,mode', every: 'day' })
  expect(await inventory.summary(by)).toEqual(summaryExample)
  expect(local.calls.at(-1)).toEqual(['summary', by])
  expect(await inventory.progress()).toEqual(progressExample)
})

test('what the inventory refuses is told in its own words', async () => {
  operations.inventory.orders = async () => {
    throw new FilterRefused('ca', 'there is no CA "x"')
  }
  const remote = (await connectControl((await open()).path))!
  await expect(remote.inventory.orders({ limit: 50, ca: 'x' })).rejects.toThrow(
    new FilterRefused('ca', 'there is no CA "x"'),
  )
  await expect(remote.inventory.orders({ limit: 50, ca: 'x' })).rejects.toBeInstanceOf(FilterRefused)
  await expect(remote.inventory.orders({ limit: 0 })).rejects.toBeInstanceOf(CliError)
})

test('imports of any size, tokens, rebuild, forget and notes pass through, as the local user', async () => {
  const remote = (await connectControl((await open()).path))!
  const other = { kind: 'token', token: 'x', name: 'somebody else' } as const
  const one = { pem: `-----BEGIN CERTIFICATE-----\n${'A'.repeat(5000)}`, path: '/x', ca: null, format: 'pem' }
  const given = { host: 'web1', unmanaged: true, certificates: Array.from({ length: 2500 }, () => one) }
  expect(await remote.importCertificates(given, other)).toEqual({ added: 2500, known: 0, problems: [] })
  const parts = operations.calls.splice(0)
  expect(parts.length).toBeGreaterThan(2)
  expect(parts.every(([, , actor]) => (actor as { kind: string }).kind === 'local')).toBe(true)
  expect(parts.reduce((sum, [, part]) => sum + (part as typeof given).certificates.length, 0)).toBe(2500)
  const key = { ...given, certificates: [{ ...one, pem: '-----BEGIN PRIVATE KEY-----' }] }
  await expect(remote.importCertificates(key, other)).rejects.toThrow(/holds a private key/)
  await remote.rebuild(other)
  expect(await remote.forget('192.0.2.7', other, true)).toEqual({ values: 2, bodies: 1, kinds: ['address'] })
  const wanted = { name: 'ci', role: 'operator', expires: 1_900_000_000_000_000 } as const
  const { token, text } = await remote.createToken(wanted, other)
  expect([token, text]).toEqual([operations.shownTokens[0], expect.stringMatching(/^acmetap_/)])
  expect(await remote.tokens()).toEqual(operations.shownTokens)
  await remote.revokeToken(token.id, other)
  await expect(remote.revokeToken(token.id, other)).rejects.toThrow('there is no token with this id')
  operations.unpauseLinks.set('https://ca.example/acct/1', 'https://ca.example/unpause')
  expect(await remote.unpauseLink('https://ca.example/acct/1')).toBe('https://ca.example/unpause')
  expect(await remote.unpauseLink('https://ca.example/acct/2')).toBeNull()
  const exported = { event: 'exported', what: 'certificates', filter: { ca: 'x' }, rows: 3 } as const
  await remote.note(other, exported)
  expect(operations.calls.map(([what]) => what)).toEqual([
    'rebuild',
    'forget',
    'createToken',
    'revokeToken',
    'revokeToken',
  ])
  expect(operations.noted).toEqual([{ actor: LOCAL, what: exported }])
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
