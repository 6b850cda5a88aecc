import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { readAccountFiles } from '../../../src/cli/accounts/read-account-files.ts'
import {
  ACCOUNT,
  acmeShFiles,
  caddyFiles,
  certbotFiles,
  dehydratedFiles,
  ecKey,
  legoFiles,
  rsaKey,
  type TestKey,
  writeTree,
} from './account-fixtures.ts'

let folder: string
let ec: TestKey
let rsa: TestKey

beforeAll(async () => {
  ec = await ecKey()
  rsa = await rsaKey()
})
beforeEach(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), 'acmetap-accounts-')))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** Every private value, and text that must never be quoted. */
function secretsOf(...keys: readonly TestKey[]): string[] {
  const members = keys.flatMap(({ privateJwk }) =>
    ['d', 'p', 'q', 'dp', 'dq', 'qi'].flatMap((name) => (privateJwk[name] as string | undefined) ?? []),
  )
  // The PEM's lines, but for those that hold nothing but a part of the modulus.
  const lines = keys.flatMap(({ pem, traditional, publicJwk }) =>
    `${pem}\n${traditional}`
      .split('\n')
      .filter((line) => /^[\w+/=]{20,}$/.test(line))
      .filter((line) => !String(publicJwk.n).includes(line.replaceAll('+', '-').replaceAll('/', '_'))),
  )
  return [...members, ...lines, 'CANARY']
}

const WRITERS = {
  certbot: { files: certbotFiles, anchor: 'regr.json' },
  lego: { files: legoFiles, anchor: 'account.json' },
  'acme.sh': { files: acmeShFiles, anchor: 'ca.conf' },
  dehydrated: { files: dehydratedFiles, anchor: 'account_id.json' },
  caddy: { files: caddyFiles, anchor: 'a.json' },
} as const
const CLIENTS = Object.keys(WRITERS) as (keyof typeof WRITERS)[]

describe('each client', () => {
  test.each(CLIENTS)('%s: the URL, the public key and its thumbprint', async (client) => {
    for (const key of [ec, rsa]) {
      await writeTree(path.join(folder, 'x'), WRITERS[client].files(key))
      const { found, problems } = await readAccountFiles([folder])
      expect(problems).toEqual([])
      expect(found).toEqual([
        {
          account: ACCOUNT,
          jwk: key.publicJwk,
          thumbprint: key.thumbprint,
          from: expect.stringMatching(new RegExp(`^${folder}/x/.*/${WRITERS[client].anchor}$`)),
          client,
        },
      ])
      const said = JSON.stringify({ found, problems })
      for (const secret of secretsOf(key)) expect(said).not.toContain(secret)
    }
  })

  test.each(CLIENTS)('%s: any one of its files stands for the account', async (client) => {
    const files = WRITERS[client].files(ec)
    await writeTree(folder, files)
    for (const name of Object.keys(files).filter((name) => !name.startsWith('certificates/'))) {
      const { found, problems } = await readAccountFiles([path.join(folder, name)])
      expect(problems).toEqual([])
      expect(found).toMatchObject([{ account: ACCOUNT, thumbprint: ec.thumbprint, client }])
    }
  })

  test.each(CLIENTS)('%s: each of its files cut off, empty, emptied of meaning or gone', async (client) => {
    for (const name of Object.keys(WRITERS[client].files(rsa)).filter(
      (name) => !name.startsWith('certificates/'),
    )) {
      const full = WRITERS[client].files(rsa)
      const text = typeof full[name] === 'string' ? (full[name] as string) : JSON.stringify(full[name])
      for (const broken of [
        text.slice(0, -30),
        text.slice(0, text.length / 2),
        '',
        '{}',
        '[]',
        'null',
        '\0\xff',
        null,
      ]) {
        const root = await mkdtemp(path.join(folder, 'b'))
        await writeTree(root, { ...full, [name]: broken ?? '' })
        if (broken === null) await rm(path.join(root, name))
        const { found, problems } = await readAccountFiles([root])
        const isNeeded = !/meta\.json|registration_info\.json|^ca\/.*account\.json/.test(name)
        if (isNeeded) {
          expect({ name, broken, found }).toEqual({ name, broken, found: [] })
          expect(problems.length).toBeGreaterThan(0)
        }
        const said = JSON.stringify({ found, problems })
        for (const secret of secretsOf(rsa)) expect(said).not.toContain(secret)
      }
    }
  })

  test('many accounts side by side are all found, each once', async () => {
    for (const [index, client] of CLIENTS.entries()) {
      await writeTree(path.join(folder, client), WRITERS[client].files(ec, `${ACCOUNT}${index}`))
    }
    const { found, problems } = await readAccountFiles([
      folder,
      path.join(folder, 'lego'),
      `${folder}/lego/..`,
    ])
    expect(problems).toEqual([])
    expect(found.map(({ client }) => client).sort()).toEqual([...CLIENTS].sort())
  })
})

