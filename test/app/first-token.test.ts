import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FirstToken } from '../../src/app/first-token.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'first-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const TEXT = `acmetap_0123abcd_${'x'.repeat(43)}`

function tokens(existing: number) {
  const made: unknown[] = []
  const revoked: string[] = []
  const shown = { id: '0123abcd', name: 'first', role: 'admin' as const, createdAt: 0, expires: null }
  return {
    made,
    revoked,
    revokeToken: async (id: string) => void revoked.push(id),
    tokens: async () => Array.from({ length: existing }, () => shown),
    async createToken(given: unknown) {
      made.push(given)
      return { token: shown, text: TEXT }
    },
  }
}

const file = () => path.join(folder, 'first-admin-token')

test('the first start makes one, told once; later starts make none', async () => {
  const operations = tokens(0)
  const { first, text } = await FirstToken.make(folder, operations)
  expect(text).toBe(TEXT)
  expect(operations.made).toEqual([{ name: 'first', role: 'admin', expires: null }])
  expect(statSync(file()).mode & 0o777).toBe(0o600)
  first.taken()
  expect(readFileSync(file(), 'utf8')).not.toContain(TEXT)
  expect((await FirstToken.make(folder, operations)).text).toBeNull()
  expect(operations.made).toHaveLength(1)
})

test('where no terminal was, the file keeps it until its first use, over restarts', async () => {
  await FirstToken.make(folder, tokens(0))
  const { first, text } = await FirstToken.make(folder, tokens(1))
  expect(text).toBeNull()
  first.taken('ffffffff')
  expect(readFileSync(file(), 'utf8')).toContain(TEXT)
  first.taken('0123abcd')
  expect(readFileSync(file(), 'utf8')).not.toContain(TEXT)
})

test('none is made where there are tokens already', async () => {
  const operations = tokens(1)
  expect((await FirstToken.make(folder, operations)).text).toBeNull()
  expect(operations.made).toEqual([])
  expect(existsSync(file())).toBe(false)
})

test('a token that nobody could be told is none', async () => {
  symlinkSync('/nowhere/at/all', file())
  const operations = tokens(0)
  await expect(FirstToken.make(folder, operations)).rejects.toThrow('EEXIST')
  expect(operations.revoked).toEqual(['0123abcd'])
})
