import { generateKeyPairSync } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { issueExample } from '../../../src/api/engine-examples.ts'
import { OperationRefused } from '../../../src/api/operations.ts'
import { EngineError } from '../../../src/engine/engine-error.ts'
import { type EngineCommands, engineCommands } from '../../support/engine-commands.ts'

const LOCAL = { kind: 'local', token: null, name: null }
const EVIL = '\u001b[2Jevil\u202e'
const CSR = '-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n'

let cli: EngineCommands
afterEach(() => cli.end())

describe.each(['server', 'offline'] as const)('over %s', (kind) => {
  beforeEach(async () => {
    cli = await engineCommands(kind)
  })
  afterEach(() => {
    expect(cli.alone.opened > 0).toBe(kind === 'offline')
    expect(cli.alone.closed).toBe(cli.alone.opened)
  })

  test('a managed certificate is obtained, and each step is told', async () => {
    const { code, out, err } = await cli.run('engine', 'issue', 'www.example.com')
    expect(code).toBe(0)
    expect(err.split('\n')).toEqual([
      'www.example.com: ordered; the names are being proved',
      'www.example.com: www.example.com: http-01: the CA was told that the answer is there',
      'www.example.com: done',
      '',
    ])
    expect(out).toMatch(
      /^CERTIFICATE +OUTCOME +EXPIRES +FINGERPRINT +FILES\nwww\.example\.com +issued +in 81d +ffff/,
    )
    expect(cli.operations.engine.calls).toEqual([['issue', { certificate: 'www.example.com' }, LOCAL]])
  })

  test('names with every option', async () => {
    const words =
      'Shop.example.com. *.shop.example.com 2001:DB8::1 --ca letsencrypt --profile short --key-type rsa2048 --solver web --name shop --agree-terms --contact a@example.com --contact mailto:b@example.com --dry-run'
    const { code } = await cli.run('engine', 'issue', ...words.split(' '), '--preferred-chain', 'Root X1')
    expect(code).toBe(0)
    expect(cli.operations.engine.calls[0]![1]).toEqual({
      names: ['shop.example.com', '*.shop.example.com', '2001:db8::1'],
      ca: 'letsencrypt',
      profile: 'short',
      keyType: 'rsa2048',
      solver: 'web',
      preferredChain: 'Root X1',
      name: 'shop',
      agreeTerms: true,
      contact: ['mailto:a@example.com', 'mailto:b@example.com'],
      dryRun: true,
    })
  })

  test('a request of somebody else: its chain goes to standard output alone, or to a new file', async () => {
    writeFileSync(path.join(cli.folder, 'web.csr'), `noise\n${CSR}`)
    writeFileSync(path.join(cli.folder, 'web.der'), Buffer.from('3003020100', 'hex'))
    const [last] = issueExample.slice(-1)
    if (last?.kind !== 'end') throw new Error('the example has no end')
    cli.operations.engine.events = [
      { kind: 'end', results: [{ ...last.results[0]!, folder: null, chain: 'PEM\n' }] },
    ]
    const plain = await cli.run('engine', 'issue', '--csr', 'web.csr', '--ca', 'letsencrypt')
    expect([plain.code, plain.out]).toEqual([0, 'PEM\n'])
    expect(plain.err).toContain('issued')
    expect(cli.operations.engine.calls[0]![1]).toEqual({ csr: CSR, ca: 'letsencrypt' })
    const file = await cli.run('engine', 'issue', '--csr', 'web.der', '--out', 'chain.pem')
    expect(readFileSync(path.join(cli.folder, 'chain.pem'), 'utf8')).toBe('PEM\n')
    expect(file.out).toContain('issued')
    expect(cli.operations.engine.calls[1]![1]).toEqual({
      csr: '-----BEGIN CERTIFICATE REQUEST-----\nMAMCAQA=\n-----END CERTIFICATE REQUEST-----\n',
    })
  })

  test('--json is one event a line, and nothing else', async () => {
    const { code, out, err } = await cli.run('engine', 'renew', '--json')
    expect([code, err]).toEqual([0, ''])
    const lines = out.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toEqual(issueExample)
    expect(cli.operations.engine.calls).toEqual([['renew', { certificates: [] }, LOCAL]])
  })

  test('what failed is exit code 1, and is shown escaped, with where to look', async () => {
    const result = {
      job: 'j',
      certificate: 'www.example.com',
      fingerprint: null,
      notAfter: null,
      folder: null,
      chain: null,
    }
    cli.operations.engine.events = [
      { kind: 'note', job: null, certificate: null, text: EVIL },
      { kind: 'wait', job: 'j', certificate: EVIL, until: 0, text: 'the CA asks for it' },
      { kind: 'end', results: [{ ...result, outcome: 'waiting', error: EVIL }] },
    ]
    const { code, out, err } = await cli.run('engine', 'issue', 'www.example.com')
    expect(code).toBe(1)
    expect(out).toContain('waiting')
    expect(err).toContain('waits until 00:00:00 UTC: the CA asks for it')
    expect(err).toContain('acmetap failures --name www.example.com')
    expect(err).toContain(
      kind === 'server' ? 'the server tries again by itself' : 'acmetap serve tries again',
    )
    expect(out + err).not.toMatch(/[\u001b\u202e]/)
  })

  test('what is refused, or goes wrong in the middle, is one line', async () => {
    const { engine } = cli.operations
    engine.refusal = new OperationRefused('there is no such certificate', 404)
    expect(await cli.run('engine', 'issue', 'www.example.com')).toMatchObject({
      code: 1,
      err: 'error: there is no such certificate\n',
    })
    engine.refusal = null
    engine.failure = new EngineError('network', 'the CA did not answer')
    engine.events = [issueExample[0]!]
    const { code, err } = await cli.run('engine', 'issue', 'www.example.com')
    expect([code, err.trimEnd().split('\n').at(-1)]).toEqual([1, 'error: the CA did not answer'])
    engine.failure = null
    const cut = await cli.run('engine', 'issue', 'www.example.com')
    expect([cut.code, cut.err]).toEqual([1, expect.stringContaining('the connection ended before the end')])
  })

  test('Ctrl-C ends the watching, and says what becomes of it', async () => {
    const { engine } = cli.operations
    engine.events = [issueExample[0]!]
    engine.endless = true
    const running = cli.run('engine', 'issue', 'www.example.com')
    await vi.waitFor(() => expect(engine.calls).toHaveLength(1), { timeout: 20_000 })
    await vi.waitFor(() => expect(process.listenerCount('SIGINT')).toBeGreaterThan(0), { timeout: 20_000 })
    process.emit('SIGINT')
    const { code, err } = await running
    expect(code).toBe(1)
    expect(err).toMatch(kind === 'server' ? /the server goes on with it/ : /gone on with by the same command/)
    await vi.waitFor(() => expect(engine.ended).toBe(1), { timeout: 20_000 })
    expect(process.listenerCount('SIGINT')).toBe(0)
  })

  test('certificates and jobs as tables', async () => {
    const { out } = await cli.run('engine', 'certificates')
    expect(out).toMatch(
      /^CERTIFICATE +STATE +EXPIRES +RENEWAL +NEXT TRY +CA +NAMES\nwww\.example\.com +ok +in 81d +in 51d \(CA\)/,
    )
    const jobs = await cli.run('engine', 'jobs', '--open', '--certificate', 'www.example.com', '--limit', '3')
    expect(jobs.out).toMatch(
      /^CERTIFICATE +WHY +STEP +FAILURES +NEXT TRY +CHANGED +CA +ID\nwww\.example\.com +renewal +done/,
    )
    const filter = { limit: 3, open: true, certificate: 'www.example.com' }
    expect(cli.operations.engine.calls).toEqual([['jobs', filter]])
  })

  test('a certificate that is not there yet, with why', async () => {
    const { engine } = cli.operations
    const [one] = engine.certificateList
    const job = { ...engine.jobList[0]!, step: 'ordered' as const, failures: 2, error: 'the CA is away' }
    engine.certificateList = [{ ...one!, fingerprint: null, notAfter: null, renewal: null, job }]
    const { out } = await cli.run('engine', 'certificates')
    expect(out).toMatch(/trying again \(2\)/)
    expect(out).toContain('* www.example.com: the CA is away')
  })

  test('accounts are listed, made and changed', async () => {
    expect((await cli.run('engine', 'accounts')).out).toMatch(/letsencrypt +- +valid +https:.*qvKYxmM7/)
    const made = ['register', 'letsencrypt', '--agree-terms', '--contact', 'ops@example.com']
    expect((await cli.run('engine', 'accounts', ...made)).out).toMatch(/thumbprint +qvKYxmM7/)
    await cli.run('engine', 'accounts', 'update', 'letsencrypt', '--no-contact')
    await cli.run('engine', 'accounts', 'roll-over', 'letsencrypt')
    expect((await cli.run('engine', 'accounts', 'deactivate', 'letsencrypt')).code).toBe(2)
    await cli.run('engine', 'accounts', 'deactivate', 'letsencrypt', '--yes')
    expect(cli.operations.engine.calls).toEqual([
      ['register', { ca: 'letsencrypt', contact: ['mailto:ops@example.com'], agreeTerms: true }, LOCAL],
      ['updateContact', 'letsencrypt', [], LOCAL],
      ['rollOver', 'letsencrypt', LOCAL],
      ['deactivate', 'letsencrypt', LOCAL],
    ])
  })

  test('lines for web servers hold the thumbprint', async () => {
    const all = await cli.run('engine', 'accounts', 'stateless', 'letsencrypt')
    for (const server of ['# nginx', '# apache', '# caddy', '# haproxy']) expect(all.out).toContain(server)
    const { out } = await cli.run('engine', 'accounts', 'stateless', 'letsencrypt', '--for', 'nginx')
    expect(out).toMatch(/^location .*\n.*\n.*\$1\.qvKYxmM7gdU2ToYcFrhwnfDQIvDhSUj13cQGqWJAIx0.*\n}\n$/)
    cli.operations.engine.accountList = []
    const none = await cli.run('engine', 'accounts', 'stateless', 'letsencrypt')
    expect([none.code, none.err]).toEqual([
      1,
      expect.stringContaining('engine accounts register letsencrypt'),
    ])
  })

  test('the record of dns-persist-01', async () => {
    const words =
      'engine accounts persist *.example.com --ca letsencrypt --issuer letsencrypt.org --until 90d --no-check'
    const { code, out } = await cli.run(...words.split(' '))
    expect(code).toBe(0)
    const until = Date.parse('2027-03-01T00:00:00Z') / 1000
    expect(out).toBe(
      `_validation-persist.example.com. IN TXT "letsencrypt.org; accounturi=https://acme-v02.api.letsencrypt.org/acme/acct/123456789; policy=wildcard; persistUntil=${until}"\n`,
    )
  })

  test('a certificate is revoked by name, by file and with its key', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
    const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
    writeFileSync(path.join(cli.folder, 'web.pem'), `${pem}${pem}`)
    writeFileSync(path.join(cli.folder, 'web.key'), key)
    const { code, out, err } = await cli.run(
      'engine',
      'revoke',
      'www.example.com',
      '--reason',
      'superseded',
      '--yes',
    )
    expect([code, out]).toEqual([0, `${'f'.repeat(64)} is revoked at letsencrypt\n`])
    expect(err).toContain('it is served until another takes its place')
    await cli.run('engine', 'revoke', 'web.pem', '--key', 'web.key', '--reason', '1', '--yes')
    expect(cli.operations.engine.calls).toEqual([
      ['revoke', { certificate: 'www.example.com', reason: 4 }, LOCAL],
      ['revoke', { certificate: pem, reason: 1, key }, LOCAL],
    ])
  })

  test('registrations of the DNS responder', async () => {
    expect((await cli.run('engine', 'dns')).out).toMatch(/^SUBDOMAIN .*\n8e5700ea-a4bf/)
    const made = await cli.run('engine', 'dns', 'register', '--from', '192.0.2.7', '--from', '2001:db8::/32')
    expect(made.out).toContain(
      `_acme-challenge.<name>. IN CNAME 8e5700ea-a4bf-41c7-8a77-e990661dcc6a.acme-dns.example.com.`,
    )
    expect(made.out).toContain('p'.repeat(40))
    const json = await cli.run('engine', 'dns', 'register', '--json')
    expect(Object.keys(JSON.parse(json.out))).toEqual([
      'username',
      'password',
      'fulldomain',
      'subdomain',
      'allowfrom',
    ])
    const gone = await cli.run('engine', 'dns', 'remove', 'abc')
    expect([gone.code, gone.err]).toEqual([1, 'error: there is no registration with this subdomain\n'])
    expect(cli.operations.engine.calls[0]).toEqual(['registerDns', ['192.0.2.7/32', '2001:db8::/32'], LOCAL])
  })
})

