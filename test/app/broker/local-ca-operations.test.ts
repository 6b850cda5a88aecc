import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { readLeaf } from '../../../src/acme/certificate.ts'
import type { LocalCaOperations } from '../../../src/api/local-ca-operations.ts'
import { localCaOperations } from '../../../src/app/broker/local-ca-operations.ts'
import type { BrokerCertificate } from '../../../src/broker/objects.ts'
import { csrOf, dns, ecKey, LocalCaWorld, wanted } from '../../support/broker/local-ca-world.ts'

const LOCAL = { kind: 'local', token: null, name: null } as const
let world: LocalCaWorld
let operations: LocalCaOperations
let serial: string
let fingerprint: string
let recorded: unknown[]
let kept: Partial<BrokerCertificate>[]

beforeEach(async () => {
  world = await LocalCaWorld.make()
  await world.create()
  const { ca, issuer } = await world.open()
  recorded = []
  kept = []
  const names = dns('a.internal.example')
  const { reference } = await issuer.place(wanted('o1', names))
  await issuer.finalize(reference, csrOf(ecKey(), names))
  const [signed] = await world.store.localCertificates({ limit: 1 })
  serial = signed!.serial
  fingerprint = readLeaf(signed!.certificate)!.fingerprint
  const store = Object.assign(world.store, {
    certificateByFingerprint: async (endpoint: string, wantedOne: string) =>
      endpoint === 'fleet' && wantedOne === fingerprint
        ? ({ id: 'c1', revokedAt: null } as BrokerCertificate)
        : null,
    putCertificate: async (one: BrokerCertificate) => void kept.push(one),
  })
  operations = localCaOperations({
    ca: (name) => (name === 'internal' ? ca : null),
    store,
    endpoints: () => ['other', 'fleet'],
    events: { record: async (...given: unknown[]) => void recorded.push(given) } as never,
  })
})
afterEach(() => world.close())

const revoke = (changes: object = {}) =>
  operations.revoke({ ca: 'internal', serial, reason: 'superseded', ...changes }, LOCAL)

describe('what can be asked of local CAs', () => {
  test('what they signed is shown as people know it', async () => {
    expect(await operations.certificates({ limit: 10 })).toEqual([
      expect.objectContaining({
        ca: 'internal',
        issuer: 1,
        serial,
        fingerprint,
        order: 'o1',
        identifiers: dns('a.internal.example'),
        revokedAt: null,
        reason: null,
      }),
    ])
  })

  test('a revocation is kept, told to the broker and recorded', async () => {
    const spelt = serial.toUpperCase().match(/../g)!.join(':')
    expect(await revoke({ serial: spelt })).toMatchObject({ serial, reason: 'superseded' })
    expect(kept).toEqual([{ id: 'c1', revokedAt: world.now }])
    expect(recorded).toEqual([
      [LOCAL, { event: 'localCertificateRevoked', ca: 'internal', serial, reason: 'superseded' }],
    ])
    expect(await operations.certificates({ revoked: true, limit: 10 })).toHaveLength(1)
    await expect(revoke()).rejects.toMatchObject({ status: 409 })
  })

  test.each([
    [{ ca: 'other' }, 404],
    [{ serial: '5f' }, 404],
    [{ reason: 'certificateHold' }, 409],
  ])('%o is refused, and nothing is recorded', async (changes, status) => {
    await expect(revoke(changes)).rejects.toMatchObject({ name: 'OperationRefused', status })
    expect([recorded, kept]).toEqual([[], []])
  })
})
