import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { batchesOf } from '../../../src/cli/import/send-certificates.ts'
import { runHere } from '../../support/run-here.ts'
import { writeTree } from '../accounts/account-fixtures.ts'
import { certbotFiles, DAY, kubernetesList, legoFiles, made, secretsOf } from './certificate-fixtures.ts'
import { type ControlServer, controlServer } from './control-server.ts'

let folder: string
let server: ControlServer | null
const now = made(['www.a.test', 'a.test'])
const older = made(['www.a.test', 'a.test'], -10)

beforeEach(async () => {
  server = null
  folder = await realpath(await mkdtemp(path.join(tmpdir(), 'acmetap-import-')))
  await writeFile(
    path.join(folder, 'acmetap.yaml'),
    'version: 1\ncas: { own: { directory: "https://ca.test/acme/directory" } }\nrelay: [{ host: "localhost:8443", ca: own }]\n',
  )
})
afterEach(async () => {
  await server?.close()
  await rm(folder, { recursive: true, force: true })
})

const acmetap = (...words: string[]) => runHere(words, folder, { columns: 200 })

test('sends what it found and tells it, soonest expiry first', async () => {
  server = await controlServer(path.join(folder, 'data'), { added: 2, known: 1, problems: [] })
  const expired = made(['old.test'], -3)
  await writeTree(path.join(folder, 'le'), certbotFiles(now, older))
  await writeTree(path.join(folder, 'pem'), { 'old.pem': expired.chain })
  const { code, out, err } = await acmetap('import', 'le', 'pem', '--host', 'web1', '--unmanaged')
  expect([code, err]).toEqual([0, ''])
  const lines = out.split('\n')
  expect(lines[0]).toMatch(/^NAMES +EXPIRES +CA +HOST +FORMAT +PATH$/)
  expect(lines[1]).toMatch(/^old\.test +3d ago +- +web1 \(unmanaged\) +pem +.*old\.pem$/)
  expect(lines[2]).toMatch(/^www\.a\.test \+1 +in 59d +own +web1 \(unmanaged\) +certbot +/)
  expect(out).toContain('2 found, 2 new, 1 known before, 1 expired, 1 older left out (--history takes them)')
  expect(server.bodies.map((body) => JSON.parse(body))).toEqual([
    {
      host: 'web1',
      unmanaged: true,
      certificates: [
        { pem: now.chain, path: expect.any(String), ca: 'own', format: 'certbot' },
        { pem: expired.chain, path: path.join(folder, 'pem/old.pem'), ca: null, format: 'pem' },
      ],
    },
  ])
})

test('a dry run needs no server; --json tells all but the PEM', async () => {
  await writeTree(path.join(folder, 'lego'), legoFiles(now, older))
  const { code, out, err } = await acmetap('import', 'lego', '--dry-run', '--json')
  expect([code, err]).toEqual([0, ''])
  expect(JSON.parse(out)).toEqual({
    found: [
      {
        fingerprint: now.fingerprint,
        names: ['www.a.test', 'a.test'],
        notAfter: expect.stringMatching(/^\d{4}-/),
        path: path.join(folder, 'lego/certificates/www.a.test.crt'),
        format: 'lego',
        ca: 'own',
        host: expect.any(String),
        unmanaged: false,
      },
    ],
    added: null,
    known: null,
    expired: 0,
    leftOut: { authorities: 0, older: 0, keys: 0 },
    problems: [],
  })
  expect((await acmetap('import', 'lego', '--dry-run')).out).toContain('nothing sent (--dry-run)')
})

test('without a server it says how to start one', async () => {
  await writeTree(path.join(folder, 'lego'), legoFiles(now, older))
  const { code, err } = await acmetap('import', 'lego')
  expect([code, err]).toEqual([
    1,
    expect.stringMatching(/import needs a running server.*\nStart it with: acmetap serve/s),
  ])
})

test('problems of both sides are told, one line each, and the exit code is 1', async () => {
  server = await controlServer(path.join(folder, 'data'), {
    added: 0,
    known: 0,
    problems: ['x: \u001b[2Jbad'],
  })
  await writeTree(folder, { 'p/ok.pem': now.chain, 'p/cut.pem': now.leaf.slice(0, -60) })
  const { code, err } = await acmetap('import', 'p')
  expect([code, err]).toEqual([
    1,
    `${folder}/p/cut.pem: 1 certificate left out: cut off or damaged\nx: \\u{1b}[2Jbad\n`,
  ])
})

