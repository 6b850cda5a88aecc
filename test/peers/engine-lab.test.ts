/** The engine by command, with real servers at the other side. All rows: `npm run soak -- engine-solvers`. */
import { describe, expect, test } from 'vitest'
import { makeCertificateKey } from '../../src/engine/certificate-key.ts'
import type { CanaryReport } from '../engine-lab/canary-process.ts'
import { findNeedles, needlesOfKey, needlesOfText } from '../engine-lab/needles.ts'
import { runLab } from '../engine-lab/run-in-namespace.ts'
import type { TableReport } from '../engine-lab/table.ts'
import { reasonWithout } from '../support/missing.ts'
import { reasonWithoutNamespace } from '../support/namespace.ts'
import { reasonWithoutNamed } from '../support/peers/bind.ts'
import { reasonWithoutServer } from '../support/peers/web-servers.ts'

const missing =
  (await reasonWithoutNamespace()) ??
  (await reasonWithoutNamed()) ??
  (await reasonWithoutServer('nginx')) ??
  (await reasonWithoutServer('caddy')) ??
  (await reasonWithout('pebble', 'nsupdate', 'dig', 'openssl', 'curl'))

const LONGEST = 420_000

const faultsOf = ({ rows, faults }: TableReport) => [
  ...rows.flatMap(({ title, way, faults: wrong }) => wrong.map((one) => `${way}: ${title}: ${one}`)),
  ...faults,
]

describe.skipIf(missing !== null).concurrent('the engine by command', () => {
  test('20 names by six solvers in one order, renewal and revocation, with a server and without', {
    timeout: LONGEST,
  }, async () => {
    const only = '20 names|managed: issue|own key'
    const report = await runLab<TableReport>('process.ts', ['--ca', 'pebble', '--only', only], LONGEST)
    expect(faultsOf(report)).toEqual([])
    expect(report.rows.filter((row) => row.missing === null)).toHaveLength(2 * (5 + 3))
    expect(report.exchanges).toBeGreaterThan(100)
  })

  test('no secret is in anything it writes', { timeout: LONGEST }, async () => {
    const report = await runLab<CanaryReport>('canary-process.ts', [], LONGEST)
    expect(report.faults).toEqual([])
    expect(report.keys).toBeGreaterThanOrEqual(8)
    expect(report.foundWhereTheyBelong).toBeGreaterThanOrEqual(6)
  })
})

test.each(['ec256', 'rsa2048'] as const)('a key %s is found in whatever spelling', async (type) => {
  const key = await makeCertificateKey(type)
  const pem = key.export({ format: 'pem', type: 'pkcs8' }) as string
  const { d = '' } = key.export({ format: 'jwk' })
  const needles = needlesOfKey('it', pem)
  const scalar = Buffer.from(d, 'base64url')
  const spelt = {
    pem,
    inJson: JSON.stringify({ key: pem }),
    d,
    hex: scalar.toString('hex'),
    base64: scalar.toString('base64'),
    twice: Buffer.from(`x${pem}`).toString('base64'),
    within: Buffer.concat([Buffer.alloc(5, 1), scalar, Buffer.alloc(5, 2)]).toString('base64url'),
    otherForm: key.export({ format: 'pem', type: type === 'ec256' ? 'sec1' : 'pkcs1' }) as string,
  }
  for (const [where, text] of Object.entries(spelt))
    expect(findNeedles(needles, [{ where, bytes: Buffer.from(text) }]), where).not.toEqual([])
  const der = key.export({ format: 'der', type: 'pkcs8' })
  expect(findNeedles(needles, [{ where: 'der', bytes: der }])).not.toEqual([])
  const other = (await makeCertificateKey(type)).export({ format: 'pem', type: 'pkcs8' }) as string
  expect(findNeedles(needles, [{ where: 'other', bytes: Buffer.from(other) }])).toEqual([])
})

test('a secret of the configuration is found as it is, decoded, and encoded again', () => {
  const text = Buffer.from('a secret of thirty-two bytes, ok').toString('base64')
  const needles = needlesOfText('it', text)
  const spelt = [text, encodeURIComponent('x') + text, Buffer.from(text, 'base64').toString('hex')]
  spelt.push(Buffer.from(`user:${text}`).toString('base64'), Buffer.from(text, 'base64').toString('latin1'))
  for (const one of spelt)
    expect(findNeedles(needles, [{ where: 'it', bytes: Buffer.from(one, 'latin1') }])).not.toEqual([])
})
