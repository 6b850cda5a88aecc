/** Every fault is planted in a small Internet of its own; the doctor must find it and name the remedy. */
import type { RequestListener } from 'node:http'
import { describe, expect, test } from 'vitest'
import { whyNotPublic } from '../../../src/ca/address-class.ts'
import { issuerOfDomain, issuerOfPreset } from '../../../src/engine/preflight/issuers.ts'
import { DIGEST, look, NAME, type World } from './world.ts'

interface Fault {
  readonly name: string
  readonly world: World
  readonly check: string
  readonly state?: 'fail' | 'note'
  readonly says: RegExp
  readonly remedy: RegExp
}

const letsencrypt = issuerOfPreset('letsencrypt')
const CHALLENGE = `_acme-challenge.${NAME}`
const dns01 = { challenge: 'dns-01' as const }
/** For those that never answer: all others are waited for on a busy machine too. */
const hasty = { patience: { dns: 300, answer: 700, all: 20_000 } }
const refusedBy = (rcode: 'SERVFAIL' | 'REFUSED', type: string) =>
  ((asked) =>
    asked.type === type && asked.name === NAME ? { rcode } : undefined) satisfies World['resolver']
const answering =
  (status: number, headers: Record<string, string> = {}, body = ''): RequestListener =>
  (_request, response) =>
    void response.writeHead(status, { connection: 'close', ...headers }).end(body)
const http = (status: number, headers: Record<string, string> = {}, body = ''): World => ({
  http: { '127.0.0.1': answering(status, headers, body) },
})
const both = { A: ['127.0.0.1'], AAAA: ['::1'] }

const DNS_FAULTS: readonly Fault[] = [
  {
    name: 'the name does not exist',
    world: { names: { [NAME]: null } },
    check: 'nxdomain',
    says: /www\.example\.test does not exist.*NXDOMAIN/,
    remedy: /Make an A or AAAA record/,
  },
  {
    name: 'no address',
    world: { names: { [NAME]: { TXT: ['x'] } } },
    check: 'no-address',
    says: /neither an A nor an AAAA record/,
    remedy: /Make an A or AAAA record/,
  },
  {
    name: 'SERVFAIL, with and without validation',
    world: {
      resolver: ({ name }) =>
        name === NAME ? { rcode: 'SERVFAIL', extended: [22, 'no reachable authority'] } : undefined,
    },
    check: 'servfail',
    says: /SERVFAIL looking up A for www\.example\.test.*extended error 22 "no reachable authority"/,
    remedy: /name servers fail/,
  },
  {
    name: 'DNSSEC broken: an answer comes only without validation',
    world: {
      resolver: ({ name, unvalidated }) =>
        name === NAME && !unvalidated ? { rcode: 'SERVFAIL' } : undefined,
    },
    check: 'dnssec',
    says: /DNSSEC of www\.example\.test is broken/,
    remedy: /Sign the zone afresh, or correct or remove the DS record/,
  },
  {
    name: 'DNSSEC broken: the resolver says so itself',
    world: {
      resolver: ({ name }) =>
        name === NAME ? { rcode: 'SERVFAIL', extended: [7, 'signature expired'] } : undefined,
    },
    check: 'dnssec',
    says: /extended error 7 "signature expired"/,
    remedy: /Sign the zone afresh/,
  },
  {
    name: 'signed, but nobody here validates',
    world: { names: { 'example.test': { SOA: true, NS: ['ns1.example.test'], DS: true } } },
    check: 'dnssec',
    state: 'note',
    says: /example\.test is signed with DNSSEC, but .* does not validate/,
    remedy: /--resolver and a resolver that validates/,
  },
  {
    name: 'the resolver refuses',
    world: { resolver: refusedBy('REFUSED', 'AAAA') },
    check: 'dns-failure',
    says: /answers REFUSED for AAAA of www\.example\.test/,
    remedy: /another resolver with --resolver/,
  },
  {
    name: 'the resolver is silent',
    world: { resolver: () => null, probe: hasty },
    check: 'dns-timeout',
    says: /no answer in time for A of www\.example\.test/,
    remedy: /A firewall drops DNS/,
  },
  {
    name: 'the resolver answers nonsense',
    world: { resolver: () => ({ raw: Buffer.from('SSH-2.0-OpenSSH') }), probe: hasty },
    check: 'dns-timeout',
    says: /gives no answer/,
    remedy: /--resolver/,
  },
  {
    name: 'long answers, and no TCP',
    world: { resolver: () => ({ truncated: true }), resolverTcp: false },
    check: 'dns-failure',
    says: /more to say than UDP takes, and over TCP fails: ECONNREFUSED/,
    remedy: /TCP port 53/,
  },
  {
    name: 'aliases in a circle',
    world: { names: { [NAME]: { CNAME: 'a.example.test' }, 'a.example.test': { CNAME: NAME } } },
    check: 'dns-failure',
    says: /round in a circle/,
    remedy: /Correct the CNAME records/,
  },
  {
    name: 'only a private address',
    world: { names: { [NAME]: { A: ['127.0.0.1'] } }, probe: { notPublic: whyNotPublic } },
    check: 'split-horizon',
    says: /127\.0\.0\.1 is loopback, RFC 1122.*no CA on the Internet can reach the name/,
    remedy: /split horizon.*public resolver.*correct the record/,
  },
  {
    name: 'another view of the zone inside',
    world: {
      resolver: ({ name, type }) =>
        name === NAME && type === 'A'
          ? { answers: [{ type: 'A', name: NAME, ttl: 0, data: '127.0.0.9' }] }
          : undefined,
      probe: { notPublic: (address) => (address === '127.0.0.9' ? 'is inside' : null) },
    },
    check: 'split-horizon',
    says: /zone's own servers give 127\.0\.0\.1: this machine sees another view/,
    remedy: /--resolver and a public resolver/,
  },
]

