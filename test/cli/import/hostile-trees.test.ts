import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readCertificateFiles } from '../../../src/cli/import/read-certificate-files.ts'
import { writeTree } from '../accounts/account-fixtures.ts'
import { certbotFiles, made, secretsOf } from './certificate-fixtures.ts'

let folder: string
const one = made(['one.test'])
const two = made(['two.test'])

beforeEach(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), 'acmetap-import-')))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const read = (paths: readonly string[], entries = 100_000) =>
  readCertificateFiles(paths, {
    config: { cas: {}, relay: [] } as never,
    host: 'here',
    unmanaged: false,
    ca: null,
    history: false,
    bounds: { depth: 16, entries },
    input: () => Promise.reject(new Error('nobody asked for it')),
  })

test('links are followed to files inside the tree and never out of it; loops end', async () => {
  await writeTree(folder, {
    'outside/secret.pem': two.chain,
    'inside/store/one.pem': one.chain,
    'inside/sites/x': '',
  })
  const inside = path.join(folder, 'inside')
  await symlink('../store/one.pem', path.join(inside, 'sites/one.crt'))
  await symlink('../../outside/secret.pem', path.join(inside, 'sites/out.crt'))
  await symlink('../../outside', path.join(inside, 'sites/folder'))
  await symlink('..', path.join(inside, 'sites/loop'))
  await symlink('self.pem', path.join(inside, 'sites/self.pem'))
  await symlink('/dev/zero', path.join(inside, 'sites/zero.pem'))
  const { found, problems } = await read([inside])
  expect(found.map(({ fingerprint }) => fingerprint)).toEqual([one.fingerprint])
  expect(problems.filter((problem) => problem.includes('leads out of'))).toHaveLength(3)
  expect(problems.join()).toMatch(/self\.pem: skipped: a link that leads nowhere/)
})

test('a hundred links out of it are one line', async () => {
  await writeTree(folder, { 'outside/secret.pem': two.chain, 'inside/one.pem': one.chain })
  for (let at = 0; at < 100; at += 1) {
    await symlink('../outside/secret.pem', path.join(folder, 'inside', `${at}.pem`))
  }
  const { found, problems } = await read([path.join(folder, 'inside')])
  expect(found).toHaveLength(1)
  expect(problems).toEqual([expect.stringContaining('100 links lead out of it')])
})

test('a certbot lineage whose links lead elsewhere gives away nothing of elsewhere', async () => {
  await writeTree(folder, { 'outside/x.pem': two.chain })
  await writeTree(path.join(folder, 'le'), certbotFiles(one, two))
  const archive = path.join(folder, 'le/archive/www.a.test')
  await rm(path.join(archive, 'fullchain10.pem'))
  await symlink('../../../outside/x.pem', path.join(archive, 'fullchain10.pem'))
  const { found, problems } = await read([path.join(folder, 'le')])
  // The older one is all that is left.
  expect(found.map(({ fingerprint }) => fingerprint)).toEqual([two.fingerprint])
  expect(problems.join()).toContain('leads out of')
})

test('pipes do not block, sockets and folders named as certificates are no files', async () => {
  execFileSync('mkfifo', [path.join(folder, 'pipe.pem')])
  await mkdir(path.join(folder, 'folder.pem'))
  await writeTree(folder, { 'folder.pem/one.pem': one.chain })
  const { found, problems } = await read([folder])
  expect([found.length, problems]).toEqual([1, []])
  expect((await read([path.join(folder, 'pipe.pem')])).problems.join()).toContain('not a regular file')
})

test('huge files are skipped unread, empty and binary ones are nothing', async () => {
  const { truncate } = await import('node:fs/promises')
  await writeTree(folder, { 'huge.pem': '', 'empty.pem': '', 'one.pem': one.chain })
  await truncate(path.join(folder, 'huge.pem'), 8 * 1024 ** 3)
  await writeFile(path.join(folder, 'binary.crt'), Buffer.from([0x30, 0x82, 0xff, 0xff, 0, 1, 2]))
  const { found, problems } = await read([folder])
  expect(found).toHaveLength(1)
  expect(problems).toEqual([`${folder}/huge.pem: skipped: larger than 1 MiB`])
  const named = await read([path.join(folder, 'huge.pem')])
  expect(named.problems).toEqual([`${folder}/huge.pem: skipped: larger than 64 MiB`])
})

