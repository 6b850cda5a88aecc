import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readCertificateFiles } from '../../../src/cli/import/read-certificate-files.ts'
import { writeTree } from '../accounts/account-fixtures.ts'
import {
  acmeShFiles,
  CERTBOT_LINKS,
  caddyFiles,
  certbotFiles,
  dehydratedFiles,
  kubernetesList,
  legoFiles,
  type Made,
  made,
  root,
  secretsOf,
  uacmeFiles,
} from './certificate-fixtures.ts'

let folder: string
const now = made(['www.a.test', 'a.test'])
const older = made(['www.a.test', 'a.test'], -10)

beforeEach(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), 'acmetap-import-')))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const CONFIG = {
  cas: {
    own: { directory: ['https://ca.test/acme/directory'] },
    le: { directory: ['https://acme-v02.api.letsencrypt.org/directory'] },
  },
  relay: [{ host: 'acme.relay.test:8443', ca: 'own' }],
} as never

interface Given {
  readonly history?: boolean
  readonly ca?: string
  readonly input?: string | Buffer
  readonly entries?: number
}

const read = (paths: readonly string[], { history = false, ca, input = '', entries }: Given = {}) =>
  readCertificateFiles(paths, {
    config: CONFIG,
    host: 'here',
    unmanaged: false,
    ca: ca ?? null,
    history,
    input: async () => Buffer.from(input),
    ...(entries === undefined ? {} : { bounds: { depth: 16, entries } }),
  })

const WRITERS = {
  certbot: certbotFiles,
  lego: legoFiles,
  'acme.sh': acmeShFiles,
  dehydrated: dehydratedFiles,
  caddy: caddyFiles,
  uacme: uacmeFiles,
} as const
const CLIENTS = Object.keys(WRITERS) as (keyof typeof WRITERS)[]
const KEEPS_OLDER: readonly string[] = ['certbot', 'lego', 'dehydrated', 'uacme']

async function write(client: keyof typeof WRITERS, base = folder, [one, two]: [Made, Made] = [now, older]) {
  await writeTree(base, WRITERS[client](one, two))
  if (client === 'certbot') {
    const live = path.join(base, 'live/www.a.test')
    for (const name of CERTBOT_LINKS) {
      await symlink(`../../archive/www.a.test/${name}10.pem`, path.join(live, `${name}.pem`))
    }
  }
  if (client === 'dehydrated') {
    for (const name of ['cert', 'fullchain', 'privkey']) {
      await symlink(`${name}-1800000000.pem`, path.join(base, `certs/www.a.test/${name}.pem`))
    }
  }
}

describe('each client', () => {
  test.each(CLIENTS)('%s: the certificate in use, its chain and its CA', async (client) => {
    await write(client)
    const { found, problems } = await read([folder])
    expect(problems).toEqual([])
    expect(found).toEqual([
      {
        pem: now.chain,
        fingerprint: now.fingerprint,
        names: ['www.a.test', 'a.test'],
        notAfter: expect.any(Number),
        path: expect.stringContaining(folder),
        format: client,
        ca: client === 'uacme' ? null : 'own',
        host: 'here',
        unmanaged: false,
      },
    ])
    const said = JSON.stringify({ found, problems })
    for (const secret of [...secretsOf(now), ...secretsOf(older), 'CANARY'])
      expect(said).not.toContain(secret)
  })

  test.each(CLIENTS)('%s: with history the ones before it', async (client) => {
    await write(client)
    const { found, problems, leftOut } = await read([folder], { history: true })
    expect(problems).toEqual([])
    const expected = KEEPS_OLDER.includes(client) ? [now.fingerprint, older.fingerprint] : [now.fingerprint]
    expect(found.map(({ fingerprint }) => fingerprint)).toEqual(expected)
    expect(leftOut.older).toBe(0)
  })

  test.each(CLIENTS)(
    '%s: an empty, cut or emptied chain is a problem that quotes nothing',
    async (client) => {
      for (const broken of ['', now.leaf.slice(0, -60), root.pem, now.key, 'CANARY']) {
        const base = await mkdtemp(path.join(folder, 'b'))
        await write(client, base, [{ ...now, leaf: broken, chain: broken }, older])
        const { found, problems } = await read([base])
        expect({ broken, found }).toEqual({ broken, found: [] })
        expect(problems.length).toBeGreaterThan(0)
        const said = JSON.stringify({ found, problems })
        for (const secret of [...secretsOf(now), 'CANARY']) expect(said).not.toContain(secret)
      }
    },
  )

  test('all of them in one tree, with --ca for the one that does not tell', async () => {
    const pairs = new Map(CLIENTS.map((client) => [client, made([`${client}.a.test`])] as const))
    for (const client of CLIENTS) await write(client, path.join(folder, client), [pairs.get(client)!, older])
    const { found, problems, leftOut } = await read([folder], { ca: 'le' })
    expect(problems).toEqual([])
    expect(Object.fromEntries(found.map(({ format, ca }) => [format, ca]))).toEqual({
      certbot: 'own',
      lego: 'own',
      'acme.sh': 'own',
      dehydrated: 'own',
      caddy: 'own',
      uacme: 'le',
    })
    expect(leftOut.older).toBe(3)
  })
})