describe('a key without a URL is a problem that says what to do', () => {
  test.each([
    ['certbot', { 'regr.json': { body: {} }, 'private_key.json': 'KEY' }, 'certbot register'],
    ['certbot', { 'meta.json': {}, 'private_key.json': 'KEY' }, 'certbot register'],
    ['lego', { 'account.json': { email: 'a', registration: null }, 'keys/a.key': 'PEM' }, 'lego run'],
    ['acme.sh', { 'account.key': 'PEM', 'ca.conf': "CA_EMAIL='x'\n" }, 'acme.sh --register-account'],
    ['acme.sh', { 'account.key': 'PEM', 'account.json': {} }, 'acme.sh --register-account'],
    ['dehydrated', { 'account_key.pem': 'PEM', 'registration_info.json': {} }, 'dehydrated --account'],
    [
      'caddy',
      { 'users/x/x.json': { status: 'valid', contact: [] }, 'users/x/x.key': 'PEM' },
      'through acmetap',
    ],
    ['uacme', { 'private/key.pem': 'PEM' }, 'its next run through acmetap'],
  ])('%s %j', async (client, files, advice) => {
    const real = Object.fromEntries(
      Object.entries(files).map(([name, text]) => [
        name,
        text === 'PEM' ? ec.pem : text === 'KEY' ? ec.privateJwk : text,
      ]),
    )
    await writeTree(folder, real)
    const { found, problems } = await readAccountFiles([folder])
    expect(found).toEqual([])
    expect(problems[0]).toContain(`${client} account left out: its files hold a key but no account URL; `)
    expect(problems[0]).toContain(advice)
  })
})

describe('keys that are none', () => {
  const X25519 = execFileSync('openssl', ['genpkey', '-algorithm', 'X25519']).toString()
  const encrypted = (pem: string) =>
    execFileSync('openssl', ['pkcs8', '-topk8', '-passout', 'pass:x'], { input: pem }).toString()
  const SECP256K1 = execFileSync('openssl', [
    'genpkey',
    '-algorithm',
    'EC',
    '-pkeyopt',
    'ec_paramgen_curve:secp256k1',
  ])

  test('wrong kinds of PEM', async () => {
    const publicPem = execFileSync('openssl', ['pkey', '-pubout'], { input: ec.pem }).toString()
    for (const pem of [
      X25519,
      SECP256K1.toString(),
      encrypted(ec.pem),
      publicPem,
      `${ec.pem.slice(0, 60)}`,
      'x',
    ]) {
      await writeTree(folder, {
        ...dehydratedFiles(ec),
        'accounts/aHR0cHM6Ly9jYS50ZXN0Cg/account_key.pem': pem,
      })
      const { found, problems } = await readAccountFiles([folder])
      expect(found).toEqual([])
      expect(problems).toHaveLength(1)
      expect(problems[0]).toMatch(/dehydrated account left out: account_key\.pem holds /)
    }
  })

  test('wrong kinds of JWK', async () => {
    const okp = { kty: 'OKP', crv: 'X25519', x: 'A'.repeat(43), d: 'CANARY' }
    const tables = [
      okp,
      { kty: 'oct', k: 'CANARY' },
      { ...ec.privateJwk, x: 'AAAA' },
      { ...ec.privateJwk, crv: 'P-999' },
    ]
    for (const jwk of [...tables, { kty: 'RSA', n: 7 }, { n: 'x' }, { kty: ['EC'] }]) {
      await writeTree(folder, {
        ...certbotFiles(ec),
        'accounts/ca.test/directory/0123/private_key.json': jwk,
      })
      const { found, problems } = await readAccountFiles([folder])
      expect(found).toEqual([])
      expect(problems.join()).toMatch(/certbot account left out: private_key\.json holds /)
      expect(problems.join()).not.toContain('CANARY')
    }
  })

  test.each(['P-384', 'P-521'])('%s is right', async (curve) => {
    const key = await ecKey(curve)
    await writeTree(folder, legoFiles(key))
    expect((await readAccountFiles([folder])).found[0]?.jwk).toEqual(key.publicJwk)
  })
})

test.each([
  'http://ca.test/acct/1',
  '/acct/1',
  'acct',
  'https://u:CANARY@ca.test/acct/1',
  'https://ca.test/a cct',
  'https://',
  'javascript:alert(1)',
])('%j is no account URL', async (account) => {
  await writeTree(folder, certbotFiles(ec, account))
  const { found, problems } = await readAccountFiles([folder])
  expect(found).toEqual([])
  expect(problems).toHaveLength(1)
  expect(problems[0]).toContain('no absolute https URL')
  expect(problems[0]).not.toContain('CANARY')
})