test('10,000 files: all of them, or as many as may be looked at', async () => {
  await mkdir(path.join(folder, 'many'))
  const pem = (at: number): string => (at % 100 === 0 ? made([`h${at}.test`]).chain : one.key)
  for (let at = 0; at < 10_000; at += 500) {
    await Promise.all(
      Array.from({ length: 500 }, (_, index) =>
        writeFile(path.join(folder, 'many', `${at + index}.pem`), pem(at + index)),
      ),
    )
  }
  const { found, problems, leftOut } = await read([folder])
  expect([found.length, problems, leftOut.keys]).toEqual([100, [], 9900])
  const bounded = await read([folder], 1000)
  expect(bounded.problems.join()).toContain('stopped after 1000 files and folders')
})

test('what may not be read is a problem', async () => {
  await writeTree(folder, { 'closed.pem': one.chain, 'closed/x.pem': one.chain })
  await chmod(folder, 0o755)
  await chmod(path.join(folder, 'closed.pem'), 0)
  await chmod(path.join(folder, 'closed'), 0)
  // root may read everything, so it steps down for the length of the call.
  const isRoot = process.geteuid!() === 0
  if (isRoot) process.seteuid!(65_534)
  const { found, problems } = await read([folder]).finally(() => isRoot && process.seteuid!(0))
  expect(found).toEqual([])
  expect(problems.join('\n')).toMatch(
    /closed: skipped: no permission.*\n.*closed\.pem: skipped: no permission/,
  )
})

test('files that are named as keys are not opened', async () => {
  const names = [
    'a.key',
    'privkey.pem',
    'privkey12.pem',
    'privkey-1700000000.pem',
    'server-key.pem',
    'server.key.pem',
    'key.pem',
  ]
  for (const name of names) {
    // Whoever opened it would be told.
    await writeFile(path.join(folder, name), one.key)
    await chmod(path.join(folder, name), 0)
  }
  await writeFile(path.join(folder, 'one.pem'), one.chain)
  await chmod(folder, 0o755)
  const isRoot = process.geteuid!() === 0
  if (isRoot) process.seteuid!(65_534)
  const { found, problems } = await read([folder]).finally(() => isRoot && process.seteuid!(0))
  expect([found.length, problems]).toEqual([1, []])
})

test('keys in odd places never come along', async () => {
  await writeTree(folder, {
    'after.pem': one.chain + one.key,
    'before.pem': two.key + two.chain,
    'inside.pem': one.chain.replace('-----END', `${one.key}-----END`),
    'wrapped.crt': `-----BEGIN CERTIFICATE-----\n${one.key.split('\n').slice(1, -2).join('\n')}\n-----END CERTIFICATE-----\n`,
    'base64.crt': `-----BEGIN CERTIFICATE-----\n${Buffer.from(one.key + two.leaf).toString('base64')}\n-----END CERTIFICATE-----\n`,
    'tail.crt': '',
  })
  const der = Buffer.from(one.leaf.replace(/-----[^-]+-----|\s/g, ''), 'base64')
  await writeFile(path.join(folder, 'tail.crt'), Buffer.concat([der, Buffer.from(one.key)]))
  const result = await read([folder])
  expect(result.found.map(({ fingerprint }) => fingerprint).sort()).toEqual(
    [one.fingerprint, two.fingerprint].sort(),
  )
  const said = JSON.stringify(result)
  for (const secret of [...secretsOf(one), ...secretsOf(two)]) {
    expect(said).not.toContain(secret)
    expect(said).not.toContain(Buffer.from(secret).toString('base64').slice(4, -4))
  }
})
