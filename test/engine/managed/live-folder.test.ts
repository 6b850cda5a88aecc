import { createPrivateKey, X509Certificate } from 'node:crypto'
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type CertificateFiles, liveFolder, putLive } from '../../../src/engine/managed/live-folder.ts'
import { obtained } from '../../support/engine/obtained-certificate.ts'
import { makeRoot } from '../../support/test-ca/certificates.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'live-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

const issuer = makeRoot()
function files(): CertificateFiles {
  const { leaf, key } = obtained({}, issuer)
  return { leaf, chain: issuer.pem, key }
}
const modeOf = async (path: string) => (await stat(path)).mode & 0o777
const live = (name = '') => join(liveFolder(root, 'web'), name)

test("certbot's paths and modes", async () => {
  const one = files()
  expect(await putLive(root, 'web', one)).toBe(true)
  expect(await readFile(live('cert.pem'), 'utf8')).toBe(one.leaf)
  expect(await readFile(live('chain.pem'), 'utf8')).toBe(one.chain)
  expect(await readFile(live('fullchain.pem'), 'utf8')).toBe(one.leaf + one.chain)
  expect(await readFile(live('privkey.pem'), 'utf8')).toBe(one.key)
  expect(await readFile(join(root, 'archive/web/privkey1.pem'), 'utf8')).toBe(one.key)
  expect(await modeOf(live('privkey.pem'))).toBe(0o600)
  expect(await modeOf(live('fullchain.pem'))).toBe(0o644)
  expect(await modeOf(join(root, 'live'))).toBe(0o700)
  expect(await modeOf(join(root, 'archive'))).toBe(0o700)
  expect(await modeOf(live())).toBe(0o755)
})

test('the key is for its owner alone, whatever the umask', async () => {
  const before = process.umask(0o000)
  try {
    await putLive(root, 'web', files())
    expect(await modeOf(live('privkey.pem'))).toBe(0o600)
  } finally {
    process.umask(before)
  }
})

test('the same again changes nothing; the next one takes its place, and five are kept', async () => {
  const one = files()
  await putLive(root, 'web', one)
  const where = await realpath(live('cert.pem'))
  expect(await putLive(root, 'web', one)).toBe(false)
  expect(await realpath(live('cert.pem'))).toBe(where)
  const more = Array.from({ length: 7 }, files)
  for (const next of more) expect(await putLive(root, 'web', next)).toBe(true)
  expect(await readFile(live('cert.pem'), 'utf8')).toBe(more.at(-1)!.leaf)
  const kept = (await readdir(join(root, 'archive/web'))).filter((name) => name.startsWith('privkey'))
  expect(kept.sort()).toEqual([
    'privkey4.pem',
    'privkey5.pem',
    'privkey6.pem',
    'privkey7.pem',
    'privkey8.pem',
  ])
  expect((await readdir(live())).sort()).toEqual([
    '.current',
    'cert.pem',
    'chain.pem',
    'fullchain.pem',
    'privkey.pem',
  ])
})

test('what an interrupted call left does no harm', async () => {
  const [one, two] = [files(), files()]
  await putLive(root, 'web', one)
  const archive = join(root, 'archive/web')
  await writeFile(join(archive, 'cert2.pem'), 'half a cert', { mode: 0o600 })
  await writeFile(join(archive, 'privkey2.pem'), 'half a key', { mode: 0o666 })
  await mkdir(join(archive, '.2'))
  await symlink('../cert2.pem', join(archive, '.2', 'cert.pem'))
  await symlink('nowhere', live('.current.new'))
  expect(await putLive(root, 'web', two)).toBe(true)
  expect(await readFile(live('fullchain.pem'), 'utf8')).toBe(two.leaf + two.chain)
  expect(await readFile(live('privkey.pem'), 'utf8')).toBe(two.key)
  expect(await modeOf(live('privkey.pem'))).toBe(0o600)
  expect(await readdir(live())).not.toContain('.current.new')
})

test('links that are missing are made again', async () => {
  const one = files()
  await putLive(root, 'web', one)
  await rm(live('privkey.pem'))
  expect(await putLive(root, 'web', one)).toBe(false)
  expect(await readFile(live('privkey.pem'), 'utf8')).toBe(one.key)
  await rm(live('.current'))
  expect(await putLive(root, 'web', one)).toBe(true)
  expect(await readFile(live('privkey.pem'), 'utf8')).toBe(one.key)
})

test('a key that somebody else holds is not there', async () => {
  await putLive(root, 'web', files())
  await putLive(root, 'web', { ...files(), key: null })
  expect(await readdir(live())).not.toContain('privkey.pem')
})

test('what certbot made is left alone, with what to do instead', async () => {
  await mkdir(live(), { recursive: true })
  await symlink('../../archive/web/cert1.pem', live('cert.pem'))
  await expect(putLive(root, 'web', files())).rejects.toThrow(/is not acmetap's: choose another folder/)
  expect(await readlink(live('cert.pem'))).toBe('../../archive/web/cert1.pem')
  await rm(live('cert.pem'))
  await writeFile(live('cert.pem'), 'by hand')
  await expect(putLive(root, 'web', files())).rejects.toThrow(/is not acmetap's/)
})

test('key and certificate fit whenever they are read of one version: 100 changes, no mismatch', async () => {
  const versions = Array.from({ length: 8 }, files)
  await putLive(root, 'web', versions[0]!)
  let isOver = false
  let [reads, mismatches, missing] = [0, 0, 0]
  const seen = new Set<string>()
  const reader = async () => {
    while (!isOver) {
      try {
        const folder = await realpath(live('.current'))
        const leaf = new X509Certificate(await readFile(join(folder, 'fullchain.pem')))
        const key = createPrivateKey(await readFile(join(folder, 'privkey.pem')))
        reads += 1
        seen.add(leaf.fingerprint256)
        if (!leaf.checkPrivateKey(key)) mismatches += 1
      } catch {
        missing += 1
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  const readers = [reader(), reader(), reader()]
  for (let at = 1; at <= 100; at++) await putLive(root, 'web', versions[at % versions.length]!)
  isOver = true
  await Promise.all(readers)
  expect({ mismatches, missing }).toEqual({ mismatches: 0, missing: 0 })
  expect(reads).toBeGreaterThan(20)
  expect(seen.size).toBeGreaterThan(2)
})
