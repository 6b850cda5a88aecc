import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createColors } from 'picocolors'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type ControlSocket, openControlSocket } from '../../src/api/control-socket.ts'
import { run } from '../../src/cli/program.ts'
import { FakeOperations } from '../support/fake-operations.ts'

const NOW = 1_800_000_000_000_000
let folder: string
let operations: FakeOperations
let socket: ControlSocket

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'token-'))
  writeFileSync(join(folder, 'acmetap.yaml'), 'version: 1\n')
  operations = new FakeOperations()
  socket = await openControlSocket(operations, join(folder, 'data'), () => undefined)
})
afterEach(async () => {
  await socket.close()
  rmSync(folder, { recursive: true, force: true })
})

async function acmetap(...words: string[]) {
  let [out, warned] = ['', '']
  const code = await run(['--config', join(folder, 'acmetap.yaml'), ...words], {
    env: {},
    columns: 100,
    colors: createColors(false),
    folder,
    now: () => NOW,
    write: (text) => {
      out += text
    },
    warn: (line) => {
      warned += `${line}\n`
    },
  })
  return { code, out, warned }
}

test('a token is told once, alone on standard output', async () => {
  const loud = await acmetap('token', 'create', 'dashboard', '--role', 'viewer')
  expect(loud.code).toBe(0)
  expect(loud.out).toMatch(/^acmetap_[0-9a-f]{8}_[\w-]{43}\n$/)
  expect(loud.warned).toMatch(/not told again.*does not expire.*00000001/i)
  const quiet = await acmetap(
    'token',
    'create',
    'ci',
    '--role',
    'operator',
    '--expires',
    '2030-01-01',
    '--quiet',
  )
  expect([quiet.code, quiet.warned]).toEqual([0, ''])
  expect(quiet.out).toMatch(/^acmetap_00000002_[\w-]{43}\n$/)
  expect(operations.shownTokens.map(({ name, role, expires }) => [name, role, expires])).toEqual([
    ['dashboard', 'viewer', null],
    ['ci', 'operator', Date.parse('2030-01-01') * 1000],
  ])
})

test('90d is from now on', async () => {
  const before = Date.now()
  await acmetap('token', 'create', 'x', '--role', 'admin', '--expires', '90d')
  const days = (operations.shownTokens[0]!.expires! / 1000 - before) / 86_400_000
  expect(Math.round(days)).toBe(90)
})

test('the list shows no text; one that has ended says so', async () => {
  const made = await acmetap(
    'token',
    'create',
    'old',
    '--role',
    'viewer',
    '--expires',
    '2020-01-01',
    '--json',
  )
  const { text, ...token } = JSON.parse(made.out)
  const { out } = await acmetap('token', 'list')
  expect(out).toMatch(
    /ID +NAME +ROLE +MADE +ENDS\n00000001 +old +viewer +\S+ +2020-01-01T\S+ \(has ended\)\n/,
  )
  expect(out).not.toContain(text)
  expect(JSON.parse((await acmetap('token', 'list', '--json')).out)).toEqual([token])
})

test('a token is revoked by its id', async () => {
  await acmetap('token', 'create', 'x', '--role', 'admin')
  expect(await acmetap('token', 'revoke', '00000001')).toMatchObject({
    code: 0,
    warned: 'token 00000001 is revoked\n',
  })
  expect(operations.shownTokens).toEqual([])
  const again = await acmetap('token', 'revoke', '00000001')
  expect([again.code, again.warned]).toEqual([1, 'error: there is no token with this id\n'])
  expect(await acmetap('token', 'list')).toMatchObject({ out: '', warned: 'there is no token\n' })
})

test.each([
  [['token', 'create', 'x'], 2, /--role/],
  [['token', 'create', '--role', 'viewer'], 2, /name/],
  [['token', 'create', 'x', '--role', 'root'], 2, /--role must be one of viewer, operator, admin/],
  [['token', 'create', 'x', '--role', 'viewer', '--expires', 'soon'], 2, /--expires must be a time like/],
  [['token', 'revoke', 'acmetap_00000001_secret'], 2, /never the token itself/],
])('%j is refused', async (words, code, says) => {
  const answer = await acmetap(...words)
  expect([answer.code, answer.warned]).toEqual([code, expect.stringMatching(says)])
  expect(answer.warned).not.toContain('secret')
  expect(operations.calls).toEqual([])
})

test('without a server there are no tokens to make', async () => {
  await socket.close()
  const answer = await acmetap('token', 'create', 'x', '--role', 'viewer')
  expect([answer.code, answer.out]).toEqual([1, ''])
  expect(answer.warned).toMatch(/token create needs a running server/)
  socket = await openControlSocket(operations, join(folder, 'data'), () => undefined)
})
