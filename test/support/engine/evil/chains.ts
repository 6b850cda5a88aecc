/** Certificates that are none, are somebody else's, or hide something. */
import { generateKeyPairSync } from 'node:crypto'
import { type Issuer, issueLeaf, makeRoot, makeServerCertificate, toPem } from '../../test-ca/certificates.ts'
import { der, oid, sequence, set, text } from '../../test-ca/der.ts'
import type { TestCa } from '../../test-ca/test-ca.ts'
import { changed, type EvilBehaviour, withBody, withField } from './evil-behaviour.ts'

const DAY = 86_400_000
const NAME = [{ type: 'dns', value: 'www.example.com' }]
const dns = (...values: readonly string[]) => values.map((value) => ({ type: 'dns', value }))

const stranger = makeRoot('Stranger Root')
const serverCertificate = makeServerCertificate({ names: ['www.example.com'], issuer: stranger })

interface Parts {
  readonly ca: TestCa
  /** Of the request. */
  readonly spki: Buffer
  readonly leaf: string
  readonly root: string
  /** A leaf of the CA's own for the request's key. */
  issue(changes?: Partial<Parameters<typeof issueLeaf>[0]>): string
}

function chain(
  name: string,
  make: (parts: Parts) => string | Buffer,
  says: RegExp,
  more: Partial<EvilBehaviour> = {},
): EvilBehaviour {
  return {
    family: 'chains',
    name,
    errand: 'obtain',
    wicked: changed('certificate', (answer, { ca }) => {
      const { spki } = [...ca.state.certificates.values()].at(-1)!
      const [leaf = '', root = ''] = answer.body.toString().split(/(?<=-----END CERTIFICATE-----\n)/)
      const issue: Parts['issue'] = (changes = {}) =>
        issueLeaf({ spki, issuer: ca.state.root, names: NAME, ...changes })
      return withBody(answer, make({ ca, spki, leaf, root, issue }))
    }),
    ends: 'fails',
    says,
    // A certificate that is not ours is thrown away with its order.
    orders: 2,
    ...more,
  }
}

const NONE =
  /no chain of 1 to \d+ certificates in PEM|something is no certificate|no certificate that can be read|more than the \d+/
const LINK = /did not sign the one before it|none of a CA/
const KEY = /for another key than the request has/
const NAMES = /issued it for .* instead of www\.example\.com/s

function otherKey(type: 'ec' | 'rsa'): Buffer {
  const { publicKey } =
    type === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 512 })
  return publicKey.export({ type: 'spki', format: 'der' })
}

const commonName = (name: string) => sequence(set(sequence(oid('2.5.4.3'), text(name))))
/** PKCS #7 signedData without content: as CAs give out under another type. */
const PKCS7 = toPem('PKCS7', sequence(oid('1.2.840.113549.1.7.2'), der(0xa0, sequence())))
const [keyPem] = [serverCertificate.keyPem]

/** Another issuer that certifies this one, and is certified by it. */
function circle(root: Issuer): readonly string[] {
  const other = makeRoot('Circle Root')
  return [root.pem, other.pem, root.pem, other.pem]
}