const CAA_FAULTS: readonly Fault[] = [
  {
    name: 'another CA only',
    world: {
      names: { [NAME]: { A: ['127.0.0.1'], CAA: [[0, 'issue', 'pki.goog']] } },
      probe: { issuer: letsencrypt },
    },
    check: 'caa',
    says: /CAA records at www\.example\.test allow only "pki\.goog".*not Let's Encrypt/,
    remedy: /Add: CAA 0 issue "letsencrypt\.org"/,
  },
  {
    name: 'nobody, from a parent',
    world: { names: { test: { SOA: true, CAA: [[0, 'issue', ';']] } }, probe: { issuer: letsencrypt } },
    check: 'caa',
    says: /at test, which holds for www\.example\.test forbid everybody/,
    remedy: /Add: CAA 0 issue/,
  },
  {
    name: 'wildcards forbidden',
    world: {
      names: {
        [NAME]: {
          CAA: [
            [0, 'issue', 'letsencrypt.org'],
            [0, 'issuewild', ';'],
          ],
        },
      },
      probe: { issuer: letsencrypt, wildcard: true },
    },
    check: 'caa',
    says: /forbid everybody to issue for wildcards/,
    remedy: /CAA 0 issuewild "letsencrypt\.org"/,
  },
  {
    name: 'an unknown critical tag',
    world: {
      names: {
        [NAME]: {
          A: ['127.0.0.1'],
          CAA: [
            [128, 'tbs', 'x'],
            [0, 'issue', 'letsencrypt.org'],
          ],
        },
      },
      probe: { issuer: letsencrypt },
    },
    check: 'caa',
    says: /is critical and of a kind that CAs do not know: "tbs"/,
    remedy: /critical flag away/,
  },
  {
    name: 'another account',
    world: {
      names: {
        [NAME]: {
          A: ['127.0.0.1'],
          CAA: [[0, 'issue', 'letsencrypt.org; accounturi=https://ca.test/acct/1']],
        },
      },
      probe: { issuer: letsencrypt, account: 'https://ca.test/acct/2' },
    },
    check: 'caa',
    says: /only with the account "https:\/\/ca\.test\/acct\/1" \(accounturi\), not "https:\/\/ca\.test\/acct\/2"/,
    remedy: /character for character/,
  },
  {
    name: 'another method',
    world: {
      names: {
        [NAME]: {
          A: ['127.0.0.1'],
          CAA: [[0, 'issue', 'letsencrypt.org;validationmethods=dns-01,tls-alpn-01']],
        },
      },
      probe: { issuer: letsencrypt },
    },
    check: 'caa',
    says: /only the validation methods "dns-01,tls-alpn-01", not http-01/,
    remedy: /Add http-01 to validationmethods/,
  },
  {
    name: 'against the grammar',
    world: {
      names: { [NAME]: { A: ['127.0.0.1'], CAA: [[0, 'issue', "let's encrypt"]] } },
      probe: { issuer: letsencrypt },
    },
    check: 'caa',
    says: /does not fit the grammar/,
    remedy: /Write it as: CAA 0 issue "letsencrypt\.org"/,
  },
  {
    name: 'servers that do not know the type',
    world: { resolver: refusedBy('SERVFAIL', 'CAA') },
    check: 'caa',
    says: /CAA of www\.example\.test cannot be looked up/,
    remedy: /empty NOERROR/,
  },
  {
    name: 'restricted, and the CA is not said',
    world: { names: { [NAME]: { A: ['127.0.0.1'], CAA: [[0, 'issue', 'pki.goog']] } } },
    check: 'caa',
    state: 'note',
    says: /allow only "pki\.goog"/,
    remedy: /Name the CA with --ca/,
  },
]

