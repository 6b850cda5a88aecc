import { X509Certificate } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { IssuerFiles } from '../../src/broker/local-ca/issuer-files.ts'
import { readIssuer } from '../../src/broker/local-ca/read-issuer.ts'
import { rewrapLocalCas } from '../../src/broker/local-ca/rewrap-local-cas.ts'
import { createSealing } from '../../src/engine/create-sealing.ts'
import { startOperatorCa } from '../interception/operator-ca.ts'
import { runHere } from '../support/run-here.ts'

const PASSPHRASE = 'a passphrase of a test'
let folder: string
let files: IssuerFiles
const acmetap = (...words: string[]) =>
  runHere(['local-ca', ...words], folder, { now: (Date.now() + 60_000) * 1000 })
const json = async (...words: string[]) => JSON.parse((await acmetap(...words, '--json')).out)
const configure = (settings: object) =>
  writeFile(
    join(folder, 'acmetap.yaml'),
    JSON.stringify({
      version: 1,
      data: './data',
      local_cas: { internal: { names: ['.internal.example'], ...settings } },
    }),
  )

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmetap-local-ca-'))
  files = new IssuerFiles(join(folder, 'data'), 'internal')
  await writeFile(join(folder, 'passphrase'), `${PASSPHRASE}\n`, { mode: 0o600 })
  await configure({ key_passphrase_file: './passphrase' })
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('local-ca create', () => {
  test('makes a root and an issuer, with the key encrypted and for its owner alone', async () => {
    const made = await acmetap('create', 'internal')
    expect([made.code, made.err]).toEqual([0, ''])
    expect(made.out).toMatch(/signs from now on[\s\S]*root sha256[\s\S]*BEGIN CERTIFICATE/)
    expect(made.out).not.toContain('PRIVATE')
    const text = await readFile(files.issuerFile(1), 'utf8')
    expect(text).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----/)
    expect((await stat(files.issuerFile(1))).mode & 0o777).toBe(0o600)
    expect((await stat(files.path)).mode & 0o777).toBe(0o700)
    expect((await readdir(files.path)).sort()).toEqual(['1.pem', 'current'])
    const root = new X509Certificate(made.out.slice(made.out.indexOf('-----BEGIN')))
    expect(root.verify(root.publicKey)).toBe(true)
    expect((await acmetap('show', 'internal', '--pem')).out).toBe(root.toString())
  })

  test('overwrites nothing', async () => {
    await acmetap('create', 'internal')
    const before = await readFile(files.issuerFile(1), 'utf8')
    expect(await acmetap('create', 'internal')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/has an issuer already[\s\S]*--next/),
    })
    expect(await readFile(files.issuerFile(1), 'utf8')).toBe(before)
  })

  test('makes the next one beside it, which signs when it is activated', async () => {
    await acmetap('create', 'internal')
    expect(await acmetap('create', 'internal', '--activate')).toMatchObject({
      code: 1,
      err: expect.stringContaining('no issuer waits'),
    })
    expect(await json('create', 'internal', '--next')).toMatchObject({ issuer: 2, waits: true })
    expect(await acmetap('create', 'internal', '--next')).toMatchObject({
      code: 1,
      err: expect.stringContaining('--activate'),
    })
    expect(await json('show', 'internal')).toMatchObject({ issuer: 1, next: [{ issuer: 2 }], earlier: [] })
    expect((await acmetap('show', 'internal', '--pem')).out.match(/BEGIN/g)).toHaveLength(2)
    expect(await json('create', 'internal', '--activate')).toMatchObject({ issuer: 2, waits: false })
    expect(await json('show', 'internal')).toMatchObject({ issuer: 2, next: [], earlier: [{ issuer: 1 }] })
  })

  test('says what name constraints cannot', async () => {
    await configure({ key_passphrase_file: './passphrase', names: ['*.internal.example'] })
    const made = await acmetap('create', 'internal')
    expect(made.err).toContain(
      'permit more than *.internal.example: internal.example and everything below it',
    )
  })

  test('takes no short passphrase', async () => {
    await writeFile(join(folder, 'passphrase'), 'short\n', { mode: 0o600 })
    const refused = await acmetap('create', 'internal')
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('too short') })
    expect(refused.err).not.toContain('short\n')
    expect(await files.generations()).toEqual([])
  })

  test('seals the key with that of the engine where no passphrase is configured', async () => {
    await configure({})
    await acmetap('create', 'internal')
    const text = await readFile(files.issuerFile(1), 'utf8')
    expect(text).toMatch(/^-----BEGIN ACMETAP SEALED KEY-----\nv1\./)
    const line = await readFile(join(folder, 'data', 'engine.key'), 'utf8')
    const [before, after] = [createSealing(Buffer.from(line, 'base64')), createSealing(Buffer.alloc(32, 7))]
    expect(readIssuer(text, { sealing: before }, 'internal', 1).generation).toBe(1)
    // Neither under another name nor in another place.
    expect(() => readIssuer(text, { sealing: before }, 'other', 1)).toThrow(/can't be opened/)
    expect(() => readIssuer(text, { sealing: before }, 'internal', 2)).toThrow(/can't be opened/)
    expect(await rewrapLocalCas(join(folder, 'data'), before, after)).toBe(1)
    expect(await rewrapLocalCas(join(folder, 'data'), before, after)).toBe(0)
    const again = await files.read(1)
    expect(readIssuer(again, { sealing: after }, 'internal', 1).generation).toBe(1)
    expect(() => readIssuer(again, { sealing: before }, 'internal', 1)).toThrow(/another secret/)
  })

  test('names those that there are', async () => {
    expect(await acmetap('create', 'other')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/no "other" under local_cas[\s\S]*internal/),
    })
    expect((await acmetap('create', '__proto__')).code).toBe(1)
  })
})

