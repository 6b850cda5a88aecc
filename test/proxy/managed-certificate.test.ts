import { X509Certificate } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { putLive } from '../../src/engine/managed/live-folder.ts'
import { openCertificateSource } from '../../src/proxy/listener-certificate.ts'
import type { CertificateEvent } from '../../src/proxy/listener-options.ts'
import { obtained } from '../support/engine/obtained-certificate.ts'
import { makeRoot } from '../support/test-ca/certificates.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'managed-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const issuer = makeRoot()
const live = (file: string) => join(folder, 'live', 'web', file)
async function put() {
  const { leaf, key } = obtained({}, issuer)
  await putLive(folder, 'web', { leaf, chain: issuer.pem, key })
  return new X509Certificate(leaf).fingerprint256
}
const served = ({ chain }: { chain: string }) => new X509Certificate(chain).fingerprint256

function open(events: CertificateEvent[]) {
  const origin = { from: 'managed', folder, chain: live('fullchain.pem'), key: live('privkey.pem') } as const
  return openCertificateSource(
    origin,
    ['localhost'],
    () => new Date(),
    (event) => events.push(event),
  )
}

test('the listener root serves until the first one is there; that is taken up, and each that follows', async () => {
  const events: CertificateEvent[] = []
  const source = await open(events)
  const root = new X509Certificate(source.rootCertificate!)
  expect(new X509Certificate(source.current().chain).checkIssued(root)).toBe(true)
  expect(await source.check()).toBeNull()
  const first = await put()
  expect(served((await source.check())!)).toBe(first)
  expect(source.rootCertificate).toBeNull()
  expect(await source.check()).toBeNull()
  const second = await put()
  expect(served((await source.check())!)).toBe(second)
  expect(served(source.current())).toBe(second)
  expect(events).toEqual([])
})

test('at a start the one that is there serves at once', async () => {
  const fingerprint = await put()
  const source = await open([])
  expect(source.rootCertificate).toBeNull()
  expect(served(source.current())).toBe(fingerprint)
})

test('one that cannot be used is told once, and the root serves meanwhile', async () => {
  await put()
  await writeFile(live('privkey.pem'), obtained().key)
  const events: CertificateEvent[] = []
  const source = await open(events)
  expect(source.rootCertificate).not.toBeNull()
  await source.check()
  await source.check()
  expect(events).toEqual([
    { kind: 'certificateRefused', detail: 'the key does not belong to the first certificate of the chain' },
  ])
  const next = await put()
  expect(served((await source.check())!)).toBe(next)
})