const TXT_FAULTS: readonly Fault[] = [
  {
    name: 'not on all servers',
    world: {
      names: { [CHALLENGE]: { TXT: [DIGEST] } },
      ns2Names: { [CHALLENGE]: { TXT: [] } },
      probe: dns01,
    },
    check: 'txt-not-everywhere',
    says: /ns2\.example\.test \(127\.0\.0\.3:\d+\) does not have every TXT record .*ns1\.example\.test/,
    remedy: /Wait in the client/,
  },
  {
    name: 'no digest',
    world: { names: { [CHALLENGE]: { TXT: [`"${DIGEST}"`] } }, probe: dns01 },
    check: 'txt-wrong',
    says: /is no answer to a challenge/,
    remedy: /43 characters/,
  },
  {
    name: 'left over by the dozen',
    world: {
      names: {
        [CHALLENGE]: { TXT: Array.from({ length: 12 }, (_, i) => DIGEST.slice(0, 41) + String(10 + i)) },
      },
      probe: dns01,
    },
    check: 'txt',
    state: 'note',
    says: /12 TXT records are left/,
    remedy: /clean-up hook/,
  },
  {
    name: 'a server that is down',
    world: { ns2Absent: true, probe: { ...dns01, ...hasty } },
    check: 'dns-timeout',
    says: /no answer from ns2\.example\.test/,
    remedy: /take it out of the NS records/,
  },
  {
    name: 'a server that knows nothing of the zone',
    world: { ns2: () => ({ rcode: 'REFUSED' }), probe: dns01 },
    check: 'servfail',
    says: /ns2\.example\.test \(.*\) \(REFUSED\) is named as server of example\.test, but does not answer for it/,
    remedy: /Configure the zone there/,
  },
  {
    name: 'a server without an address',
    world: { names: { 'ns2.example.test': null }, probe: dns01 },
    check: 'dns-failure',
    says: /no address for ns2\.example\.test/,
    remedy: /glue at the registrar/,
  },
  {
    name: 'a delegation into nowhere',
    world: { names: { [CHALLENGE]: { CNAME: 'x.gone.test' } }, probe: dns01 },
    check: 'nxdomain',
    says: /nobody has a zone for x\.gone\.test/,
    remedy: /correct the CNAME of the delegation/,
  },
  {
    name: 'a delegation that one server lacks',
    world: {
      names: {
        [CHALLENGE]: { CNAME: 'www.acme.dns.test' },
        'acme.dns.test': { SOA: true, NS: ['ns1.example.test'] },
        'www.acme.dns.test': { TXT: [DIGEST] },
      },
      ns2Names: { [CHALLENGE]: { TXT: [] } },
      probe: dns01,
    },
    check: 'txt-not-everywhere',
    says: /ns2\.example\.test .*does not have the alias _acme-challenge\.www\.example\.test → www\.acme\.dns\.test/,
    remedy: /finds no delegation/,
  },
  {
    name: 'a resolver that remembers there was none',
    world: {
      names: { [CHALLENGE]: { TXT: [DIGEST] } },
      resolver: ({ name, type }) =>
        name === CHALLENGE && type === 'TXT' ? { rcode: 'NXDOMAIN' } : undefined,
      probe: dns01,
    },
    check: 'txt',
    state: 'note',
    says: /servers of example\.test have TXT .*the resolver does not yet/,
    remedy: /negative TTL/,
  },
  {
    name: 'a wildcard without dns-01',
    world: { probe: { wildcard: true, challenge: 'http-01' } },
    check: 'wildcard-without-dns',
    says: /cannot be validated with http-01/,
    remedy: /Use dns-01/,
  },
]