describe('certbot', () => {
  test("one of its folders alone stands for the whole: live's links lead into archive", async () => {
    await write('certbot')
    for (const name of ['live', 'archive', 'renewal']) {
      const { found, problems } = await read([path.join(folder, name)])
      expect(problems).toEqual([])
      expect(found).toMatchObject([
        { ca: 'own', fingerprint: now.fingerprint, path: path.join(folder, 'live/www.a.test/fullchain.pem') },
      ])
    }
  })

  test('live decides which is in use, also an older one', async () => {
    await write('certbot')
    const link = path.join(folder, 'live/www.a.test/fullchain.pem')
    await rm(link)
    await symlink('../../archive/www.a.test/fullchain1.pem', link)
    expect((await read([folder])).found).toMatchObject([{ fingerprint: older.fingerprint }])
  })

  test('numbers are compared as numbers where live is gone', async () => {
    await write('certbot')
    await rm(path.join(folder, 'live'), { recursive: true })
    expect((await read([folder])).found).toMatchObject([{ fingerprint: now.fingerprint }])
  })

  test('a copy that followed the links', async () => {
    const { 'renewal/www.a.test.conf': conf } = certbotFiles(now, older)
    await writeTree(folder, {
      'renewal/www.a.test.conf': conf,
      'live/www.a.test/fullchain.pem': now.chain,
      'live/www.a.test/privkey.pem': now.key,
    })
    expect((await read([folder])).found).toMatchObject([{ format: 'certbot', ca: 'own' }])
  })
})

describe('the CA by a URL of the files', () => {
  test.each([
    ['https://ca.test/acme/directory', 'own'],
    ['https://acme.relay.test:8443/acme/directory', 'own'],
    ['https://acme-v02.api.letsencrypt.org/directory', 'le'],
    ['https://other.test/directory', null],
    ['not a url', null],
  ])('%s → %s', async (server, ca) => {
    await writeTree(folder, certbotFiles(now, older))
    await writeFile(path.join(folder, 'renewal/www.a.test.conf'), `[renewalparams]\nserver = ${server}\n`)
    expect((await read([folder])).found).toMatchObject([{ ca }])
  })
})

describe('PEM and DER', () => {
  test('leaf certificates of a tree, CA certificates counted, keys passed over', async () => {
    const [one, two] = [made(['one.test']), made(['192.0.2.1'])]
    const der = Buffer.from(two.leaf.replace(/-----[^-]+-----|\s/g, ''), 'base64')
    await writeTree(folder, {
      'haproxy/one.pem': one.key + one.chain,
      'haproxy/one.pem.rsa': one.leaf,
      'a/ca.crt': root.pem,
      'b/ca-again.crt': root.pem,
      'c/site.key': two.key,
      'c/notes.txt': now.chain,
      'c/server-key.pem': two.key,
      'c/odd.crt': two.key,
    })
    await writeFile(path.join(folder, 'c/site.der'), der)
    const { found, problems, leftOut } = await read([folder])
    expect(problems).toEqual([])
    expect(found.map(({ names, format }) => [names, format])).toEqual([
      [['192.0.2.1'], 'pem'],
      [['one.test'], 'pem'],
    ])
    expect(found[1]!.pem).toBe(one.chain)
    expect(leftOut).toEqual({ authorities: 1, older: 0, keys: 2 })
  })

  test('CRLF, a byte order mark, text between, the wrong order, trailing white space', async () => {
    const shuffled = `\ufeffsubject=x\r\n${root.pem}CANARY\n${now.leaf}`.replaceAll('\n', '\r\n')
    await writeTree(folder, { 'x.pem': shuffled, 'y.crt': now.leaf.replaceAll('\n', ' \n') })
    const { found, problems } = await read([folder])
    expect(problems).toEqual([])
    expect(found).toMatchObject([{ pem: now.chain, fingerprint: now.fingerprint }])
  })

  test('many hosts through one pipe: every leaf with its own chain', async () => {
    const all = Array.from({ length: 20 }, (_, index) => made([`h${index}.test`]))
    const { found } = await read(['-'], { input: all.map(({ chain }) => chain).join('') })
    expect(found.map(({ pem }) => pem)).toEqual(all.map(({ chain }) => chain))
    expect(found[0]).toMatchObject({ path: 'standard input', format: 'pem' })
  })

  test('blocks that do not end are counted, and cost no more than they are long', async () => {
    const begin = '-----BEGIN CERTIFICATE-----\n'
    const { found, problems } = await read(['-'], { input: begin.repeat(200_000) + now.leaf })
    expect(found).toHaveLength(1)
    expect(problems).toEqual(['standard input: 200000 certificates left out: cut off or damaged'])
  })

  test('an expired one is taken like any other', async () => {
    const { found } = await read(['-'], { input: older.chain })
    expect(found[0]!.notAfter).toBeLessThan(Date.now() * 1000)
  })
})