describe('what makes no sense is told before anything is asked', () => {
  beforeEach(async () => {
    cli = await engineCommands('offline')
  })
  test.each([
    ['engine issue', 2, /name what it is for/],
    ['engine issue www.example.com --profile x', 2, /the configuration says its profile/],
    ['engine issue a_b.example', 2, /no name for a certificate/],
    ['engine issue a.example --ca other', 2, /is no CA under cas; known: letsencrypt/],
    ['engine issue a.example --key-type ec265', 2, /did you mean ec256\?/],
    ['engine issue a.example --name A', 2, /--name "A" must be 1 to 128/],
    ['engine issue a.example --contact nobody', 2, /must be one mail address/],
    ['engine issue --csr missing.csr', 1, /missing\.csr can't be read: ENOENT/],
    ['engine issue www', 1, /neither a managed certificate nor a name with a dot/],
    ['engine renew www', 2, /no managed certificate; known: www\.example\.com/],
    ['engine renew --force', 2, /name the certificates, or say --all/],
    ['engine renew www.example.com --all', 2, /exclude each other/],
    ['engine revoke x --reason superseeded', 2, /did you mean superseded\?/],
    ['engine jobs --limit 0', 2, /--limit must be/],
    ['engine dns register --from here', 2, /must be an address or a network/],
    ['engine accounts update letsencrypt', 2, /say which/],
    ['engine accounts persist a.example --ca letsencrypt --issuer x --until 2020-01-01', 2, /must be ahead/],
    ['engine accounts stateless letsencrypt --for ngnix', 2, /did you mean nginx\?/],
  ])('%s', async (line, code, message) => {
    const ran = await cli.run(...line.split(' '))
    expect([ran.code, ran.err]).toEqual([code, expect.stringMatching(message)])
    expect(cli.operations.engine.calls).toEqual([])
  })

  test('without --yes and without a terminal nothing is revoked', async () => {
    const { code, err } = await cli.run('engine', 'revoke', 'www.example.com')
    expect([code, err]).toEqual([2, expect.stringContaining('say --yes')])
    expect(cli.operations.engine.calls).toEqual([])
  })

  test('a key where a request belongs goes nowhere', async () => {
    writeFileSync(
      path.join(cli.folder, 'k'),
      '-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n',
    )
    const { code, out, err } = await cli.run('engine', 'issue', '--csr', 'k')
    expect([code, err]).toEqual([1, expect.stringContaining('holds no CERTIFICATE REQUEST')])
    expect(out + err).not.toContain('canary')
  })
})
