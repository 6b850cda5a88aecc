import { X509Certificate } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadOrCreateListenerRoot } from '../../src/interception/listener-root.ts'
import { subjectNames } from '../../src/interception/name-constraints.ts'
import { runHere } from '../support/run-here.ts'
import { runMain } from '../support/run-main.ts'

let folder: string
const file = (name: string, text: string) => {
  writeFileSync(path.join(folder, name), text)
  return name
}
const acmetap = (words: string, env?: Record<string, string>) => runMain(words.split(' '), folder, env)

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'main-'))
  file(
    'acmetap.yaml',
    'version: 1\ncas: { p: { directory: "https://localhost:14000/dir" } }\nrelay: [{ host: "localhost:8443", ca: p }]\n',
  )
  file('bad.yaml', 'version: 1\nlimits: { in_fligt: 5 }\nrelay: [{ host: x, ca: nobody }]\n')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('config check says ok with the digest, by every way to name the file', async () => {
  const ok = await acmetap('config check')
  expect(ok).toEqual({
    code: 0,
    out: expect.stringMatching(/acmetap\.yaml: ok, digest [0-9a-f]{64}\n$/),
    err: '',
  })
  expect((await acmetap('config check --config acmetap.yaml')).out).toBe(ok.out)
  expect((await acmetap('--config acmetap.yaml config check')).out).toBe(ok.out)
  expect((await acmetap('config check', { ACMETAP_CONFIG: 'acmetap.yaml' })).out).toBe(ok.out)
  const json = JSON.parse((await acmetap('config check --json')).out)
  expect(json).toEqual({
    ok: true,
    file: path.join(folder, 'acmetap.yaml'),
    digest: expect.any(String),
    warnings: [],
  })
})

test('config check names everything that is wrong, exit code 1', async () => {
  const bad = await acmetap('config check --config bad.yaml')
  expect(bad.code).toBe(1)
  expect(bad.out).toBe('')
  expect(bad.err.split('\n')).toEqual([
    expect.stringMatching(/bad\.yaml:2:11: limits\.in_fligt: unknown key\. Did you mean in_flight\?$/),
    expect.stringMatching(/bad\.yaml:3:24: relay\[0\]\.ca: names a CA that is not under cas\./),
    `${path.join(folder, 'bad.yaml')}: not ok, 2 problems`,
    '',
  ])
  const json = await acmetap('config check --json --config bad.yaml')
  expect(json.code).toBe(1)
  expect(JSON.parse(json.out).problems).toHaveLength(2)
})

test('config show means the same again', async () => {
  const shown = await acmetap('config show')
  file('shown.yaml', shown.out)
  const first = JSON.parse((await acmetap('config show --json')).out)
  const second = JSON.parse((await acmetap('config show --json --config shown.yaml')).out)
  expect(second).toEqual({ ...first, file: path.join(folder, 'shown.yaml') })
  expect(first.config.shutdown).toEqual({ drain: '30s' })
})

test('config example is a configuration', async () => {
  file('example.yaml', (await acmetap('config example')).out)
  expect((await acmetap('config check --config example.yaml')).code).toBe(0)
})

test('a warning for orphaned accounts', async () => {
  mkdirSync(path.join(folder, 'data'))
  writeFileSync(path.join(folder, 'data', 'relays.json'), '{"old.example":"p"}')
  const { code, err } = await acmetap('config check')
  expect([code, err]).toEqual([
    0,
    expect.stringMatching(/^warning: relay: host old\.example is no longer relayed.*orphaned/),
  ])
  rmSync(path.join(folder, 'data'), { recursive: true })
})

test.each([
  ['', 2, /Usage: acmetap/],
  ['fly', 2, /unknown command 'fly'/],
  ['config', 2, /Usage: acmetap config/],
  ['exchanges --colour red', 2, /unknown option '--colour'[\s\S]*acmetap exchanges list --help/],
  ['exchanges --operation fly', 2, /--operation "fly" is not known\. Known: directory/],
  ['exchanges --since yesterday', 2, /is not a time: write 30m/],
  ['exchanges --limit 0', 2, /--limit must be/],
  ['exchanges show 123', 2, /UUIDv7/],
  ['backup', 2, /missing required argument 'file'/],
  ['tail --from x', 2, /sequence number/],
  ['accounts import', 2, /missing required argument 'path'/],
  ['accounts import . --ca nobody', 2, /not under cas: p/],
  ['tail', 1, /tail needs a running server[\s\S]*acmetap serve/],
  ['ca probe', 1, /ca probe needs a running server/],
  ['config check --config none.yaml', 1, /none\.yaml:1:1: does not exist\. .*config example/],
  ['restore none.db', 1, /none\.db does not exist/],
  ['root show', 1, /no listener root yet[\s\S]*acmetap serve/],
])('acmetap %s: exit code %i', async (words, code, says) => {
  const ran = await runHere(words === '' ? [] : words.split(' '), folder)
  expect(ran.code).toBe(code)
  expect(ran.err).toMatch(says)
  expect(ran.err).not.toMatch(/\n\s+at /)
  expect(ran.out).toBe('')
})