describe('Kubernetes', () => {
  test('tls.crt alone, the CA by the issuer in the list or by its name', async () => {
    const secrets = [
      { name: 'a', made: made(['a.k8s.test']), issuer: 'own' },
      { name: 'b', made: made(['b.k8s.test']), issuer: 'le', kind: 'ClusterIssuer' },
      { name: 'c', made: made(['c.k8s.test']), issuer: 'unknown' },
      { name: 'd', made: made(['d.k8s.test']) },
    ]
    const { found, problems } = await read(['-'], { input: JSON.stringify(kubernetesList(secrets)) })
    expect(problems).toEqual([])
    expect(found.map(({ path: place, ca, format }) => [place, ca, format])).toEqual([
      ['shop/a', 'own', 'kubernetes'],
      ['shop/b', 'le', 'kubernetes'],
      ['shop/c', null, 'kubernetes'],
      ['shop/d', null, 'kubernetes'],
    ])
    for (const one of secrets) {
      for (const secret of secretsOf(one.made)) expect(JSON.stringify(found)).not.toContain(secret)
    }
  })

  test('one secret, and what is none', async () => {
    const [secret] = kubernetesList([{ name: 'a', made: now }]).items
    await writeTree(folder, {
      'one.json': secret,
      'none.json': { a: 1 },
      'cut.json': '{"kind":"List","items":[CANARY',
    })
    await writeTree(folder, { 'empty.json': { ...secret, data: { 'tls.key': 'CANARY' } } })
    expect((await read([path.join(folder, 'one.json')])).found).toMatchObject([{ path: 'shop/a' }])
    const says = async (name: string) => (await read([path.join(folder, name)])).problems.join()
    expect(await says('none.json')).toContain('JSON, but no Kubernetes objects')
    expect(await says('cut.json')).toMatch(/not JSON; the file may be cut off$/)
    expect(await says('empty.json')).toContain('shop/a: kubernetes certificate left out')
  })

  test.each([
    'null',
    '[]',
    '{"kind":"List","items":[null,1,"x",{"kind":7}]}',
    '{"kind":"SecretList","items":{}}',
    '{"__proto__":{"kind":"Secret"}}',
  ])('hostile: %s', async (input) => {
    const { found, problems } = await read(['-'], { input })
    expect(found).toEqual([])
    expect(problems).toHaveLength(1)
  })
})

describe('CSV', () => {
  const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`

  test('PEM or Base64 in a column; host, unmanaged and ca in others', async () => {
    const der = now.leaf.replace(/-----[^-]+-----|\s/g, '')
    const [two, three] = [made(['two.test']), made(['three.test'])]
    const table = [
      'Owner,PEM,Host,Unmanaged,CA',
      `x,${quoted(now.chain)},web1,true,le`,
      `x,${der},web2,,`,
      `x,${two.leaf.replaceAll('\n', '\\n')},,no,own`,
      `x,${quoted(three.key + three.leaf)},web3,maybe,nowhere`,
      'x,,web4,,',
      'x,CANARY,web5,,',
    ].join('\r\n')
    const { found, problems, leftOut } = await read(['-'], { input: `\ufeff${table}\r\n` })
    expect(found.map(({ host, unmanaged, ca, names }) => [host, unmanaged, ca, names[0]])).toEqual([
      ['web1', true, 'le', 'www.a.test'],
      ['web2', false, null, 'www.a.test'],
      ['here', false, 'own', 'two.test'],
      ['web3', false, null, 'three.test'],
    ])
    expect(leftOut.keys).toBe(1)
    expect(problems).toHaveLength(4)
    expect(problems.join('\n')).toMatch(
      /must be true or false.*\n.*names none under cas: own, le\n.*nothing in column pem\n.*no certificate in it/,
    )
    const said = JSON.stringify({ found, problems })
    for (const secret of [...secretsOf(three), 'CANARY']) expect(said).not.toContain(secret)
  })

  test('names and dates alone are no certificate, and it says why', async () => {
    const { found, problems } = await read(['-'], { input: 'names,not_after,serial\na.test,2026-01-01,ff\n' })
    expect(found).toEqual([])
    expect(problems.join()).toMatch(/no column pem or certificate.*needs its PEM.*clients --expected/)
  })

  test('a table with semicolons', async () => {
    const { found } = await read(['-'], { input: `host;certificate\nweb1;${quoted(now.leaf)}\n` })
    expect(found).toMatchObject([{ host: 'web1' }])
  })
})

test('the same certificate on two machines is two findings; twice on one is one, with the longer chain', async () => {
  await writeTree(folder, { 'a/cert.pem': now.leaf, 'b/fullchain.pem': now.chain })
  const { found } = await read([folder, folder])
  expect(found).toMatchObject([{ pem: now.chain, path: path.join(folder, 'a/cert.pem') }])
})

test('nothing there, and no such path', async () => {
  await mkdir(path.join(folder, 'empty'))
  const { problems } = await read([path.join(folder, 'empty'), path.join(folder, 'none'), '-'])
  expect(problems).toEqual([
    `${folder}/empty: no leaf certificate found there`,
    `${folder}/none: skipped: no such file or folder`,
    expect.stringContaining('standard input: skipped: no column pem'),
  ])
})
