/** What TLS clients of other families say of a local CA's certificates. */
import type { KeyObject } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Identifier } from '../../../src/acme/identifier.ts'
import { pemOf, randomSerial, spkiOf } from '../../../src/broker/local-ca/authority-certificate.ts'
import type { LocalCaIssuer } from '../../../src/broker/local-ca/read-issuer.ts'
import { signCertificate } from '../../../src/broker/local-ca/sign-certificate.ts'
import { ask, missingFor, verifiers } from '../../interception/verifiers.ts'
import { dns, ecKey, LocalCaWorld } from '../../support/broker/local-ca-world.ts'

let world: LocalCaWorld
let outside: LocalCaWorld
let issuer: LocalCaIssuer
/** Its constraints are for other names: what a thief of its key can do. */
let stolen: LocalCaIssuer

beforeAll(async () => {
  world = await LocalCaWorld.make({ names: ['localhost', '.internal.example'], networks: ['127.0.0.0/8'] })
  outside = await LocalCaWorld.make({ names: ['.internal.example'], networks: ['10.0.0.0/8'] })
  for (const one of [world, outside]) await one.create()
  issuer = await (await world.open()).ca.current()
  stolen = await (await outside.open()).ca.current()
})
afterAll(async () => {
  await world.close()
  await outside.close()
})

function sign(by: LocalCaIssuer, identifiers: readonly Identifier[], key: KeyObject) {
  const { certificate } = signCertificate(
    {
      serial: randomSerial(),
      identifiers,
      spki: spkiOf(key),
      key: { keyType: 'P-256' },
      clientAuth: true,
      crl: 'http://crl.example/internal.crl',
      now: world.now,
      validity: 3_600_000_000,
    },
    by.signer,
  )
  const pem = key.export({ type: 'pkcs8', format: 'pem' }).toString()
  return { certificate: pemOf(certificate, 'CERTIFICATE') + by.chain, key: pem }
}

describe.concurrent.each(Object.keys(verifiers))('as %s sees it', (verifier) => {
  const missing = missingFor[verifier] ?? null
  it.skipIf(missing !== null)('a certificate of the CA is good', async ({ expect: hold }) => {
    const leaf = sign(
      issuer,
      [...dns('localhost', 'a.internal.example'), { type: 'ip', value: '127.0.0.1' }],
      ecKey(),
    )
    hold(await ask(verifier, issuer.root, leaf, 'localhost')).toMatchObject({ reached: true })
  })
  it.skipIf(missing !== null)('one for a name outside its constraints is not', async ({ expect: hold }) => {
    const leaf = sign(stolen, dns('a.internal.example', 'localhost'), ecKey())
    hold(await ask(verifier, stolen.root, leaf, 'localhost')).toMatchObject({ reached: false })
  })
})

it('asks verifiers at all', () => {
  expect(Object.values(missingFor).filter((reason) => reason === null).length).toBeGreaterThan(2)
})
