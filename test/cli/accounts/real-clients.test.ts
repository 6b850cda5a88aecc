import { execFile } from 'node:child_process'
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { readAccountFiles } from '../../../src/cli/accounts/read-account-files.ts'
import { cleanEnvironment } from '../../../src/cli/demo/child.ts'
import { type Pebble, startPebble } from '../../../src/cli/demo/pebble.ts'
import { reasonWithout } from '../../support/missing.ts'

const run = promisify(execFile)
let folder: string
let pebble: Pebble

const missing = await reasonWithout('pebble', 'pebble-challtestsrv', 'certbot', 'lego', 'dehydrated', 'uacme')
beforeEach((context) => {
  if (missing !== null) context.skip(missing)
})

beforeAll(async () => {
  if (missing !== null) return
  folder = await mkdtemp(path.join(tmpdir(), 'acmetap-real-accounts-'))
  pebble = await startPebble({ folder: path.join(folder, 'pebble'), nonceReject: 0 })
})
afterAll(async () => {
  await pebble?.stop()
  if (missing === null) await rm(folder, { recursive: true, force: true })
})

function client(program: string, args: readonly string[], trust: Record<string, string> = {}) {
  return run(program, [...args], { cwd: folder, env: cleanEnvironment(folder, trust), timeout: 50_000 })
}

/** The form of Pebble's account URLs; the test of dehydrated compares the key too. */
const ACCOUNT = () => new RegExp(`^https://localhost:${pebble.port}/my-account/[0-9a-f]+$`)

test('certbot', async () => {
  const home = path.join(folder, 'certbot')
  await client(
    'certbot',
    ['register', '--server', pebble.directory, '--agree-tos', '-n', '-m', 'a@example.test'].concat([
      '--config-dir',
      home,
      '--work-dir',
      `${home}-work`,
      '--logs-dir',
      `${home}-logs`,
    ]),
    { REQUESTS_CA_BUNDLE: pebble.trust },
  )
  const { found, problems } = await readAccountFiles([home])
  expect(problems).toEqual([])
  expect(found).toMatchObject([
    { client: 'certbot', account: expect.stringMatching(ACCOUNT()), jwk: { kty: 'RSA', e: 'AQAB' } },
  ])
  expect(Object.keys(found[0]!.jwk).sort()).toEqual(['e', 'kty', 'n'])
})

test('lego', async () => {
  const home = path.join(folder, 'lego')
  // The order itself may fail: the account is saved before.
  await client(
    'lego',
    [
      '--server',
      pebble.directory,
      '--path',
      home,
      '--email',
      'a@example.test',
      '-a',
      '-d',
      'lego.example.test',
    ].concat(['--http', '--http.port', `127.0.0.1:${pebble.httpPort}`, 'run']),
    { LEGO_CA_CERTIFICATES: pebble.trust },
  )
  const { found, problems } = await readAccountFiles([home])
  expect(problems).toEqual([])
  expect(found).toMatchObject([
    { client: 'lego', account: expect.stringMatching(ACCOUNT()), jwk: { kty: 'EC', crv: 'P-256' } },
  ])
})

test('dehydrated: what we read equals the key that Pebble knows for the account', async () => {
  const home = path.join(folder, 'dehydrated')
  await mkdir(home)
  await writeFile(
    path.join(home, 'config'),
    `CA=${pebble.directory}\nBASEDIR=${home}\nCONTACT_EMAIL=a@example.test\n`,
  )
  await client('dehydrated', ['-f', path.join(home, 'config'), '--register', '--accept-terms'], {
    CURL_CA_BUNDLE: pebble.trust,
  })
  const { found, problems } = await readAccountFiles([home])
  expect(problems).toEqual([])
  expect(found).toMatchObject([{ client: 'dehydrated', account: expect.stringMatching(ACCOUNT()) }])
  const answer = path.join(path.dirname(found[0]!.from), 'registration_info.json')
  expect(JSON.parse(await readFile(answer, 'utf8')).key).toEqual(found[0]!.jwk)
})

test('uacme: a key, no URL, and the way out', async () => {
  const home = path.join(folder, 'uacme')
  // uacme trusts the system's store only, so it gets one of its own in a private mount namespace.
  const store = '/etc/ssl/certs/ca-certificates.crt'
  const bundle = path.join(folder, 'bundle.pem')
  await writeFile(bundle, await readFile(store))
  await appendFile(bundle, await readFile(pebble.trust))
  await client('unshare', [
    ...['--user', '--map-root-user', '--mount', 'sh', '-c'],
    ...['mount --bind "$1" "$2" && shift 2 && exec uacme "$@"', 'sh', bundle, store],
    ...['-y', '-a', pebble.directory, '-c', home, 'new', 'a@example.test'],
  ])
  const { found, problems } = await readAccountFiles([home])
  expect(found).toEqual([])
  expect(problems).toEqual([
    expect.stringContaining('uacme account left out: its files hold a key but no account URL'),
  ])
})
