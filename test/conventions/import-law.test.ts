import { spawnSync } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'

const project = path.resolve(import.meta.dirname, '..', '..')
let copy: string

beforeAll(async () => {
  copy = await mkdtemp(path.join(tmpdir(), 'import-law-'))
  for (const name of ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json']) {
    await cp(path.join(project, name), path.join(copy, name))
  }
  await symlink(path.join(project, 'node_modules'), path.join(copy, 'node_modules'))
})

afterAll(() => rm(copy, { recursive: true, force: true }))

/** Run the check over a src that holds these files and nothing else. */
async function check(
  files: Readonly<Record<string, string>>,
): Promise<{ code: number | null; says: string }> {
  await rm(path.join(copy, 'src'), { recursive: true, force: true })
  await mkdir(path.join(copy, 'src'))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(copy, 'src', name)), { recursive: true })
    await writeFile(path.join(copy, 'src', name), text)
  }
  const run = spawnSync(process.execPath, [path.join(project, '.ci', 'check-imports.mjs'), copy], {
    encoding: 'utf8',
  })
  return { code: run.status, says: run.stdout + run.stderr }
}

const value = 'export const value = 1\n'
const type = 'export interface Thing { readonly id: string }\n'
const use = (name: string): string => `export { value } from '${name}'\n`

const LAWFUL: Record<string, string> = {
  'acme/a.ts': value,
  'acme/b.ts': use('./a.ts'),
  'exchange/a.ts': use('../acme/b.ts'),
  'audit/a.ts': use('../exchange/a.ts'),
  'store/sqlite/a.ts': use('../../audit/a.ts'),
  'store/sqlite/worker.ts': use('./a.ts'),
  'proxy/a.ts': use('../audit/a.ts'),
  'app.ts':
    "export { value } from './store/sqlite/worker.ts'\nexport { value as other } from './proxy/a.ts'\n",
  'cli/a.ts': use('../app.ts'),
  'main.ts': use('./cli/a.ts'),
}

const UNLAWFUL: readonly [string, Record<string, string>, RegExp][] = [
  ['up', { 'acme/c.ts': use('../exchange/a.ts') }, /src\/acme\/c\.ts → src\/exchange\/a\.ts: law-acme/],
  ['sideways', { 'policy/c.ts': use('../audit/a.ts') }, /src\/policy\/c\.ts → src\/audit\/a\.ts: law-policy/],
  ['sideways at the bottom', { 'config/c.ts': use('../acme/a.ts') }, /law-config/],
  [
    'up by a type alone',
    {
      'audit/t.ts': type,
      'exchange/c.ts': "import type { Thing } from '../audit/t.ts'\nexport type Other = Thing\n",
    },
    /law-exchange/,
  ],
  [
    'up by a dynamic import',
    { 'exchange/c.ts': "export const later = () => import('../audit/a.ts')\n" },
    /law-exchange/,
  ],
  ['the store from cli', { 'cli/c.ts': use('../store/sqlite/a.ts') }, /law-store-behind-app/],
  ['the store from its sibling', { 'proxy/c.ts': use('../store/sqlite/a.ts') }, /law-proxy/],
  ['app from below', { 'store/c.ts': use('../app.ts') }, /law-store/],
  ['main from cli', { 'cli/c.ts': use('../main.ts') }, /law-cli/],
  ['a part without a row', { 'utils/a.ts': value, 'proxy/c.ts': use('../utils/a.ts') }, /law-no-place/],
  ['a cycle', { 'acme/c.ts': use('./d.ts'), 'acme/d.ts': use('./c.ts') }, /no-cycle/],
  [
    'a package of development alone',
    { 'acme/c.ts': "export { test } from 'vitest'\n" },
    /no-undeclared-package/,
  ],
  ['a file that is not there', { 'acme/c.ts': use('./nowhere.ts') }, /no-unresolvable/],
]

test('imports that go down pass, and every file was looked at', async () => {
  const { code, says } = await check(LAWFUL)
  expect(says).toMatch(/imports: 10 files, \d+ imports, 0 faults/)
  expect(code).toBe(0)
})

test.for(UNLAWFUL)('caught: %s', async ([, files, complaint]) => {
  const { code, says } = await check({ ...LAWFUL, ...files })
  expect(says).toMatch(complaint)
  expect(code).toBe(1)
})

test('no file at all is a fault', async () => {
  expect((await check({})).code).toBe(1)
})