export const CHAINS: readonly EvilBehaviour[] = [
  chain('nothing', () => '', NONE),
  chain('a page', () => '<html><body>Your certificate is ready</body></html>', NONE),
  chain('random bytes', () => Buffer.alloc(5000, 0xa5), NONE),
  chain(
    'DER instead of PEM',
    ({ leaf }) => Buffer.from(leaf.replace(/-----[^-]+-----|\s/g, ''), 'base64'),
    NONE,
  ),
  chain('PEM without an end', ({ leaf }) => leaf.slice(0, -30), NONE),
  chain('PEM of nothing', () => '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n', NONE),
  chain('PEM of garbage', () => toPem('CERTIFICATE', Buffer.alloc(800, 7)), NONE),
  chain(
    'PEM of a cut certificate',
    ({ leaf }) =>
      toPem('CERTIFICATE', Buffer.from(leaf.replace(/-----[^-]+-----|\s/g, ''), 'base64').subarray(0, 200)),
    NONE,
  ),
  chain('PEM with text between', ({ leaf, root }) => `subject=CN = www\n${leaf}issuer\n${root}`, NONE),
  chain('PEM with escapes between', ({ leaf, root }) => `${leaf}\u001b[2J${root}`, NONE),
  chain(
    'a certificate request',
    ({ leaf, root }) => `${leaf.replaceAll('CERTIFICATE', 'CERTIFICATE REQUEST')}${root}`,
    NONE,
  ),
  chain('PKCS #7', () => PKCS7, NONE),
  chain('a private key in it', ({ leaf, root }) => `${leaf}${keyPem}${root}`, NONE),
  chain('a private key before it', ({ leaf, root }) => `${keyPem}${leaf}${root}`, NONE),
  chain(
    'a trusted certificate in it',
    ({ leaf, root }) => `${leaf}${root.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE')}`,
    NONE,
  ),
  chain('1,000 certificates', ({ leaf, root }) => `${leaf}${root.repeat(1000)}`, NONE),
  chain('11 certificates', ({ leaf, root }) => `${leaf}${root.repeat(10)}`, NONE),
  chain('900 kB of line ends', ({ leaf }) => `${leaf}${'\n'.repeat(900_000)}`, NONE),
  chain('250 kB of line ends', ({ leaf, root }) => `${'\n'.repeat(250_000)}${leaf}${root}`, /./, {
    ends: 'done',
    orders: 1,
  }),
  chain(
    '250 kB that match almost',
    () => `-----BEGIN CERTIFICATE-----${'A\n'.repeat(120_000)}-----END CERTIFICATE----`,
    NONE,
  ),
  chain('250 kB of beginnings', () => '-----BEGIN CERTIFICATE-----\nA\n'.repeat(8000), NONE),
  chain('CR LF at the line ends', ({ leaf, root }) => `${leaf}${root}`.replaceAll('\n', '\r\n'), /./, {
    ends: 'done',
    orders: 1,
  }),
  chain('the wrong order', ({ leaf, root }) => `${root}${leaf}`, KEY),
  chain('the leaf twice', ({ leaf, root }) => `${leaf}${leaf}${root}`, LINK),
  chain('the root alone', ({ root }) => root, KEY),
  chain('a stranger as its issuer', ({ leaf }) => `${leaf}${stranger.pem}`, LINK),
  chain(
    'a stranger with the same name as its issuer',
    ({ leaf }) => `${leaf}${makeRoot('Test CA Issuing Root').pem}`,
    LINK,
  ),
  chain('a leaf as its issuer', ({ leaf }) => `${leaf}${serverCertificate.pem}`, LINK),
  chain('a circle', ({ ca, leaf }) => `${leaf}${circle(ca.state.root).join('')}`, LINK),
  chain('the same root three times', ({ leaf, root }) => `${leaf}${root}${root}${root}`, /./, {
    ends: 'either',
  }),
  chain(
    'an issuer with 512 bits of RSA',
    ({ leaf, ca }) =>
      `${leaf}${issueLeaf({ spki: otherKey('rsa'), issuer: ca.state.root, names: [], subject: ca.state.root.subject })}`,
    LINK,
  ),
  chain('for another key', ({ issue, root }) => `${issue({ spki: otherKey('ec') })}${root}`, KEY),
  chain(
    'for a key of 512 bits of RSA',
    ({ issue, root }) => `${issue({ spki: otherKey('rsa') })}${root}`,
    KEY,
  ),
  chain("for the CA's own key", ({ root }) => root, KEY),
  chain('of somebody else', () => `${serverCertificate.pem}${stranger.pem}`, KEY),
  chain(
    'for another name',
    ({ issue, root }) => `${issue({ names: dns('other.example.com') })}${root}`,
    NAMES,
  ),
  chain(
    'for one name more',
    ({ issue, root }) => `${issue({ names: dns('www.example.com', 'other.example.com') })}${root}`,
    NAMES,
  ),
  chain('for the wildcard', ({ issue, root }) => `${issue({ names: dns('*.example.com') })}${root}`, NAMES),
  chain(
    'for the wildcard too',
    ({ issue, root }) => `${issue({ names: dns('www.example.com', '*.example.com') })}${root}`,
    NAMES,
  ),
  chain(
    'for an address too',
    ({ issue, root }) => `${issue({ names: [...NAME, { type: 'ip', value: '127.0.0.1' }] })}${root}`,
    NAMES,
  ),
  chain(
    'for the name as an address',
    ({ issue, root }) => `${issue({ names: [{ type: 'ip', value: '127.0.0.1' }] })}${root}`,
    NAMES,
  ),
  chain('for no name', ({ issue, root }) => `${issue({ names: [] })}${root}`, /./),
  chain(
    'for a common name only',
    ({ issue, root }) => `${issue({ names: [], subject: commonName('www.example.com') })}${root}`,
    /./,
  ),
  chain(
    'with NUL in the name',
    ({ issue, root }) => `${issue({ names: dns('www.example.com\0.evil.test') })}${root}`,
    /mismatch|issued it for|no certificate that can be read/,
  ),
  chain(
    'with NUL in another name',
    ({ issue, root }) => `${issue({ names: dns('www.example.com', 'evil.test\0') })}${root}`,
    /issued it for|no certificate that can be read/,
  ),
  chain(
    'with escapes in the name',
    ({ issue, root }) => `${issue({ names: dns('\u001b[31mwww.example.com\n') })}${root}`,
    /issued it for|no certificate that can be read/,
  ),
  chain(
    'with commas in the name',
    ({ issue, root }) => `${issue({ names: dns('www.example.com, DNS:evil.test') })}${root}`,
    NAMES,
  ),
  chain(
    'with letters of Cyrillic in the name',
    ({ issue, root }) => `${issue({ names: dns('www.ex\xe1mple.com') })}${root}`,
    /issued it for|no certificate that can be read/,
  ),
  chain(
    'with 10,000 names',
    ({ issue, root }) =>
      `${issue({ names: [...NAME, ...dns(...Array.from({ length: 10_000 }, (_, n) => `n${n}.example.org`))] })}${root}`,
    /issued it for|more than the|no certificate/,
  ),
  chain(
    'with 5,000 names',
    ({ issue, root }) =>
      `${issue({ names: [...NAME, ...dns(...Array.from({ length: 5_000 }, (_, n) => `n${n}.example.org`))] })}${root}`,
    /issued it for|more than the|no certificate/,
  ),
  chain(
    'with a name of 100 kB',
    ({ issue, root }) => `${issue({ names: dns(`${'x'.repeat(100_000)}.example.com`) })}${root}`,
    /issued it for|no certificate that can be read/,
  ),
  chain(
    'with the name in capitals',
    ({ issue, root }) => `${issue({ names: dns('WWW.EXAMPLE.COM') })}${root}`,
    /./,
    { ends: 'either' },
  ),
  chain(
    'with the name twice',
    ({ issue, root }) => `${issue({ names: dns('www.example.com', 'www.example.com') })}${root}`,
    /./,
    { ends: 'done', orders: 1 },
  ),
  chain(
    'with a dot at the end of the name',
    ({ issue, root }) => `${issue({ names: dns('www.example.com.') })}${root}`,
    /./,
    { ends: 'either' },
  ),
  chain(
    'expired',
    ({ issue, root }) =>
      `${issue({ notBefore: new Date(Date.now() - 90 * DAY), notAfter: new Date(Date.now() - DAY) })}${root}`,
    /expired at/,
  ),
  chain(
    'from next year',
    ({ issue, root }) =>
      `${issue({ notBefore: new Date(Date.now() + 365 * DAY), notAfter: new Date(Date.now() + 400 * DAY) })}${root}`,
    /begins only at/,
  ),
  chain(
    'that ends before it begins',
    ({ issue, root }) =>
      `${issue({ notBefore: new Date(Date.now() + 10 * DAY), notAfter: new Date(Date.now() + 5 * DAY) })}${root}`,
    /ends before it begins/,
  ),
  chain(
    'until the year 9999',
    ({ issue, root }) => `${issue({ notAfter: new Date('9999-12-31T23:59:59Z') })}${root}`,
    /./,
    { ends: 'either' },
  ),
  chain(
    'from 1950',
    ({ issue, root }) => `${issue({ notBefore: new Date('1950-01-01T00:00:00Z') })}${root}`,
    /./,
    { ends: 'either' },
  ),
  chain('by a stranger, without an issuer', ({ issue }) => issue({ issuer: stranger }), /./, {
    ends: 'either',
  }),
  {
    family: 'chains',
    name: 'called a page',
    errand: 'obtain',
    wicked: changed('certificate', (answer) => withField(answer, 'Content-Type', 'text/html')),
    ends: 'fails',
    says: /no application\/pem-certificate-chain/,
  },
  {
    family: 'chains',
    name: 'called PKCS #7',
    errand: 'obtain',
    wicked: changed('certificate', (answer) => withField(answer, 'Content-Type', 'application/pkcs7-mime')),
    ends: 'fails',
    says: /no application\/pem-certificate-chain/,
  },
  {
    family: 'chains',
    name: 'called nothing',
    errand: 'obtain',
    wicked: changed('certificate', (answer) => withField(answer, 'Content-Type', null)),
    ends: 'fails',
    says: /no application\/pem-certificate-chain/,
  },
]