const HTTP_FAULTS: readonly Fault[] = [
  {
    name: 'nothing listens',
    world: { http: { '127.0.0.1': null } },
    check: 'connection-refused',
    says: /http-01 at 127\.0\.0\.1:\d+: refuses the connection/,
    remedy: /Start the web server/,
  },
  {
    name: 'a server that never answers',
    world: { http: { '127.0.0.1': () => undefined }, probe: hasty },
    check: 'slow-server',
    says: /gives no answer in time/,
    remedy: /10 s/,
  },
  {
    name: 'a connection that is cut',
    world: {
      http: {
        '127.0.0.1': {
          raw: (socket) => void socket.once('data', () => socket.destroy()).on('error', () => undefined),
        },
      },
    },
    check: 'connection-reset',
    says: /closes the connection without an answer/,
    remedy: /let requests for \/\.well-known\/acme-challenge\/ through/,
  },
  {
    name: 'TLS on port 80',
    world: {
      http: {
        '127.0.0.1': {
          raw: (socket) =>
            void socket
              .on('error', () => undefined)
              .once('data', () => socket.end(Buffer.from([0x15, 3, 1, 0, 2, 2, 70]))),
        },
      },
    },
    check: 'tls-on-http-port',
    says: /speaks TLS where HTTP is expected/,
    remedy: /Serve plain HTTP/,
  },
  {
    name: 'TLS on port 80, as nginx says it',
    world: http(400, { server: 'nginx' }, '<h1>400</h1>The plain HTTP request was sent to HTTPS port'),
    check: 'tls-on-http-port',
    says: /expects TLS on the HTTP port.*Server: "nginx"/,
    remedy: /Serve plain HTTP on port 80/,
  },
  {
    name: 'another service',
    world: {
      http: {
        '127.0.0.1': {
          raw: (socket) => void socket.on('error', () => undefined).end('220 mail.example.test ESMTP\r\n'),
        },
      },
    },
    check: 'other-server',
    says: /not HTTP/,
    remedy: /Another service has port/,
  },
  {
    name: 'a wrong AAAA',
    world: { names: { [NAME]: both }, http: { '::1': null } },
    check: 'wrong-aaaa',
    says: /http-01 at \[::1\]:\d+: refuses the connection.*while IPv4 works/,
    remedy: /Correct or remove the AAAA record/,
  },
  {
    name: 'an AAAA that leads to another server',
    world: {
      names: { [NAME]: both },
      http: { '::1': answering(200, { server: 'parking' }, '<title>For sale</title>') },
    },
    check: 'wrong-aaaa',
    state: 'note',
    says: /answer differently/,
    remedy: /correct the AAAA record/,
  },
  {
    name: 'two backends that differ',
    world: {
      names: { [NAME]: { A: ['127.0.0.1', '127.0.0.4'] } },
      http: { '127.0.0.4': answering(404, { server: 'another' }) },
    },
    check: 'some-backends',
    state: 'note',
    says: /127\.0\.0\.1: "404 test"; 127\.0\.0\.4: "404 another"/,
    remedy: /each must have the file/,
  },
  {
    name: 'one backend down',
    world: { names: { [NAME]: { A: ['127.0.0.1', '127.0.0.4'] } }, http: { '127.0.0.4': answering(503) } },
    check: 'http-status',
    says: /127\.0\.0\.4:\d+: 503/,
    remedy: /log of the web server/,
  },
  {
    name: 'a login before the path',
    world: http(401),
    check: 'http-status',
    says: /401: the path is closed/,
    remedy: /no login, no allow-list/,
  },
  {
    name: "another site's page",
    world: http(200, { server: 'parking' }, '<html><title>This domain is for sale</title>'),
    check: 'other-server',
    state: 'note',
    says: /200 with the page "This domain is for sale"/,
    remedy: /parking, a CDN, the default site/,
  },
  {
    name: 'a CDN',
    world: http(404, { server: 'cloudflare', 'cf-ray': '8a-FRA' }),
    check: 'other-server',
    state: 'note',
    says: /404 from Cloudflare, which stands before the server/,
    remedy: /Cloudflare must pass/,
  },
  {
    name: 'a CDN with nothing behind it',
    world: http(522, { server: 'cloudflare' }),
    check: 'http-status',
    says: /522 from Cloudflare: the server behind it fails/,
    remedy: /route that to a server that is up/,
  },
  {
    name: 'a redirect loop',
    world: {
      http: {
        '127.0.0.1': (request, response) => void response.writeHead(301, { location: request.url }).end(),
      },
    },
    check: 'redirect-loop',
    says: /redirects in a circle/,
    remedy: /rewrite rules/,
  },
  {
    name: 'redirects without end',
    world: {
      http: {
        '127.0.0.1': (request, response) =>
          void response.writeHead(302, { location: `${request.url}/x` }).end(),
      },
    },
    check: 'redirect-loop',
    says: /redirects more than 10 times/,
    remedy: /Shorten the chain/,
  },
  {
    name: 'a redirect to another port',
    world: http(301, { location: 'http://www.example.test:9/x' }),
    check: 'bad-redirect',
    says: /redirects to port 9/,
    remedy: /port 80 or 443/,
  },
  {
    name: 'a redirect that lost its slash',
    world: http(301, { location: 'http://www.example.test.well-known/acme-challenge/x' }),
    check: 'bad-redirect',
    says: /a \/ is missing before \.well-known/,
    remedy: /a \/ after it/,
  },
  {
    name: 'a redirect that no CA follows',
    world: http(303, { location: '/x' }),
    check: 'bad-redirect',
    says: /answers 303/,
    remedy: /301, 302, 307 or 308/,
  },
  {
    name: 'a redirect to a name that does not exist',
    world: http(301, { location: 'http://gone.example.test/x' }),
    check: 'bad-redirect',
    says: /gone\.example\.test, which has no address/,
    remedy: /make an A or AAAA record/,
  },
  {
    name: 'a redirect to the inside',
    world: {
      ...http(301, { location: 'http://inside.example.test/x' }),
      names: { 'inside.example.test': { A: ['127.0.0.77'] } },
      probe: { notPublic: (address) => (address === '127.0.0.77' ? 'is inside' : null) },
    },
    check: 'bad-redirect',
    says: /at 127\.0\.0\.77, which is inside: no CA on the Internet can reach it/,
    remedy: /that the Internet can reach/,
  },
]

