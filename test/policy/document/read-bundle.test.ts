import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ConfigError } from '../../../src/config/config-error.ts'
import { bundleDigest } from '../../../src/policy/document/bundle-digest.ts'
import { parsePolicy } from '../../../src/policy/document/parse-policy.ts'
import { readBundle } from '../../../src/policy/document/read-bundle.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'policy-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function write(name: string, content: string | Buffer): string {
  const file = join(folder, name)
  writeFileSync(file, content)
  return file
}

async function refused(file: string): Promise<string[]> {
  const error: unknown = await readBundle(file).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ConfigError)
  return (error as ConfigError).message.split('\n').map((line) => line.replace(`${folder}/`, ''))
}

test('the texts of a policy and of its lists, each once', async () => {
  mkdirSync(join(folder, 'lists'))
  write('lists/a.txt', 'a.example\n')
  const text = 'version: 1\nlists: { a: { file: lists/a.txt }, b: { file: lists/a.txt }, c: [c.example] }\n'
  const bundle = await readBundle(write('policy.yaml', text))
  expect(bundle).toEqual({ file: join(folder, 'policy.yaml'), text, files: { 'lists/a.txt': 'a.example\n' } })
  expect((await parsePolicy(bundle)).lists).toEqual({ a: ['a.example'], b: ['a.example'], c: ['c.example'] })
})

test('what cannot be read is told, with the place that names it', async () => {
  expect(await refused(join(folder, 'none.yaml'))).toEqual([
    'none.yaml:1:1: does not exist. Name a policy file',
  ])
  expect(await refused(folder)).toHaveLength(1)
  expect(await refused(write('a.yaml', Buffer.from([0x61, 0xff])))).toEqual([
    'a.yaml:1:1: is not valid UTF-8. Name a policy file',
  ])
  expect(await refused(write('big.yaml', Buffer.alloc((1 << 20) + 1, 0x23)))).toEqual([
    'big.yaml:1:1: is larger than 1 MiB. Name a policy file',
  ])
  execFileSync('mkfifo', [join(folder, 'pipe')])
  expect(await refused(join(folder, 'pipe'))).toEqual(['pipe:1:1: is no regular file. Name a policy file'])

  mkdirSync(join(folder, 'lists'))
  write('binary', Buffer.from([0xff, 0xfe]))
  write('huge', Buffer.alloc((16 << 20) + 1, 0x0a))
  const text =
    'version: 1\nlists:\n  a: { file: none.txt }\n  b: { file: lists }\n  c: { file: binary }\n  d: { file: huge }\n'
  expect(await refused(write('lists.yaml', text))).toEqual([
    'lists.yaml:3:14: lists.a.file: does not exist. Paths are relative to the policy file',
    'lists.yaml:4:14: lists.b.file: is a folder, not a file. Paths are relative to the policy file',
    'lists.yaml:5:14: lists.c.file: is not valid UTF-8. Paths are relative to the policy file',
    'lists.yaml:6:14: lists.d.file: is larger than 16 MiB. Paths are relative to the policy file',
  ])
})

test('a list of more than a million entries is refused', async () => {
  write('many', 'a\n'.repeat(1_000_001))
  const bundle = await readBundle(write('p.yaml', 'version: 1\nlists: { a: { file: many } }\n'))
  const error: unknown = await parsePolicy(bundle).catch((thrown: unknown) => thrown)
  expect((error as ConfigError).problems.map(({ message }) => message)).toEqual([
    'holds more than 1000000 entries',
  ])
})

test('the digest is that of the content, wherever it lies', () => {
  const bundle = { file: '/a', text: 'version: 1\n', files: { x: '1', y: '2' } }
  const digest = bundleDigest(bundle)
  expect(digest).toMatch(/^[0-9a-f]{64}$/)
  expect(bundleDigest({ ...bundle, file: '/b', files: { y: '2', x: '1' } })).toBe(digest)
  const others = [
    { ...bundle, text: 'version: 1' },
    { ...bundle, files: { x: '1', y: '3' } },
    { ...bundle, files: { x: '2', y: '1' } },
    { ...bundle, files: { x: '1' } },
    { ...bundle, files: { x: '12', y: '' } },
  ].map(bundleDigest)
  expect(new Set([digest, ...others]).size).toBe(6)
})

test('a file that is written while it is read is refused', async () => {
  write('a.txt', 'a.example\n'.repeat(100_000))
  const file = write('policy.yaml', 'version: 1\nlists: { a: { file: a.txt } }\n')
  let reading = true
  const touch = () => {
    if (!reading) return
    appendFileSync(file, '# more\n')
    setImmediate(touch)
  }
  touch()
  expect(await refused(file)).toEqual([
    'policy.yaml:1:1: was written while it was read. Write a file beside it and rename that, then try again',
  ])
  reading = false
})
