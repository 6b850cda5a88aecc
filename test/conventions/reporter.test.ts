import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

const project = path.resolve(import.meta.dirname, '..', '..')
let folder: string

// Inside the project, so that `vitest` is found from there.
beforeAll(async () => {
  await mkdir(path.join(project, '.cache'), { recursive: true })
  folder = await mkdtemp(path.join(project, '.cache', 'reporter-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function run(tests: string, ...args: string[]): Promise<{ code: number | null; lines: string[] }> {
  await mkdir(path.join(folder, 'test'), { recursive: true })
  await writeFile(
    path.join(folder, 'test', 'a.test.ts'),
    `import { beforeAll, describe, test } from 'vitest'\n${tests}`,
  )
  const done = spawnSync(
    process.execPath,
    [
      path.join(project, 'node_modules/vitest/vitest.mjs'),
      'run',
      ...['--root', folder, '--config', path.join(project, 'vitest.config.ts')],
      ...args,
    ],
    { encoding: 'utf8', cwd: folder, env: { PATH: process.env.PATH, NO_COLOR: '1' } },
  )
  return { code: done.status, lines: done.stdout.trimEnd().split('\n') }
}

const ok = "test('ok', () => {})\n"
const bad = "test('bad', () => { throw new Error('no') })\n"

test('all passed', async () => {
  const { code, lines } = await run(ok)
  expect(lines.at(-1)).toBe('1 passed, 0 failed')
  expect(code).toBe(0)
})

test('a failure', async () => {
  const { code, lines } = await run(ok + bad)
  expect(lines.at(-1)).toBe('1 passed, 1 failed')
  expect(code).toBe(1)
})

test('a skipped test is named with its reason', async () => {
  const { code, lines } = await run(`${ok}test('peer', (context) => context.skip('lego is not installed'))\n`)
  expect(lines.slice(-3)).toEqual([
    'SKIPPED: 1 tests did not run',
    '  test/a.test.ts > peer: lego is not installed',
    '1 passed, 0 failed, 1 skipped',
  ])
  expect(code).toBe(0)
})

test.for([
  [
    'a hook that fails',
    `${ok}describe('h', () => { beforeAll(() => { throw new Error('no') }); ${ok} })\n`,
    1,
  ],
  ['a file that does not load', `${ok}import './nowhere.ts'\n`, 0],
  ['an error outside of any test', `${ok}void Promise.reject(new Error('no'))\n`, 1],
] as const)('%s counts as failed', async ([, tests, passed]) => {
  const { code, lines } = await run(tests)
  expect(lines.at(-1)).toMatch(new RegExp(`^${passed} passed, 1 failed`))
  expect(code).toBe(1)
})

test('no test at all is no success', async () => {
  const { code, lines } = await run(ok, '-t', 'something else')
  expect(lines.at(-1)).toBe('0 passed, 0 failed, 1 skipped')
  expect(code).toBe(1)
})
