import { X509Certificate } from 'node:crypto'
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { AuthorityFolder } from '../../src/interception/authority-folder.ts'
import { Issuer } from '../../src/interception/issuer.ts'
import { loadOrCreateListenerRoot } from '../../src/interception/listener-root.ts'
import { type OperatorCa, startOperatorCa } from '../interception/operator-ca.ts'
import { run } from '../interception/verifiers.ts'
import { runHere } from '../support/run-here.ts'
import { runMain } from '../support/run-main.ts'

const DAY = 86_400_000
const names = { dns: ['acme.test'], ips: [] }
let folder: string
let authorities: AuthorityFolder
let operator: OperatorCa
let clock: number
const acmetap = (...words: string[]) => runHere(['root', ...words], folder, { now: clock * 1000 })
const json = async (...words: string[]) => JSON.parse((await acmetap(...words, '--json')).out)
const start = () =>
  Issuer.open(
    join(folder, 'data'),
    names,
    () => new Date(clock),
    () => undefined,
  )
const configure = (cas: Record<string, string>) =>
  writeFile(
    join(folder, 'acmetap.yaml'),
    JSON.stringify({
      version: 1,
      instance: 'here',
      cas: Object.fromEntries(Object.entries(cas).map(([name, directory]) => [name, { directory }])),
      intercept: { cas: Object.keys(cas) },
    }),
  )
/** Where the public key stands in a request: the rest is another with each signature. */
const keyIn = (request: string) => request.split('\n').slice(2, 4).join('')

beforeAll(async () => {
  operator = await startOperatorCa()
})
afterAll(() => operator.close())
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmetap-root-'))
  authorities = new AuthorityFolder(join(folder, 'data'))
  // OpenSSL stamps what it signs by its own clock, which must not be ahead.
  clock = Date.now() + 60_000
  await configure({ one: 'https://acme.test/dir' })
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('root show', () => {
  test('shows the interception root where a CA is intercepted, and names the other', async () => {
    expect(await acmetap('show')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/no interception root yet[\s\S]*acmetap serve/),
    })
    await start()
    const root = new X509Certificate((await authorities.readCurrent())!.root)
    const shown = await acmetap('show', '--der', 'root.der')
    expect([shown.code, shown.err]).toEqual([0, ''])
    expect(shown.out).toContain(root.fingerprint256)
    expect(shown.out).toContain('acmetap root show --listener')
    expect(shown.out).toMatch(/names +acme\.test\n/)
    expect(shown.out).not.toContain('PRIVATE')
    expect(await readFile(join(folder, 'root.der'))).toEqual(root.raw)
    expect((await acmetap('show', '--pem')).out).toBe(root.toString())
    expect(await json('show')).toMatchObject({
      root: 'interception',
      sha256: root.fingerprint256,
      own: true,
      next: null,
      pending: false,
      pem: root.toString(),
    })
  })

  test('shows the listener root where asked for, and where nothing is intercepted', async () => {
    const made = await loadOrCreateListenerRoot(
      join(folder, 'data'),
      { dns: ['localhost'], ips: [] },
      () => new Date(clock),
    )
    await start()
    expect((await acmetap('show', '--listener', '--pem')).out).toBe(made.certificate)
    await configure({})
    const shown = await acmetap('show')
    expect(shown.out).toContain('acmetap root show --interception')
    expect(await json('show')).toMatchObject({ root: 'listener', pem: made.certificate })
    expect((await acmetap('show', '--listener', '--interception')).code).toBe(2)
  })

  test('says which hosts it does not cover and what to run', async () => {
    await start()
    await configure({ one: 'https://acme.test/dir', two: 'https://second.test/dir' })
    const shown = await acmetap('show')
    expect(shown.err).toMatch(/does not cover second\.test.*run: acmetap root rotate/)
    expect(await json('show')).toMatchObject({ namesNotCovered: ['second.test'] })
  })

  test('says who can read what is exposed or belongs to another', async () => {
    await start()
    await chmod(authorities.current, 0o644)
    expect(await acmetap('show')).toMatchObject({ code: 1, err: expect.stringContaining('chmod 600') })
  })
})

