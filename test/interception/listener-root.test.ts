import { X509Certificate } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ListenerRootError, loadOrCreateListenerRoot } from '../../src/interception/listener-root.ts'
import { subjectNames } from '../../src/interception/name-constraints.ts'

let folder: string
let pem: string
let key: string
const names = subjectNames(['localhost', 'acme.test', '127.0.0.1', '[::1]'])
const start = new Date('2026-11-22T00:00:00Z')
const load = (wanted = names, now = start) => loadOrCreateListenerRoot(folder, wanted, () => now)
const trouble = async (loading: Promise<unknown>) => {
  const error = await loading.then(
    () => null,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(ListenerRootError)
  return error as ListenerRootError
}

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'acmetap-root-')), 'data')
  pem = join(folder, 'listener-root.pem')
  key = join(folder, 'listener-root.key')
})
afterEach(() => rm(join(folder, '..'), { recursive: true, force: true }))

describe('the listener root', () => {
  it('is made once, key 0600, folder 0700, and is the same from then on', async () => {
    const first = await load()
    expect(first.created).toBe(true)
    expect((await stat(key)).mode & 0o777).toBe(0o600)
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    expect((await readdir(folder)).sort()).toEqual(['listener-root.key', 'listener-root.pem'])
    const second = await load()
    expect(second).toEqual({ ...first, created: false })
    expect(new X509Certificate(first.certificate).validToDate.toISOString()).toBe('2031-11-22T00:00:00.000Z')
  })

  it('covers fewer names and subdomains, and says which names it does not cover', async () => {
    await load()
    await load(subjectNames(['sub.acme.test', '0:0:0:0:0:0:0:1']))
    const error = await trouble(load(subjectNames(['acme.test', 'other.test', 'xacme.test', '127.0.0.2'])))
    expect(error.trouble).toBe('namesNotCovered')
    expect(error.names).toEqual(['other.test', 'xacme.test', '127.0.0.2'])
    expect(error.message).toContain(`remove ${pem} and ${key}`)
  })

  it('refuses a key others may read or change, and changes nothing about it', async () => {
    await load()
    for (const mode of [0o640, 0o604, 0o620, 0o601]) {
      await chmod(key, mode)
      const error = await trouble(load())
      expect(error.trouble).toBe('keyExposed')
      expect(error.message).toContain(`chmod 600 ${key}`)
      expect((await stat(key)).mode & 0o777).toBe(mode)
    }
  })

  it('is never made anew beside what is left of an old one', async () => {
    await load()
    const kept = await readFile(key, 'utf8')
    await rm(pem)
    expect((await trouble(load())).trouble).toBe('incomplete')
    expect(await readFile(key, 'utf8')).toBe(kept)
    await rename(key, pem)
    expect((await trouble(load())).trouble).toBe('incomplete')
  })

  it('is finished by the next start when the first one was killed in the middle', async () => {
    const { certificate } = await load()
    await rename(pem, `${pem}.new`)
    expect((await load()).certificate).toBe(certificate)
    await rename(key, `${key}.new`)
    await rename(pem, `${pem}.new`)
    expect((await load()).created).toBe(true)
    expect((await readdir(folder)).sort()).toEqual(['listener-root.key', 'listener-root.pem'])
  })

  it('refuses a pair that does not match, garbage, and a foreign certificate', async () => {
    await load()
    const [firstPem, firstKey] = [await readFile(pem, 'utf8'), await readFile(key, 'utf8')]
    await rm(pem)
    await rm(key)
    await load()
    await writeFile(pem, firstPem)
    expect((await trouble(load())).trouble).toBe('unusable')
    await writeFile(key, firstKey)
    await load()
    for (const garbage of ['', 'x', firstPem.slice(0, 200), '\0'.repeat(100)]) {
      await writeFile(pem, garbage)
      expect((await trouble(load())).trouble).toBe('unusable')
    }
  })

  it('ends after five years and is not valid before its day', async () => {
    await load()
    await load(names, new Date('2031-11-21T23:59:59Z'))
    expect((await trouble(load(names, new Date('2031-11-22T00:00:01Z')))).trouble).toBe('ended')
    expect((await trouble(load(names, new Date('2020-01-01T00:00:00Z')))).trouble).toBe('unusable')
  })
})

describe('subjectNames', () => {
  it('sorts, lowers and brings addresses into one form', () => {
    expect(
      subjectNames(['ACME.test', 'acme.test', '[::1]', '0:0::1', '10.0.0.1', 'xn--bcher-kva.test']),
    ).toEqual({
      dns: ['acme.test', 'xn--bcher-kva.test'],
      ips: ['::1', '10.0.0.1'],
    })
  })

  it.each([
    '',
    '.',
    'a..b',
    'a.',
    '.a',
    '*.a',
    'bücher.test',
    'a b',
    '-a.test',
    '1.2.3',
    '127.1',
    '0x7f.0.0.1',
    'fe80::1%eth0',
    'a:8443',
    `${'a'.repeat(64)}.test`,
  ])('refuses %j', (name) => {
    expect(() => subjectNames([name])).toThrow(RangeError)
  })
})