describe.each([
  ['DNS', DNS_FAULTS],
  ['CAA', CAA_FAULTS],
  ['the TXT record', TXT_FAULTS],
  ['HTTP', HTTP_FAULTS],
])('doctor domain: %s', (_about, faults) => {
  test.each(faults.map((fault) => [fault.name, fault] as const))('%s', async (_name, fault) => {
    const { findings, text, failed } = await look(fault.world)
    const found = findings.find(
      ({ check, state, says }) =>
        check === fault.check && state === (fault.state ?? 'fail') && fault.says.test(says),
    )
    expect(found, text).toBeDefined()
    expect(found?.remedy).toMatch(fault.remedy)
    expect(failed).toBe(findings.some(({ state }) => state === 'fail'))
    if (fault.state === undefined) expect(failed).toBe(true)
  })
})

describe('doctor domain, nothing wrong', () => {
  test.each<[string, World]>([
    [
      'http-01',
      { names: { [NAME]: both }, http: { '::1': answering(404, { server: 'test' }, 'not found') } },
    ],
    [
      'http-01 with an alias and a redirect to the same server',
      {
        names: { [NAME]: { CNAME: 'edge.example.test' }, 'edge.example.test': { A: ['127.0.0.1'] } },
        http: {
          '127.0.0.1': ({ url = '' }, response) =>
            void (url.startsWith('/moved')
              ? response.writeHead(404, { connection: 'close' }).end()
              : response.writeHead(308, { location: `/moved${url}`, connection: 'close' }).end()),
        },
      },
    ],
    [
      'a server that answers every token itself',
      {
        http: {
          '127.0.0.1': ({ url = '' }, response) =>
            void response
              .writeHead(200, { connection: 'close' })
              .end(`${url.slice(url.lastIndexOf('/') + 1)}.thumbprint`),
        },
      },
    ],
    [
      'CAA that allows',
      {
        names: {
          [NAME]: {
            A: ['127.0.0.1'],
            CAA: [
              [0, 'issue', 'pki.goog'],
              [
                0,
                'issue',
                'LetsEncrypt.org ; accounturi=https://ca.test/acct/1; validationmethods=dns-01,http-01',
              ],
              [0, 'iodef', 'mailto:security@example.test'],
            ],
          },
        },
        probe: { issuer: letsencrypt, account: 'https://ca.test/acct/1' },
      },
    ],
    [
      'dns-01 for a wildcard',
      { names: { [CHALLENGE]: { TXT: [DIGEST] }, [NAME]: null }, probe: { wildcard: true } },
    ],
    [
      'dns-01, delegated',
      {
        names: {
          [CHALLENGE]: { CNAME: 'www.acme.dns.test' },
          'acme.dns.test': { SOA: true, NS: ['ns1.example.test', 'ns2.example.test'] },
          'www.acme.dns.test': { TXT: [DIGEST] },
        },
        probe: dns01,
      },
    ],
    [
      "a CA of one's own, inside",
      { probe: { notPublic: whyNotPublic, issuer: issuerOfDomain('ca.internal.test') } },
    ],
    [
      'validated by the resolver',
      {
        resolver: ({ name, type }) =>
          name === NAME && type === 'A'
            ? { validated: true, answers: [{ type: 'A', name: NAME, ttl: 0, data: '127.0.0.1' }] }
            : undefined,
      },
    ],
  ])('%s', async (_name, world) => {
    const { findings, text } = await look(world)
    expect(
      findings.filter(({ state }) => state !== 'ok'),
      text,
    ).toEqual([])
    expect(findings.length).toBeGreaterThan(2)
  })
})