describe('root csr and root import', () => {
  test('the printed commands, run as they are, give an authority that signs at the next check', async () => {
    const issuer = await start()
    const before = issuer.rootsPem()
    const asked = await acmetap('csr')
    expect(asked.code).toBe(0)
    expect(asked.out).toMatch(
      /^-----BEGIN CERTIFICATE REQUEST-----[\s\S]+-----END CERTIFICATE REQUEST-----\n$/,
    )
    expect(keyIn((await acmetap('csr')).out)).toBe(keyIn(asked.out))
    expect((await stat(authorities.pending)).mode & 0o777).toBe(0o600)
    expect(await json('show')).toMatchObject({ pending: true })

    await writeFile(join(operator.folder, 'acmetap.csr'), asked.out)
    const commands = asked.err.slice(asked.err.indexOf('cat >'), asked.err.indexOf('\nThen'))
    expect(await run('sh', ['-ec', `cd ${operator.folder}\n${commands}`])).toMatchObject({ code: 0 })
    const [file, root] = ['acmetap.pem', 'root.pem'].map((name) => join(operator.folder, name))
    const imported = await acmetap('import', file!, '--root', root!)
    expect([imported.code, imported.err]).toEqual([0, ''])
    expect(imported.out).toContain(new X509Certificate(operator.root).fingerprint256)

    await issuer.check()
    expect(issuer.rootsPem()).toBe(operator.root + before)
    await issuer.contextFor('acme.test')
    expect(await json('show')).toMatchObject({ own: false, pending: false, namesNotCovered: [] })
    expect((await acmetap('rotate')).err).toMatch(/under a root of your own CA[\s\S]*acmetap root csr/)
    expect(await acmetap('import', file!)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/no request is pending/),
    })
  })

  test('an import that is refused changes nothing', async () => {
    await start()
    const before = await readFile(authorities.current, 'utf8')
    const request = (await acmetap('csr')).out
    const unconstrained = await operator.sign(
      request,
      'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid',
    )
    await writeFile(join(folder, 'bad.pem'), unconstrained + operator.root)
    expect(await acmetap('import', 'bad.pem')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^error: the certificate has no name constraints/),
    })
    expect(await readFile(authorities.current, 'utf8')).toBe(before)
    expect(await readdir(authorities.previous)).toEqual([])
    expect(await authorities.readPending()).not.toBeNull()
  })

  test('permits hosts to come where both commands name them', async () => {
    const { request, extensions, names: asked } = await json('csr', '--also', 'later.test')
    expect(asked).toEqual(['acme.test', 'later.test'])
    await writeFile(join(folder, 'wide.pem'), (await operator.sign(request, extensions)) + operator.root)
    expect((await acmetap('import', 'wide.pem')).err).toMatch(/permit more .*later\.test.*--also/)
    expect((await acmetap('import', 'wide.pem', '--also', 'later.test')).code).toBe(0)
    await configure({ one: 'https://acme.test/dir', two: 'https://later.test/dir' })
    expect(await json('show')).toMatchObject({ namesNotCovered: [] })
  })
})

describe('root rotate', () => {
  test('publishes the next root first, and signs with it after the overlap', async () => {
    expect((await acmetap('rotate')).err).toMatch(/no interception root yet/)
    const issuer = await start()
    const first = issuer.rootsPem()
    await configure({ one: 'https://acme.test/dir', two: 'https://second.test/dir' })
    expect((await acmetap('rotate', '--activate')).err).toMatch(/no next root[\s\S]*acmetap root rotate/)
    const made = await json('rotate')
    expect(made).toMatchObject({ made: true, names: ['acme.test', 'second.test'] })
    expect(Math.abs(Date.parse(made.activateFrom) - clock - 7 * DAY)).toBeLessThan(1000)
    expect(await json('rotate')).toMatchObject({ made: false, sha256: made.sha256 })
    await issuer.check()
    const both = issuer.rootsPem()
    expect((await acmetap('show', '--pem')).out).toBe(both)
    expect(both.startsWith(first) && both.length > first.length).toBe(true)

    clock += 3 * DAY
    expect(await acmetap('rotate', '--activate')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/not been published for 7d yet: wait until 20[\s\S]*--now/),
    })
    expect((await acmetap('rotate', '--activate', '--overlap', '2d')).code).toBe(0)
    await issuer.check()
    expect(new Set(issuer.rootsPem().split(/(?<=END CERTIFICATE-----\n)/))).toEqual(
      new Set(both.split(/(?<=END CERTIFICATE-----\n)/)),
    )
    expect(issuer.rootsPem().endsWith(first)).toBe(true)
    expect(await json('show')).toMatchObject({ sha256: made.sha256, namesNotCovered: [] })
  })

  test('activates at once with --now, and makes another next root with --again', async () => {
    await start()
    const one = await json('rotate')
    await configure({ one: 'https://acme.test/dir', two: 'https://second.test/dir' })
    expect((await acmetap('rotate')).err).toMatch(/does not cover second\.test[\s\S]*rotate --again/)
    const two = await json('rotate', '--again')
    expect(two.sha256).not.toBe(one.sha256)
    expect(await json('rotate', '--activate', '--now')).toMatchObject({
      sha256: two.sha256,
      activated: true,
    })
  })
})