test('nothing found, a CA that is not configured, a host that is none', async () => {
  const nothing = await acmetap('import', '.')
  expect([nothing.code, nothing.err]).toEqual([
    1,
    expect.stringContaining('error: no leaf certificate was found'),
  ])
  const ca = await acmetap('import', '.', '--ca', 'other')
  expect([ca.code, ca.err]).toEqual([2, 'error: --ca "other" is not under cas: own\n'])
  expect((await acmetap('import', '.', '--host', 'a\nb')).code).toBe(2)
  expect((await acmetap('import')).code).toBe(2)
})

test('names of certificates and files do nothing to the terminal', async () => {
  const evil = made(['\u001b[2Jevil.test'])
  await writeTree(folder, { 'p/\u001b[2Jx.pem': evil.chain })
  const { out } = await acmetap('import', 'p', '--dry-run')
  expect(out).not.toMatch(/\u001b/)
})

test('no byte of a private key leaves, whatever lies where', async () => {
  server = await controlServer(path.join(folder, 'data'), { added: 1, known: 0, problems: [] })
  const all = Array.from({ length: 6 }, (_, at) => made([`h${at}.test`]))
  const [a, b, c, d, e, f] = all as [typeof now, typeof now, typeof now, typeof now, typeof now, typeof now]
  await writeTree(path.join(folder, 'le'), certbotFiles(a, older))
  await writeTree(path.join(folder, 'lego'), legoFiles(b, older))
  await writeTree(folder, {
    'pem/bundle.pem': c.key + c.chain,
    'pem/odd.crt': d.key,
    'list.json': kubernetesList([{ name: 's', made: e }]),
    'table.csv': `host,pem\nx,"${f.key}${f.chain}"\n`,
    'broken.json': `{"kind":"Secret","data":{"tls.key":"${Buffer.from(e.key).toString('base64')}"`,
    'broken.csv': `pem\n"${f.key}`,
  })
  const words = [
    'import',
    'le',
    'lego',
    'pem',
    'list.json',
    'table.csv',
    'broken.json',
    'broken.csv',
    'pem/odd.crt',
  ]
  const plain = await acmetap(...words)
  const json = await acmetap(...words, '--json', '--history')
  expect([plain.code, json.code]).toEqual([1, 1])
  const left = [plain.out, plain.err, json.out, json.err, ...server.bodies].join('\n')
  expect(server.bodies.join()).toContain(JSON.stringify(f.leaf).slice(1, -1))
  for (const one of [...all, older]) {
    for (const secret of secretsOf(one)) {
      expect(left).not.toContain(secret)
      // The same bytes, should they have been encoded once more, at each of the three alignments.
      for (const shift of [0, 1, 2]) {
        const again = Buffer.from('x'.repeat(shift) + secret)
          .toString('base64')
          .slice(4, -4)
        expect(left).not.toContain(again)
      }
    }
  }
  expect(left).not.toContain('CANARY')
  expect(left).not.toContain('PRIVATE KEY')
})

test('standard input of the process itself', async () => {
  const { execFileSync } = await import('node:child_process')
  const main = path.resolve(import.meta.dirname, '../../../src/main.ts')
  const out = execFileSync(process.execPath, [main, 'import', '-', '--dry-run', '--json', '--host', 'web1'], {
    cwd: folder,
    env: { HOME: folder },
    input: now.key + now.chain + older.chain,
    stdio: ['pipe', 'pipe', 'ignore'],
  }).toString()
  expect(JSON.parse(out)).toMatchObject({
    found: [
      { fingerprint: older.fingerprint, path: 'standard input', host: 'web1' },
      { fingerprint: now.fingerprint },
    ],
    expired: 1,
    leftOut: { keys: 1 },
  })
})

test('batches: at most 200 certificates and about 2 MiB, of one machine each', () => {
  const one = (at: number, size: number, host = 'web1') => ({
    pem: 'x'.repeat(size),
    fingerprint: String(at),
    names: [],
    notAfter: Date.now() * 1000 + DAY,
    path: String(at),
    format: 'pem' as const,
    ca: null,
    host,
    unmanaged: false,
  })
  const sizes = (found: Parameters<typeof batchesOf>[0]) =>
    [...batchesOf(found)].map(({ host, certificates }) => [host, certificates.length])
  expect(sizes(Array.from({ length: 401 }, (_, at) => one(at, 10)))).toEqual([
    ['web1', 200],
    ['web1', 200],
    ['web1', 1],
  ])
  expect(sizes(Array.from({ length: 17 }, (_, at) => one(at, 256 * 1024)))).toEqual([
    ['web1', 8],
    ['web1', 8],
    ['web1', 1],
  ])
  expect(sizes([one(1, 5), one(2, 5, 'web2'), one(3, 5)])).toEqual([
    ['web1', 2],
    ['web2', 1],
  ])
})