test('it asks for what it says, with EDNS, and nothing else', async () => {
  const paths: string[] = []
  const { resolver } = await look({
    http: {
      '127.0.0.1': ({ url = '', method = '', headers }, response) => {
        paths.push(`${method} ${url} ${headers.host}`)
        response.writeHead(404, { connection: 'close' }).end()
      },
    },
  })
  expect(resolver.questions.every(({ edns, recursion }) => edns && recursion)).toBe(true)
  const asked = new Set(resolver.questions.map(({ name, type }) => `${name} ${type}`))
  for (const question of [`${NAME} A`, `${NAME} AAAA`, `${NAME} CAA`, 'example.test CAA', 'test CAA'])
    expect(asked).toContain(question)
  expect(paths).toHaveLength(1)
  expect(paths[0]).toMatch(/^GET \/\.well-known\/acme-challenge\/[\w-]{43} www\.example\.test:\d+$/)
})

test('hostile answers end, and are shown as text', async () => {
  const evil = `\u001b[31m\u202e${'x'.repeat(5000)}`
  const { findings } = await look({
    names: { [CHALLENGE]: { TXT: [evil.slice(0, 200)] } },
    probe: dns01,
  })
  expect(findings.some(({ check, says }) => check === 'txt-wrong' && says.length < 500)).toBe(true)
  const endless = await look({
    http: {
      '127.0.0.1': (_request, response) => {
        response.writeHead(200, { server: 'x'.repeat(1000) })
        const timer = setInterval(() => response.write('y'.repeat(1000)), 1)
        response.on('close', () => clearInterval(timer))
      },
    },
  })
  expect(endless.findings.some(({ check }) => check === 'other-server')).toBe(true)
})

test('a wrong alias of a hostile zone is not asked for', async () => {
  const { findings } = await look({
    resolver: ({ name, type }) =>
      name === CHALLENGE && type === 'TXT'
        ? { answers: [{ type: 'CNAME', name: CHALLENGE, ttl: 0, data: 'a b.\u001b[2J.test' }] }
        : undefined,
    probe: dns01,
  })
  expect(findings.some(({ state }) => state === 'fail')).toBe(true)
})