describe('root export', () => {
  test('and import --key: two instances issue under one root, before and after a rotation', async () => {
    await start()
    const exported = await acmetap('export', 'authority.pem')
    expect(exported.code).toBe(0)
    expect(exported.err).toMatch(/holds a PRIVATE KEY.*stand in for acme\.test/)
    expect(exported.out).not.toContain('BEGIN')
    const file = join(folder, 'authority.pem')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await acmetap('export', 'authority.pem')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/exists already/),
    })
    const mine = await json('show')
    await json('rotate')
    expect((await acmetap('export', '--next', 'next.pem')).code).toBe(0)
    const next = (await json('show')).next.sha256

    await rm(join(folder, 'data'), { recursive: true })
    await start()
    expect((await json('show')).sha256).not.toBe(mine.sha256)
    expect((await acmetap('import', 'authority.pem')).err).toMatch(/holds a private key[\s\S]*--key FILE/)
    const imported = await acmetap('import', '--key', 'authority.pem')
    expect([imported.code, imported.err]).toEqual([0, `note: ${file} holds the private key; remove it.\n`])
    expect((await acmetap('import', '--key', 'next.pem', '--next')).code).toBe(0)
    expect(await json('show')).toMatchObject({ sha256: mine.sha256, issuer: mine.issuer })
    expect((await json('show')).next.sha256).toBe(next)
  })
})

test('an import is undone by importing what issued before', async () => {
  const issuer = await start()
  const before = await json('show')
  const { request, extensions } = await json('csr')
  await writeFile(join(folder, 'ours.pem'), (await operator.sign(request, extensions)) + operator.root)
  expect((await acmetap('import', 'ours.pem')).code).toBe(0)
  expect((await json('show')).sha256).not.toBe(before.sha256)
  const [kept] = await readdir(authorities.previous)
  expect((await acmetap('import', '--key', join(authorities.previous, kept!))).code).toBe(0)
  expect(await json('show')).toMatchObject({ sha256: before.sha256, issuer: before.issuer, own: true })
  await issuer.check()
  await issuer.contextFor('acme.test')
})

test.skipIf(process.geteuid?.() !== 0)(
  'what root makes belongs to the owner of the data folder',
  async () => {
    await mkdir(join(folder, 'data'), { mode: 0o700 })
    await chown(join(folder, 'data'), 65534, 65534)
    expect((await acmetap('csr')).code).toBe(0)
    for (const path of [authorities.path, authorities.previous, authorities.pending]) {
      expect((await stat(path)).uid).toBe(65534)
    }
  },
)

test.each([
  [['import'], /name the file/],
  [['import', 'x', '--key', 'y'], /name no other file/],
  [['import', 'x', '--next'], /--next goes with --key/],
  [['rotate', '--now'], /--now goes with --activate/],
  [['rotate', '--overlap', 'soon'], /--overlap "soon" is not a time/],
  [['csr', '--also', 'not a name'], /--also: "not a name" is neither/],
  [['export'], /missing required argument 'file'/],
])('root %j is a usage error', async (words, says) => {
  expect(await acmetap(...words)).toMatchObject({ code: 2, out: '', err: expect.stringMatching(says) })
})

test.each(['csr', 'rotate', 'import x.pem'])(
  'root %s without an intercepted CA says what is missing',
  async (words) => {
    await configure({})
    await writeFile(join(folder, 'x.pem'), '')
    expect(await acmetap(...words.split(' '))).toMatchObject({
      code: 1,
      err: expect.stringMatching(/intercept\.cas is empty/),
    })
  },
)

test('the commands work as a process of their own', async () => {
  const ran = await runMain(['root', 'csr', '--json'], folder)
  expect(ran.code).toBe(0)
  expect(JSON.parse(ran.out).request).toContain('BEGIN CERTIFICATE REQUEST')
})
