import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import type { EventDetails } from '../../src/audit/event.ts'
import { importCertificates } from '../../src/audit/import-certificates.ts'
import type { BlobDraft } from '../../src/audit/record.ts'
import { made, root, secretsOf } from '../cli/import/certificate-fixtures.ts'
import { aCertificate } from '../support/inventoried.ts'
import { makeRoot } from '../support/test-ca/certificates.ts'

const ACTOR = { kind: 'local', token: null, name: null } as const
const one = made(['one.test'])
const two = made(['two.test'])

interface Recorded {
  readonly details: EventDetails
  readonly blobs: readonly BlobDraft[]
}

async function given(pems: readonly string[], known: readonly string[] = [], host = 'web1', path = '/x.pem') {
  const recorded: Recorded[] = []
  const report = await importCertificates(
    { host, unmanaged: true, certificates: pems.map((pem) => ({ pem, path, ca: 'own', format: 'pem' })) },
    {
      events: {
        async record(_actor, details, more) {
          recorded.push({ details, blobs: more?.blobs ?? [] })
          return 'id'
        },
      },
      reader: {
        certificate: async (fingerprint) =>
          known.includes(fingerprint) ? aCertificate({ fingerprint }) : null,
      },
    },
    ACTOR,
  )
  return { report, recorded }
}

test('one event for a batch, each chain a body that repeats', async () => {
  const { report, recorded } = await given([one.chain, two.leaf], [two.fingerprint])
  expect(report).toEqual({ added: 1, known: 1, problems: [] })
  const digest = (pem: string) => createHash('sha256').update(pem).digest()
  expect(recorded).toEqual([
    {
      details: {
        event: 'imported',
        host: 'web1',
        unmanaged: true,
        certificates: [
          {
            fingerprint: one.fingerprint,
            chain: digest(one.chain).toString('hex'),
            path: '/x.pem',
            ca: 'own',
            format: 'pem',
          },
          {
            fingerprint: two.fingerprint,
            chain: digest(two.leaf).toString('hex'),
            path: '/x.pem',
            ca: 'own',
            format: 'pem',
          },
        ],
      },
      blobs: [
        { digest: digest(one.chain), bytes: Buffer.from(one.chain), repeats: true },
        { digest: digest(two.leaf), bytes: Buffer.from(two.leaf), repeats: true },
      ],
    },
  ])
})

test('the same chain is the same body however it is laid out, and the same certificate counts once', async () => {
  const plain = one.chain.replaceAll('\n', '\r\n').replace(/^/, '\r\n\r\n')
  const { report, recorded } = await given([plain, one.leaf, one.chain])
  expect(report).toEqual({ added: 1, known: 0, problems: [] })
  expect(recorded[0]!.blobs.map(({ bytes }) => bytes.toString())).toEqual([one.chain])
})

const wrapped = (inside: string): string =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(inside).toString('base64')}\n-----END CERTIFICATE-----\n`
const der = Buffer.from(one.leaf.replace(/-----[^-]+-----|\s/g, ''), 'base64')

test.each([
  ['a key behind it', one.chain + one.key, 'holds a private key; send certificates only'],
  ['a key before it', one.key + one.chain, 'holds a private key'],
  [
    'a traditional key',
    one.leaf + one.key.replaceAll('PRIVATE KEY', 'EC PRIVATE KEY'),
    'holds a private key',
  ],
  ['text beside it', `subject=CANARY\n${one.leaf}`, 'holds something beside certificates in PEM'],
  [
    'another block',
    one.leaf.replaceAll('CERTIFICATE', 'TRUSTED CERTIFICATE'),
    'holds something beside certificates',
  ],
  ['nothing', ' \n', 'holds no certificate in PEM'],
  ['a cut one', one.leaf.slice(0, -40), 'holds something beside certificates in PEM'],
  ['garbage in the block', wrapped('CANARY'), 'its certificate 1 cannot be read'],
  ['a second one that is garbage', one.leaf + wrapped('CANARY'), 'its certificate 2 cannot be read'],
  [
    'bytes behind the DER',
    wrapped('').replace('\n\n', `\n${Buffer.concat([der, Buffer.from('CANARY')]).toString('base64')}\n`),
    'its certificate 1 cannot be read',
  ],
  ['two leaves', one.leaf + two.leaf, 'holds more than one leaf certificate'],
  ['the root first', root.pem + one.leaf, "begins with a CA's certificate; the leaf must come first"],
  ['a root alone', root.pem, "begins with a CA's certificate"],
  [
    'eleven certificates',
    one.leaf + Array.from({ length: 10 }, () => makeRoot().pem).join(''),
    'holds more than 10 certificates',
  ],
  ['more than 256 KiB', one.leaf + ' '.repeat(256 * 1024), 'larger than 256 KiB'],
])('%s is left out and told, and quotes nothing', async (_what, pem, says) => {
  const { report, recorded } = await given([pem, two.chain])
  expect(report).toEqual({ added: 1, known: 0, problems: [expect.stringContaining(`/x.pem: ${says}`)] })
  expect(recorded[0]!.blobs.map(({ bytes }) => bytes.toString())).toEqual([two.chain])
  for (const secret of [...secretsOf(one), 'CANARY'])
    expect(JSON.stringify([report, recorded])).not.toContain(secret)
})

test('ten certificates are as many as may be', async () => {
  const { report } = await given([one.leaf + Array.from({ length: 9 }, () => root.pem).join('')])
  expect(report).toEqual({ added: 1, known: 0, problems: [] })
})

test('nothing to take in writes nothing', async () => {
  expect((await given([])).recorded).toEqual([])
  expect((await given([root.pem])).recorded).toEqual([])
})

test.each(['', 'x'.repeat(254), 'a\nb', 'a\u001b[2J', 'a\u202eb'])(
  '%j is no host: nothing is imported',
  async (host) => {
    const { report, recorded } = await given([one.chain], [], host)
    expect([report.added, report.problems.length, recorded]).toEqual([0, 1, []])
  },
)

test('a path that is too long is told in its beginning', async () => {
  const { report } = await given([one.chain], [], 'web1', `/${'x'.repeat(5000)}`)
  expect(report.problems[0]).toMatch(/: its path is longer than 4096 characters$/)
  expect(report.problems[0]!.length).toBeLessThan(4200)
})

test('a self-signed certificate of a server is a leaf, though openssl marks it as a CA', async () => {
  const { execFileSync } = await import('node:child_process')
  const pem = execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      '/dev/null',
      '-subj',
      '/CN=self.test',
      '-addext',
      'subjectAltName=DNS:self.test',
      '-days',
      '5',
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  ).toString()
  expect((await given([pem])).report).toEqual({ added: 1, known: 0, problems: [] })
})

test('between two chains the event loop is others', async () => {
  let turns = 0
  let over = false
  const turn = () => {
    turns += 1
    if (!over) setImmediate(turn)
  }
  setImmediate(turn)
  const { report } = await given(Array.from({ length: 20 }, () => one.chain))
  over = true
  expect(report.added).toBe(1)
  expect(turns).toBeGreaterThanOrEqual(19)
})
