import { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { ServerCertificate } from '../../support/test-ca/certificates.ts'
import { certificateFor, DAY, type Door, look, openDoor, ROOT } from './tls-servers.ts'

const closing: Door[] = []
afterEach(async () => {
  for (const door of closing.splice(0)) await door.close()
})

async function door(...given: Parameters<typeof openDoor>): Promise<Door> {
  const opened = await openDoor(...given)
  closing.push(opened)
  return opened
}

const tls = (certificate: ServerCertificate, host?: string) =>
  door((_, secure) => void secure(), { certificate, ...(host === undefined ? {} : { host }) })

async function served(endpoint: string) {
  const { served, error } = await look(endpoint)
  if (served === null) throw new Error(error)
  return served.certificate
}

describe('what is served', () => {
  test('is told as the certificate says it', async () => {
    const certificate = certificateFor(['watched.test', '*.watched.test'])
    const { port } = await tls(certificate)
    const truth = new X509Certificate(certificate.pem)
    expect(await served(`watched.test:${port}`)).toEqual({
      fingerprint: truth.fingerprint256.replaceAll(':', '').toLowerCase(),
      serial: truth.serialNumber.toLowerCase().replace(/^0+/, ''),
      names: ['watched.test', '*.watched.test'],
      issuer: 'CN=Root of the watched',
      notBefore: new Date(truth.validFrom).toISOString(),
      notAfter: new Date(truth.validTo).toISOString(),
      chain: ['CN=watched.test'],
      trusted: true,
      fault: null,
    })
  })

  test.each([
    ['expired', () => certificateFor(['watched.test'], { from: -20, days: -1 }), 'it has expired'],
    ['of tomorrow', () => certificateFor(['watched.test'], { from: 1 }), 'it is not valid yet'],
    [
      'signed by itself',
      () => certificateFor(['watched.test'], { issuer: 'self' }),
      'it is signed by its own key',
    ],
    ['for another host', () => certificateFor(['other.test']), 'it is not for this name'],
  ])('is seen though it is %s, and not trusted', async (_, make, fault) => {
    const { port } = await tls(make())
    expect(await served(`watched.test:${port}`)).toMatchObject({ trusted: false, fault })
  })

  test('N2: with more names than anybody reads, is kept in part, and compared by all', async () => {
    const names = Array.from({ length: 400 }, (_, n) => `${'a'.repeat(60)}.n${n}.watched.test`)
    const { port } = await tls(certificateFor(names))
    const { served: seen } = await look(`watched.test:${port}`)
    expect(seen?.names).toEqual(names)
    expect(seen?.certificate.names).toEqual(names.slice(0, 100))
    const long = Array.from({ length: 50 }, (_, n) =>
      [`n${n}`, ...Array.from({ length: 3 }, () => 'b'.repeat(60)), 'watched.test'].join('.'),
    )
    const other = await tls(certificateFor(long))
    const kept = (await served(`watched.test:${other.port}`)).names
    expect(kept.length).toBeGreaterThan(20)
    expect(kept.join('').length).toBeLessThanOrEqual(8_000)
  })

  test('may live an hour', async () => {
    const { port } = await tls(certificateFor(['watched.test'], { from: -1 / 48, days: 1 / 48 }))
    const { notBefore, notAfter, trusted } = await served(`watched.test:${port}`)
    expect([Date.parse(notAfter) - Date.parse(notBefore), trusted]).toEqual([DAY / 24, true])
  })

  test('at an address is verified for the address, IPv6 too', async () => {
    const certificate = certificateFor(['127.0.0.1', '::1'])
    const four = await tls(certificate)
    expect(await served(`127.0.0.1:${four.port}`)).toMatchObject({
      trusted: true,
      names: ['127.0.0.1', '::1'],
    })
    const six = await tls(certificate, '::1')
    expect(await served(`[::1]:${six.port}`)).toMatchObject({ trusted: true })
  })

  test('with its root behind it: the root is not told', async () => {
    const certificate = certificateFor(['watched.test'])
    const { port } = await tls({ ...certificate, pem: certificate.pem + ROOT.pem })
    expect((await served(`watched.test:${port}`)).chain).toEqual(['CN=watched.test'])
  })
})

/** Line by line: what the server says first, and what it answers to what it hears. */
function script(greeting: string | null, answers: readonly (readonly [RegExp, string])[], last: RegExp) {
  return (socket: Socket, secure: () => unknown) => {
    if (greeting !== null) socket.write(greeting)
    let heard = ''
    socket.on('data', (bytes) => {
      heard += bytes.toString('latin1')
      for (const [asked, answer] of answers) {
        if (!asked.test(heard)) continue
        const isLast = asked === last
        heard = ''
        socket.write(Buffer.from(answer, 'latin1'))
        if (isLast) secure()
        return
      }
    })
  }
}

const STARTTLS = /STARTTLS\r\n$/
const STLS = /STLS\r\n$/
const AUTH_TLS = /AUTH TLS\r\n$/
const LDAP = /1\.3\.6\.1\.4\.1\.1466\.20037$/
const POSTGRES = /\x04\xd2\x16\x2f$/
const XMPP = /<starttls[^>]*\/>$/

const SAID: Readonly<Record<string, string>> = {
  smtp: 'EHLO [127.0.0.1]\r\nSTARTTLS\r\n',
  imap: 'a STARTTLS\r\n',
  pop3: 'STLS\r\n',
  ftp: 'AUTH TLS\r\n',
  ldap: '0\x1d\x02\x01\x01w\x18\x80\x161.3.6.1.4.1.1466.20037',
  postgres: '\0\0\0\x08\x04\xd2\x16\x2f',
  xmpp: "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='watched.test' version='1.0'><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
  sieve: 'STARTTLS\r\n',
}

describe.each([
  [
    'smtp',
    script(
      '220-mail.test\r\n220 ready\r\n',
      [
        [/EHLO .*\r\n$/, '250-mail.test\r\n250-SIZE 100\r\n250-starttls\r\n250 HELP\r\n'],
        [STARTTLS, '220 go\r\n'],
      ],
      STARTTLS,
    ),
  ],
  ['imap', script('* OK ready\r\n', [[STARTTLS, '* CAPABILITY IMAP4\r\na OK begin\r\n']], STARTTLS)],
  ['pop3', script('+OK ready\r\n', [[STLS, '+OK begin\r\n']], STLS)],
  ['ftp', script('220-hello\r\n some text\r\n220 ready\r\n', [[AUTH_TLS, '234 go\r\n']], AUTH_TLS)],
  ['ldap', script(null, [[LDAP, '\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00']], LDAP)],
  ['postgres', script(null, [[POSTGRES, 'S']], POSTGRES)],
  [
    'xmpp',
    script(
      null,
      [
        [
          /<stream:stream[^>]*>$/,
          "<?xml version='1.0'?><stream:stream id='1' xmlns='jabber:client'><stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>",
        ],
        [XMPP, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"],
      ],
      XMPP,
    ),
  ],
  [
    'sieve',
    script('"IMPLEMENTATION" "x"\r\n"STARTTLS"\r\nOK "ready"\r\n', [[STARTTLS, 'OK "go"\r\n']], STARTTLS),
  ],
])('%s', (kind, talk) => {
  test('is asked for TLS in its own words, and nothing else is said', async () => {
    const { port, said } = await door(talk)
    const { served, error } = await look(`watched.test:${port}/${kind}`)
    expect([error, served?.certificate.trusted]).toEqual([null, true])
    expect(said()).toBe(SAID[kind])
  })

  test.each<Wicked>([
    ['never answers', () => undefined, /within 300 ms$/],
    ['says one byte a while', (socket: Socket) => drip(socket), /within 300 ms$|does not speak/],
    ['floods', (socket: Socket) => flood(socket), /./],
    ['hangs up', (socket: Socket) => void socket.end(), /./],
    ['resets', (socket: Socket) => void socket.resetAndDestroy(), /./],
    ['speaks HTTP', (socket: Socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'), /./],
  ])('that %s is given up', async (_, wicked, why) => {
    const { port } = await door(wicked)
    const { served, error } = await look(`watched.test:${port}/${kind}`, 300)
    expect(served).toBeNull()
    expect(error).toMatch(why)
    expect(error!.length).toBeLessThan(300)
  })
})

type Wicked = readonly [what: string, server: (socket: Socket) => void, error: RegExp]

function drip(socket: Socket): void {
  const timer = setInterval(() => socket.write('2'), 40)
  socket.on('close', () => clearInterval(timer))
}

function flood(socket: Socket): void {
  const bytes = Buffer.alloc(65_536, '2')
  const more = () => {
    while (!socket.destroyed && socket.write(bytes));
  }
  socket.on('drain', more)
  more()
}

test.each([
  ['smtp', '220 x\r\n', 'offers no STARTTLS', [[/EHLO .*\r\n$/, '250 mail.test\r\n']]],
  ['smtp', '554 no\r\n', 'greets with "554 no"', []],
  [
    'smtp',
    '220 x\r\n',
    'answers STARTTLS with "454 later"',
    [
      [/EHLO .*\r\n$/, '250 STARTTLS\r\n'],
      [STARTTLS, '454 later\r\n'],
    ],
  ],
  ['imap', '* OK x\r\n', 'answers STARTTLS with "a BAD what"', [[STARTTLS, 'a BAD what\r\n']]],
  ['pop3', '+OK x\r\n', 'answers STLS with "-ERR no"', [[/STLS\r\n$/, '-ERR no\r\n']]],
  ['postgres', null, 'has TLS switched off', [[POSTGRES, 'N']]],
  ['ldap', null, 'LDAP result 2', [[LDAP, '\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00']]],
  ['sieve', 'OK\r\n', 'offers no STARTTLS', []],
  ['xmpp', null, 'offers no STARTTLS', [[/<stream:stream[^>]*>$/, '<stream:features></stream:features>']]],
] as const)('%s that says no is told as it said it: %s', async (kind, greeting, why, answers) => {
  const { port } = await door(script(greeting, answers, /never/))
  const { error } = await look(`watched.test:${port}/${kind}`)
  expect(error).toContain(why)
})

test('what comes in plain text behind the leave for TLS is not taken into it', async () => {
  const { port } = await door(
    script(
      '220 x\r\n',
      [
        [/EHLO .*\r\n$/, '250 STARTTLS\r\n'],
        [STARTTLS, '220 go\r\n250 injected\r\n'],
      ],
      /never/,
    ),
  )
  const { error } = await look(`watched.test:${port}/smtp`)
  expect(error).toContain('more in plain text')
})

test.each<Wicked>([
  ['never answers', () => undefined, /no TLS handshake within 300 ms/],
  ['says one byte a while', (socket: Socket) => drip(socket), /./],
  ['floods', (socket: Socket) => flood(socket), /wrong version|WRONG_VERSION|packet/i],
  ['hangs up', (socket: Socket) => void socket.end(), /./],
  ['resets', (socket: Socket) => void socket.resetAndDestroy(), /ECONNRESET/],
  [
    'speaks HTTP',
    (socket: Socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    /wrong version|WRONG_VERSION/i,
  ],
])('where TLS is awaited, a server that %s is given up', async (_, wicked, why) => {
  const { port } = await door(wicked)
  const { served, error } = await look(`watched.test:${port}`, 300)
  expect(served).toBeNull()
  expect(error).toMatch(why)
})

test('nobody there, and a name without an address', async () => {
  const { port, close } = await openDoor(() => undefined)
  await close()
  expect((await look(`watched.test:${port}`)).error).toContain('ECONNREFUSED')
  const nowhere = async () => []
  expect((await look('no.example:443', 500, nowhere)).error).not.toBeNull()
})

test('a name that leads to the link or to the metadata of a cloud is not connected to', async () => {
  const { error } = await look('evil.example:80', 500, async () => ['169.254.169.254'])
  expect(error).toContain('evil.example leads to 169.254.169.254, which is link local')
  expect((await look('169.254.169.254:80', 500)).error).toContain('link local')
})