/** Of the default, which is good: the certificate is not lost over them. */
function alternate(name: string, wicked: EvilBehaviour['wicked'], says = /default is taken/): EvilBehaviour {
  return { family: 'alternates', name, errand: 'alternate', wicked, ends: 'done', says }
}

const linked = (values: (origin: string, trap: number) => readonly string[]) =>
  changed('certificate', (answer, { origin, trap }) => ({
    ...answer,
    fields: [
      ...answer.fields.filter(([name]) => name !== 'Link'),
      ...values(origin, trap).map((value) => ['Link', value] as const),
    ],
  }))

const onAlternate =
  (change: (body: string) => string | Buffer): EvilBehaviour['wicked'] =>
  ({ ca }) =>
    void ca.script(
      { path: /alternate/ },
      { kind: 'rewrite', change: (answer) => withBody(answer, change(answer.body.toString())) },
    )

export const ALTERNATES: readonly EvilBehaviour[] = [
  alternate(
    '200 of them',
    linked((origin) =>
      Array.from({ length: 200 }, (_, n) => `<${origin}/certificate/none${n}>;rel="alternate"`),
    ),
  ),
  alternate(
    '10,000 of them in one field',
    linked((origin) => [Array.from({ length: 200 }, (_, n) => `<${origin}/c/${n}>;rel=alternate`).join(',')]),
  ),
  alternate(
    'the default itself, many times',
    linked((origin) => Array(100).fill(`<${origin}/directory>;rel="alternate"`)),
  ),
  alternate(
    'on another host',
    linked((_, trap) => [
      `<https://127.0.0.1:${trap}/x>;rel="alternate"`,
      `<//127.0.0.1:${trap}/x>;rel="alternate"`,
      '<http://169.254.169.254/>;rel="alternate"',
    ]),
  ),
  alternate(
    'in broken fields',
    linked(() => [
      '<',
      '<>;rel="alternate"',
      ';;;;,,,,<x>;rel',
      `<${'x'.repeat(5000)}>;rel="alternate"`,
      '<x>;rel="alternate',
    ]),
  ),
  alternate(
    'that is a page',
    onAlternate(() => '<html></html>'),
  ),
  alternate(
    'of another leaf',
    onAlternate(() => `${serverCertificate.pem}${stranger.pem}`),
  ),
  alternate(
    'that leads to the preferred root by name only',
    onAlternate(
      (body) =>
        `${body.split(/(?<=-----END CERTIFICATE-----\n)/)[0]}${issueLeaf({ spki: otherKey('ec'), issuer: { ...stranger, subject: commonName('Evil Preferred Root') }, names: [], subject: commonName('Test CA Issuing Root') })}`,
    ),
  ),
  alternate(
    'that never comes',
    ({ ca }) => void ca.script({ path: /alternate/ }, { kind: 'reset', when: 'before-reading' }),
  ),
  alternate(
    'that redirects',
    ({ ca }) =>
      void ca.script(
        { path: /alternate/ },
        { kind: 'answer', status: 302, fields: [['Location', 'https://127.0.0.1/']] },
      ),
  ),
  alternate(
    'that answers 500',
    ({ ca }) => void ca.script({ path: /alternate/ }, { kind: 'answer', status: 500 }),
  ),
]