test('two different keys for one account: neither is taken', async () => {
  await writeTree(path.join(folder, 'a'), certbotFiles(ec))
  await writeTree(path.join(folder, 'b'), legoFiles(rsa))
  const { found, problems } = await readAccountFiles([folder])
  expect(found).toEqual([])
  expect(problems.join()).toContain(`two different keys for ${ACCOUNT}`)
})

describe('the tree', () => {
  test('links are followed to files inside it and never out of it', async () => {
    const outside = path.join(folder, 'outside')
    const inside = path.join(folder, 'inside')
    await writeTree(outside, { ...certbotFiles(ec), 'account_key.pem': rsa.pem })
    await writeTree(inside, {
      'd/account_id.json': { url: ACCOUNT },
      'store/key.pem': ec.pem,
      'out/account_id.json': { url: `${ACCOUNT}2` },
    })
    await symlink('../store/key.pem', path.join(inside, 'd/account_key.pem'))
    await symlink(path.join(outside, 'account_key.pem'), path.join(inside, 'out/account_key.pem'))
    await symlink(outside, path.join(inside, 'folder-out'))
    await symlink('..', path.join(inside, 'd/loop'))
    await symlink('self', path.join(inside, 'd/self'))
    const { found, problems } = await readAccountFiles([inside])
    expect(found).toMatchObject([{ account: ACCOUNT, thumbprint: ec.thumbprint }])
    expect(problems.filter((problem) => problem.includes('leads out of'))).toHaveLength(2)
  })

  test("lego's keys folder may not be a link either", async () => {
    await writeTree(folder, {
      'outside/a@b.test.key': ec.pem,
      'l/account.json': legoFiles(ec)['accounts/ca.test/a@b.test/account.json'],
    })
    await symlink('../outside', path.join(folder, 'l/keys'))
    expect((await readAccountFiles([path.join(folder, 'l')])).found).toEqual([])
  })

  test('a file over 1 MiB is skipped, a pipe does not block', async () => {
    await writeTree(folder, { 'a/account_key.pem': ec.pem, 'a/account_id.json': ' '.repeat(1024 * 1024 + 1) })
    execFileSync('mkfifo', [path.join(folder, 'account_key.pem')])
    const { found, problems } = await readAccountFiles([folder, path.join(folder, 'account_key.pem')])
    expect(found).toEqual([])
    expect(problems.join('\n')).toContain('account_id.json: skipped: larger than 1 MiB')
  })

  test('what may not be read is a problem', async () => {
    await writeTree(folder, { ...certbotFiles(ec), 'closed/x': 'x' })
    const key = path.join(folder, 'accounts/ca.test/directory/0123/private_key.json')
    await chmod(folder, 0o755)
    await chmod(key, 0)
    await chmod(path.join(folder, 'closed'), 0)
    // root may read everything, so it steps down for the length of the call.
    const isRoot = process.geteuid!() === 0
    if (isRoot) process.seteuid!(65_534)
    const { found, problems } = await readAccountFiles([folder]).finally(() => isRoot && process.seteuid!(0))
    expect(found).toEqual([])
    expect(problems).toContain(`${key}: skipped: no permission to read it; run this as its owner or as root`)
    expect(problems.some((problem) => problem.startsWith(`${folder}/closed: skipped: no permission`))).toBe(
      true,
    )
  })

  test('depth and count are bounded, and it is said', async () => {
    await writeTree(path.join(folder, 'a/b/c/d'), dehydratedFiles(ec))
    const deep = await readAccountFiles([folder], { depth: 3, entries: 1000 })
    expect(deep.found).toEqual([])
    expect(deep.problems.join()).toContain('more than 3 levels down')
    await mkdir(path.join(folder, 'many'))
    await Promise.all(
      Array.from({ length: 300 }, (_, index) => writeFile(path.join(folder, 'many', `${index}`), '')),
    )
    const wide = await readAccountFiles([folder], { depth: 16, entries: 200 })
    expect(wide.problems.join()).toContain('stopped after 200 files and folders')
  })

  test('problems are bounded too', async () => {
    const files = Array.from({ length: 250 }, (_, index) => [`${index}/account_key.pem`, 'x'] as const)
    await writeTree(folder, Object.fromEntries(files))
    const { problems } = await readAccountFiles([folder])
    expect(problems).toHaveLength(201)
    expect(problems.at(-1)).toMatch(/^and \d+ more problems$/)
  })

  test('nothing there, and no such path', async () => {
    const { found, problems } = await readAccountFiles([folder, path.join(folder, 'none'), 'x\0y'])
    expect(found).toEqual([])
    expect(problems).toEqual([
      `${folder}: no account of certbot, lego, acme.sh, dehydrated, Caddy or uacme found there`,
      `${folder}/none: skipped: no such file or folder`,
      expect.stringContaining('skipped: cannot be read'),
    ])
  })
})
