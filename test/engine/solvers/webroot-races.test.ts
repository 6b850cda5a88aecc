/** A web root that another user may write to, who changes it between two steps of ours. */
import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createWebroot, type Folders } from '../../../src/engine/solvers/webroot.ts'
import { attemptFor, context } from '../../contract/solver.contract.ts'

/** What the other user does after a folder was made, and before one is removed. */
const other = {
  mkdir: async (_folder: string): Promise<void> => {},
  rmdir: async (_folder: string): Promise<void> => {},
}
const folders: Folders = {
  async mkdir(folder) {
    await fs.mkdir(folder)
    await other.mkdir(folder)
  },
  async rmdir(folder) {
    await other.rmdir(folder)
    await fs.rmdir(folder)
  },
}

const MARK = '.made-by-acmetap'
const attempt = attemptFor('www.example.test')
let root: string
let victim: string

beforeEach(async () => {
  root = await fs.mkdtemp(path.join(tmpdir(), 'acmetap-webroot-'))
  victim = path.join(root, 'victim')
  await fs.writeFile(victim, 'untouched')
})
afterEach(async () => {
  other.mkdir = other.rmdir = async () => {}
  await fs.rm(root, { recursive: true, force: true })
})

test('the mark of a folder that was made is not written through a link', async () => {
  other.mkdir = async (folder) => {
    if (folder.endsWith('acme-challenge')) await fs.symlink(victim, path.join(folder, MARK))
  }
  await createWebroot('site', { folder: root }, folders).present(attempt, context())
  expect(await fs.readFile(victim, 'utf8')).toBe('untouched')
})

test('nor that of a folder that was to be removed and is not empty any more', async () => {
  const solver = createWebroot('site', { folder: root }, folders)
  await solver.present(attempt, context())
  other.rmdir = async (folder) => {
    if (!folder.endsWith('acme-challenge')) return
    await fs.writeFile(path.join(folder, 'more'), '')
    await fs.symlink(victim, path.join(folder, MARK))
  }
  await solver.cleanUp(attempt, context())
  expect(await fs.readFile(victim, 'utf8')).toBe('untouched')
  expect((await fs.readdir(path.join(root, '.well-known', 'acme-challenge'))).sort()).toEqual([MARK, 'more'])
})