describe('local-ca csr and import', () => {
  test("lead to an issuer under the operator's root, by the commands that csr prints", async () => {
    const operator = await startOperatorCa()
    try {
      const asked = await acmetap('csr', 'internal')
      expect(asked.out).toMatch(/^-----BEGIN CERTIFICATE REQUEST-----/)
      expect(asked.err).toContain('acmetap local-ca import internal internal.pem --root root.pem')
      const [, extensions = ''] = /<<'END'\n([\s\S]*?)\nEND\n/.exec(asked.err) ?? []
      await writeFile(join(folder, 'internal.pem'), await operator.sign(asked.out, `${extensions}\n`))
      await writeFile(join(folder, 'root.pem'), operator.root)
      expect((await json('csr', 'internal')).extensions.trimEnd()).toBe(extensions)
      const taken = await acmetap('import', 'internal', 'internal.pem', '--root', 'root.pem')
      expect([taken.code, taken.err]).toEqual([0, ''])
      expect(await json('show', 'internal')).toMatchObject({
        issuer: 1,
        constrained: true,
        pending: false,
        notCovered: [],
        pem: operator.root,
      })
      expect((await acmetap('import', 'internal', 'internal.pem', '--root', 'root.pem')).err).toContain(
        'no request is pending',
      )
    } finally {
      await operator.close()
    }
  })

  test('take no private key', async () => {
    await acmetap('csr', 'internal')
    await writeFile(join(folder, 'key.pem'), '-----BEGIN PRIVATE KEY-----\nMA==\n-----END PRIVATE KEY-----\n')
    expect(await acmetap('import', 'internal', 'key.pem')).toMatchObject({
      code: 1,
      err: expect.stringContaining('holds a private key'),
    })
  })
})

describe('local-ca show and crl', () => {
  test('say what to do where there is nothing', async () => {
    expect(await acmetap('show', 'internal')).toMatchObject({
      code: 1,
      err: expect.stringContaining('local-ca create internal'),
    })
    await acmetap('create', 'internal')
    expect(await acmetap('crl', 'internal')).toMatchObject({
      code: 1,
      err: expect.stringContaining('acmetap serve'),
    })
    expect((await acmetap('crl', 'internal', '--issuer', '../1')).code).toBe(2)
  })

  test('say which configured names the issuer was not made for', async () => {
    await acmetap('create', 'internal')
    await configure({ key_passphrase_file: './passphrase', names: ['.internal.example', '.other.example'] })
    expect((await acmetap('show', 'internal')).err).toContain('do not cover other.example')
  })

  test('need a server for what it signed', async () => {
    for (const words of [['list'], ['revoke', 'internal', '5f']])
      expect(await acmetap(...words)).toMatchObject({
        code: 1,
        err: expect.stringContaining('needs a running server'),
      })
  })
})