test('exit codes reach the shell', async () => {
  expect((await acmetap('--version')).code).toBe(0)
  expect((await acmetap('fly')).code).toBe(2)
  expect((await acmetap('tail')).code).toBe(1)
})

test('without any configuration: what to do', async () => {
  const empty = mkdtempSync(path.join(tmpdir(), 'none-'))
  const { code, err } = await runMain(['config', 'check'], empty)
  rmSync(empty, { recursive: true })
  expect([code, err]).toEqual([
    1,
    expect.stringMatching(/there is no configuration[\s\S]*acmetap config example > acmetap\.yaml/),
  ])
})

test('ca list without a server is what is configured', async () => {
  const { code, out, err } = await acmetap('ca list')
  expect(code).toBe(0)
  expect(err).toMatch(/no server is running/)
  expect(out.trimEnd().split('\n').slice(1)).toEqual([
    expect.stringMatching(/^p {3}directory {2}https:\/\/localhost:14000\/dir {2}unknown {2}never$/),
    expect.stringMatching(/^p {3}relay {6}localhost:8443 {15}unknown {2}never$/),
  ])
})

test('root show: fingerprint, PEM and DER', async () => {
  const data = path.join(folder, 'data')
  const made = await loadOrCreateListenerRoot(data, subjectNames(['localhost']), () => new Date())
  expect(made.created).toBe(true)
  const root = new X509Certificate(readFileSync(path.join(data, 'listener-root.pem')))
  const shown = await acmetap('root show --der root.der')
  expect([shown.code, shown.err]).toEqual([0, ''])
  expect(shown.out).toContain(root.fingerprint256)
  expect(shown.out).toMatch(/names +localhost\n/)
  expect(shown.out).toContain(root.toString())
  expect(readFileSync(path.join(folder, 'root.der'))).toEqual(root.raw)
  expect((await acmetap('root show --pem')).out).toBe(root.toString())
  expect(JSON.parse((await acmetap('root show --json')).out)).toMatchObject({
    sha256: root.fingerprint256,
    pem: root.toString(),
  })
  rmSync(data, { recursive: true })
})

test('every command has examples in its help', async () => {
  const help = async (words: string[]): Promise<string[]> => {
    const { code, out } = await runHere([...words, '--help'], folder)
    expect([words, code]).toEqual([words, 0])
    expect(out).toMatch(/\nExamples:\n {2}acmetap /)
    const list = /\nCommands:\n([\s\S]*?)\n\n/.exec(out)?.[1] ?? ''
    return [...list.matchAll(/^ {2}([a-z][a-z-]*)/gm)]
      .map(([, name]) => name!)
      .filter((name) => name !== 'help')
  }
  const commands = await help([])
  expect(commands).toEqual([
    'serve',
    'demo',
    'config',
    'ca',
    'root',
    'local-ca',
    'enroll',
    'doctor',
    'policy',
    'engine',
    'reissue',
    'broker',
    'eab',
    'alerts',
    'watch',
    'failures',
    'orders',
    'certificates',
    'accounts',
    'clients',
    'exchanges',
    'tail',
    'import',
    'export',
    'report',
    'token',
    'rebuild',
    'record',
    'forget',
    'backup',
    'restore',
  ])
  const visit = async (name: string) => {
    for (const child of await help([name])) await help([name, child])
  }
  await Promise.all(commands.map(visit))
})

test('no colours without a terminal', async () => {
  expect((await acmetap('config show')).out).not.toContain('\u001b')
})

test('config check and serve read the conditions of a scheduled reissue, and point at them', async () => {
  const text = `${readFileSync(path.join(folder, 'acmetap.yaml'), 'utf8')}\nengine:\n  reissue:\n    schedule: { where: 'nme~x' }\n`
  writeFileSync(path.join(folder, 'schedule.yaml'), text)
  const line = text.split('\n').findIndex((one) => one.includes('nme~x')) + 1
  for (const words of ['config check', 'serve']) {
    const bad = await acmetap(`${words} --config schedule.yaml`)
    expect(bad.code).toBe(1)
    expect(bad.err).toContain(
      `schedule.yaml:${line}:24: engine.reissue.schedule.where: can't be read: column 1: "nme" is no term`,
    )
  }
})
