import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { LocalCaStore } from '../../src/broker/local-ca/local-ca-store.ts'
import { BROKER_T0, DAY, localCertificate, localCrl } from '../support/broker/broker-values.ts'
import type { BrokerStoreUnderTest } from './broker-store.contract.ts'

/** What every store of local CAs must do, whatever it is made of. */
export function localCaStoreContract(
  name: string,
  create: () => Promise<BrokerStoreUnderTest<LocalCaStore>>,
): void {
  describe(`${name} as the store of local CAs`, () => {
    let place: BrokerStoreUnderTest<LocalCaStore>
    let store: LocalCaStore

    beforeEach(async () => {
      place = await create()
      store = place.store
    })
    afterEach(() => place.close())

    const reopen = async (): Promise<void> => {
      place = await place.reopen()
      store = place.store
    }

    test('an order has one certificate, also where two finalize it at the same time', async () => {
      const first = localCertificate({ order: 'o1' })
      const [a, b] = await Promise.all([
        store.addLocalCertificate(first),
        store.addLocalCertificate(localCertificate({ order: 'o1' })),
      ])
      expect([a, b]).toEqual([first, first])
      const elsewhere = localCertificate({ order: 'o1', ca: 'other', serial: first.serial })
      expect(await store.addLocalCertificate(elsewhere)).toEqual(elsewhere)
      await reopen()
      expect(await store.localCertificates({ ca: 'internal', limit: 9 })).toEqual([first])
      expect(await store.localCertificate('internal', first.serial)).toEqual(first)
      expect(Buffer.isBuffer((await store.localCertificate('internal', first.serial))?.certificate)).toBe(
        true,
      )
      expect(await store.localCertificate('internal', 'ff')).toBeNull()
    })

    test('a serial is used once in a CA', async () => {
      const first = localCertificate()
      await store.addLocalCertificate(first)
      await expect(
        store.addLocalCertificate(localCertificate({ serial: first.serial })),
      ).rejects.toMatchObject({ name: 'EngineError', fault: 'input' })
      expect(await store.localCertificates({ limit: 9 })).toEqual([first])
    })

    test('certificates are listed newest first, by CA and whether they are revoked', async () => {
      const all = [
        localCertificate({ serial: '10', issuedAt: BROKER_T0 + 1 }),
        localCertificate({ serial: '30' }),
        localCertificate({ serial: '20' }),
        localCertificate({ serial: '40', ca: 'other', issuedAt: BROKER_T0 + 2 }),
      ]
      for (const each of all) await store.addLocalCertificate(each)
      await store.revokeLocalCertificate('internal', '20', 7, 1)
      const serials = async (filter: Parameters<LocalCaStore['localCertificates']>[0]) =>
        (await store.localCertificates(filter)).map(({ serial }) => serial)
      expect(await serials({ limit: 9 })).toEqual(['40', '10', '30', '20'])
      expect(await serials({ limit: 2 })).toEqual(['40', '10'])
      expect(await serials({ ca: 'internal', limit: 9 })).toEqual(['10', '30', '20'])
      expect(await serials({ ca: 'internal', revoked: true, limit: 9 })).toEqual(['20'])
      expect(await serials({ revoked: false, limit: 9 })).toEqual(['40', '10', '30'])
    })

    test('the first revocation counts, and is in the list of its issuer', async () => {
      const made = ['2', '1', '3', '4'].map((serial) => localCertificate({ serial }))
      const second = localCertificate({ serial: '5', generation: 2 })
      const over = localCertificate({ serial: '6', notAfter: BROKER_T0 + DAY })
      for (const each of [...made, second, over]) await store.addLocalCertificate(each)
      for (const serial of ['2', '1', '5', '6'])
        expect(await store.revokeLocalCertificate('internal', serial, BROKER_T0 + 5, 4)).toBe('revoked')
      expect(await store.revokeLocalCertificate('internal', '2', BROKER_T0 + 9, 1)).toBe('alreadyRevoked')
      expect(await store.revokeLocalCertificate('internal', 'ff', BROKER_T0, 1)).toBeNull()
      expect(await store.revokeLocalCertificate('other', '3', BROKER_T0, 1)).toBeNull()
      await reopen()
      expect(await store.localRevoked('internal', 1, BROKER_T0 + DAY)).toEqual([
        { serial: '1', revokedAt: BROKER_T0 + 5, reason: 4 },
        { serial: '2', revokedAt: BROKER_T0 + 5, reason: 4 },
      ])
      expect(await store.localRevoked('internal', 1, BROKER_T0)).toHaveLength(3)
      expect(await store.localRevoked('other', 1, BROKER_T0)).toEqual([])
    })

    test('a list has the number after the last one’s', async () => {
      expect(await store.localCrl('internal', 1)).toBeNull()
      expect(await store.putLocalCrl(localCrl({ number: 2 }))).toBe(false)
      const both = [0, 1].map((n) => store.putLocalCrl(localCrl({ list: Buffer.from([n]) })))
      expect(await Promise.all(both)).toEqual([true, false])
      const next = localCrl({ number: 2, list: Buffer.from([9]) })
      expect(await store.putLocalCrl(next)).toBe(true)
      expect(await store.putLocalCrl(localCrl({ generation: 2 }))).toBe(true)
      await reopen()
      expect(await store.localCrl('internal', 1)).toEqual(next)
      expect(await store.localCrl('internal', 2)).toEqual(localCrl({ generation: 2 }))
      expect(await store.localCrl('other', 1)).toBeNull()
    })

    test('what ended is forgotten, and the last end of an issuer is known', async () => {
      expect(await store.localLastEnd('internal', 1)).toBeNull()
      const before = BROKER_T0 + 40 * DAY
      const ends = [before - 1, before, before + 5]
      for (const notAfter of ends) await store.addLocalCertificate(localCertificate({ notAfter }))
      await store.addLocalCertificate(localCertificate({ generation: 2, notAfter: before - 2 }))
      expect(await store.localLastEnd('internal', 1)).toBe(before + 5)
      expect(await store.pruneLocal(before)).toBe(2)
      expect(await store.pruneLocal(before)).toBe(0)
      await reopen()
      expect((await store.localCertificates({ limit: 9 })).map(({ notAfter }) => notAfter).sort()).toEqual(
        ends.slice(1),
      )
      expect(await store.localLastEnd('internal', 2)).toBeNull()
    })
  })
}
