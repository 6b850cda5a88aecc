import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readCertificateChain } from '../../../src/acme/certificate.ts'
import type { Deploy } from '../../../src/engine/deploy.ts'
import { EngineError } from '../../../src/engine/engine-error.ts'
import { withPickup } from '../../../src/engine/reissue/pickup.ts'
import { engineJob, keptCertificate, reissueLine } from '../../support/engine/engine-values.ts'
import { MemoryEngineStore } from '../../support/engine/memory-engine-store.ts'
import { makeRoot, makeServerCertificate } from '../../support/test-ca/certificates.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'acmetap-pickup-'))
})
afterEach(() => rm(root, { recursive: true }))

const NAME = 'www.example.com-0a1b2c3d'
const issuer = makeRoot()

function issued() {
  const { pem } = makeServerCertificate({ names: ['www.example.com'], issuer })
  const { leaf } = readCertificateChain(Buffer.from(pem))!
  const { fingerprint, notAfter } = leaf
  const job = engineJob({ certificate: NAME, key: null, line: { plan: 'p1', line: 1 } })
  const chain = pem + issuer.pem
  return {
    pem,
    leaf,
    job,
    kept: keptCertificate({ certificate: NAME, chain, fingerprint, notAfter, key: null }),
  }
}

async function put({ job, kept }: ReturnType<typeof issued>, key: string | null = null) {
  const store = new MemoryEngineStore()
  await store.putLines('p1', [reissueLine({ fingerprint: 'cd'.repeat(32) })])
  const others: string[] = []
  const deploy: Deploy = async ({ certificate }) => void others.push(certificate)
  const folder = join(root, 'reissued')
  const context = { signal: new AbortController().signal, progress: () => {} }
  await withPickup(deploy, { folder: () => folder, store })(job, kept, key, context)
  return { others, folder }
}

test('files lie in the folder of its name, with what they replace beside them', async () => {
  const one = issued()
  const { folder, others } = await put(one)
  const read = (file: string) => readFile(join(folder, NAME, file), 'utf8')
  expect(await read('fullchain.pem')).toBe(one.pem + issuer.pem)
  expect(await read('cert.pem')).toBe(one.pem)
  expect(await read('chain.pem')).toBe(issuer.pem)
  expect(JSON.parse(await read('certificate.json'))).toEqual({
    names: ['www.example.com'],
    ca: 'pebble',
    fingerprint: one.leaf.fingerprint,
    serial: one.leaf.serial,
    notBefore: expect.stringMatching(/Z$/),
    notAfter: new Date(one.leaf.notAfter / 1000).toISOString(),
    replaces: 'cd'.repeat(32),
    plan: 'p1',
    line: 1,
  })
  expect((await stat(join(folder, NAME, 'cert.pem'))).mode & 0o777).toBe(0o644)
  expect(others).toEqual([])
})

test('the next one takes its place by one rename; repeating it changes nothing; old ones are taken away', async () => {
  const all = [issued(), issued(), issued(), issued()]
  for (const one of all) {
    const { folder } = await put(one)
    const target = await readlink(join(folder, NAME))
    expect(target).toBe(join('.versions', `${NAME}.${one.leaf.fingerprint.slice(0, 16)}`))
    const { ino } = await stat(join(folder, NAME, 'fullchain.pem'))
    await put(one)
    expect((await stat(join(folder, NAME, 'fullchain.pem'))).ino).toBe(ino)
    expect(await readFile(join(folder, NAME, 'cert.pem'), 'utf8')).toBe(one.pem)
  }
  const left = (await readdir(join(root, 'reissued', '.versions'))).sort()
  const last = all.slice(-2).map(({ leaf }) => `${NAME}.${leaf.fingerprint.slice(0, 16)}`)
  expect(left).toHaveLength(2)
  expect(left).toContain(last[1])
})

test('what others have put there stays, and is told', async () => {
  const folder = join(root, 'reissued')
  await mkdir(join(folder, NAME), { recursive: true })
  await writeFile(join(folder, NAME, 'cert.pem'), 'mine')
  const failure = await put(issued()).catch((error: Error) => error)
  expect(failure).toBeInstanceOf(EngineError)
  expect(failure).toMatchObject({ fault: 'deploy', message: expect.stringContaining("is not acmetap's") })
  expect(await readFile(join(folder, NAME, 'cert.pem'), 'utf8')).toBe('mine')
  expect((await lstat(join(folder, NAME))).isDirectory()).toBe(true)
})

test('managed ones, commands and rehearsals go where they always go', async () => {
  const one = issued()
  const sealed = 'v1.key' as never
  for (const job of [
    { ...one.job, line: null },
    { ...one.job, key: sealed },
    { ...one.job, dryRun: true },
  ]) {
    const { others, folder } = await put({ ...one, job })
    expect(others).toEqual([NAME])
    expect(await readdir(root)).not.toContain(folder)
  }
})
