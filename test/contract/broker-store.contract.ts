import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { BrokerStore } from '../../src/broker/broker-store.ts'
import type { BrokerOrder } from '../../src/broker/objects.ts'
import type { Sealed } from '../../src/engine/sealing.ts'
import {
  BROKER_T0,
  brokerAccount,
  brokerAuthorization,
  brokerCertificate,
  brokerId,
  brokerOrder,
  DAY,
  eabKey,
} from '../support/broker/broker-values.ts'

export interface BrokerStoreUnderTest<Store> {
  readonly store: Store
  /** The same data by another process; what was opened before is closed. */
  reopen(): Promise<BrokerStoreUnderTest<Store>>
  close(): Promise<void>
}

const OWNER = { endpoint: 'fleet', account: 'a1' }
const OTHERS = [
  { endpoint: 'fleet', account: 'a2' },
  { endpoint: 'fleet-staging', account: 'a1' },
]

/** What every store of the broker must do, whatever it is made of. */
export function brokerStoreContract(
  name: string,
  create: () => Promise<BrokerStoreUnderTest<BrokerStore>>,
): void {
  describe(`${name} as the store of the broker`, () => {
    let place: BrokerStoreUnderTest<BrokerStore>
    let store: BrokerStore

    beforeEach(async () => {
      place = await create()
      store = place.store
    })
    afterEach(() => place.close())

    const reopen = async (): Promise<void> => {
      place = await place.reopen()
      store = place.store
    }
    const refused = { name: 'EngineError', fault: 'input' }

    test('is empty at first', async () => {
      expect(await store.account('fleet', 'a1')).toBeNull()
      expect(await store.accountByKey('fleet', 't')).toBeNull()
      expect(await store.accounts({ limit: 10 })).toEqual([])
      expect(await store.order(OWNER, 'o1')).toBeNull()
      expect(await store.anyOrder('o1')).toBeNull()
      expect(await store.ordersOf(OWNER, null, 10)).toEqual({ orders: [], next: null })
      expect(await store.openOrders()).toEqual([])
      expect(await store.orders({ limit: 10 })).toEqual([])
      expect(await store.authorization(OWNER, 'z1')).toBeNull()
      expect(await store.beingValidated()).toEqual([])
      expect(await store.certificate(OWNER, 'c1')).toBeNull()
      expect(await store.eabKeys()).toEqual([])
      expect(await store.eabKey('k1')).toBeNull()
      expect(await store.sealed()).toEqual([])
      expect(await store.prune(Number.MAX_SAFE_INTEGER)).toBe(0)
    })

    describe('accounts (RFC 8555 §7.1.2)', () => {
      test('are found by id and by key at their endpoint alone', async () => {
        const account = brokerAccount()
        const twin = brokerAccount({ endpoint: 'fleet-staging', thumbprint: account.thumbprint })
        expect(await store.addAccount(account)).toBeNull()
        expect(await store.addAccount(twin)).toBeNull()
        await reopen()
        expect(await store.account('fleet', account.id)).toEqual(account)
        expect(await store.account('fleet-staging', account.id)).toBeNull()
        expect(await store.accountByKey('fleet', account.thumbprint)).toEqual(account)
        expect(await store.accountByKey('fleet-staging', account.thumbprint)).toEqual(twin)
        expect(await store.accountByKey('other', account.thumbprint)).toBeNull()
        expect(await store.accounts({ limit: 10 })).toEqual([twin, account])
        expect(await store.accounts({ limit: 1 })).toEqual([twin])
      })

      test('have a key each, whatever their status', async () => {
        const account = brokerAccount({ status: 'deactivated' })
        const other = brokerAccount()
        await store.addAccount(account)
        await store.addAccount(other)
        const again = brokerAccount({ thumbprint: account.thumbprint })
        expect(await store.addAccount(again)).toBe('keyInUse')
        expect(await store.account('fleet', again.id)).toBeNull()
        const taken = { ...other, thumbprint: account.thumbprint }
        expect(await store.putAccount(taken, other)).toBe('keyInUse')
        expect(await store.account('fleet', other.id)).toEqual(other)
        await expect(store.addAccount({ ...account, thumbprint: 'new' })).rejects.toMatchObject(refused)
      })

      test('one of several made with one key at the same time is there', async () => {
        const { thumbprint } = brokerAccount()
        const answers = await Promise.all(
          Array.from({ length: 20 }, () => store.addAccount(brokerAccount({ thumbprint }))),
        )
        expect(answers.filter((answer) => answer === null)).toHaveLength(1)
        expect(await store.accounts({ limit: 100 })).toHaveLength(1)
      })

      test('change contacts, terms, status and key, and nothing else', async () => {
        const account = brokerAccount({ label: 'team-a', termsAgreed: false })
        await store.addAccount(account)
        const next = {
          ...account,
          contact: [],
          termsAgreed: true,
          thumbprint: 'next',
          jwk: { kty: 'EC', crv: 'P-256', x: 'n', y: 'n' },
        } as const
        expect(await store.putAccount({ ...next, label: 'team-b', eabKey: 'k9' }, account)).toBeNull()
        await reopen()
        expect(await store.account('fleet', account.id)).toEqual(next)
        expect(await store.accountByKey('fleet', 'next')).toEqual(next)
        expect(await store.accountByKey('fleet', account.thumbprint)).toBeNull()
        await expect(store.putAccount(brokerAccount(), account)).rejects.toMatchObject(refused)
        const elsewhere = { ...account, endpoint: 'other' }
        await expect(store.putAccount(elsewhere, next)).rejects.toMatchObject(refused)
      })

      test('a request that was on its way undoes no deactivation and no key change', async () => {
        const account = brokerAccount()
        await store.addAccount(account)
        expect(await store.putAccount({ ...account, thumbprint: 'rolled' }, account)).toBeNull()
        expect(await store.putAccount({ ...account, contact: [] }, account)).toBe('changed')
        const rolled = { ...account, thumbprint: 'rolled' }
        const gone = { ...rolled, status: 'deactivated' } as const
        expect(await store.putAccount(gone, rolled)).toBeNull()
        expect(await store.putAccount({ ...rolled, contact: [] }, rolled)).toBe('changed')
        expect(await store.account('fleet', account.id)).toEqual(gone)
      })
    })

    describe('EAB keys (RFC 8555 §7.3.4)', () => {
      test('are kept whole, newest first; what accounts count is not put', async () => {
        const first = eabKey({ uses: 3, expiresAt: BROKER_T0 + DAY })
        const second = eabKey({ names: [], endpoints: ['fleet'], cas: ['pebble'] })
        await store.addEabKey(first)
        await store.addEabKey(second)
        await store.addAccount(brokerAccount({ eabKey: first.id }))
        await store.putEabKey({ ...first, used: 0, revokedAt: 17 })
        await reopen()
        expect(await store.eabKeys()).toEqual([second, { ...first, used: 1, revokedAt: 17 }])
        expect(await store.eabKey(first.id)).toEqual({ ...first, used: 1, revokedAt: 17 })
        await expect(store.addEabKey(first)).rejects.toMatchObject(refused)
        await expect(store.putEabKey(eabKey())).rejects.toMatchObject(refused)
      })

      test('are good for as many accounts as they say, also at the same time', async () => {
        const key = eabKey({ uses: 3 })
        await store.addEabKey(key)
        const adding = Array.from({ length: 12 }, () => store.addAccount(brokerAccount({ eabKey: key.id })))
        const answers = await Promise.all(adding)
        expect(answers.filter((answer) => answer === null)).toHaveLength(3)
        expect(answers.filter((answer) => answer === 'eabSpent')).toHaveLength(9)
        expect((await store.eabKey(key.id))?.used).toBe(3)
        expect(await store.accounts({ eabKey: key.id, limit: 100 })).toHaveLength(3)
        expect(await store.accounts({ eabKey: key.id, limit: 2 })).toHaveLength(2)
        expect(await store.accounts({ eabKey: 'other', limit: 2 })).toEqual([])
      })

      test('that are revoked, over or unknown make none; nor does a key in use count', async () => {
        const over = eabKey({ expiresAt: BROKER_T0 })
        const revoked = eabKey({ revokedAt: BROKER_T0 })
        const good = eabKey({ expiresAt: BROKER_T0 + 1 })
        for (const key of [over, revoked, good]) await store.addEabKey(key)
        const add = (id: string, thumbprint = brokerId()) =>
          store.addAccount(brokerAccount({ eabKey: id, thumbprint }))
        expect(await Promise.all([add(over.id), add(revoked.id), add('none')])).toEqual([
          'eabGone',
          'eabGone',
          'eabGone',
        ])
        expect(await add(good.id, 't')).toBeNull()
        expect(await add(good.id, 't')).toBe('keyInUse')
        expect((await store.eabKey(good.id))?.used).toBe(1)
        await store.putEabKey({ ...good, revokedAt: 5 })
        expect(await add(good.id)).toBe('eabGone')
        expect(await store.accounts({ limit: 10 })).toHaveLength(1)
      })

      test('are sealed anew: all of them, or none', async () => {
        const keys = [eabKey(), eabKey({ mac: 'v1.other' as Sealed })]
        for (const key of keys) await store.addEabKey(key)
        const sealed = await store.sealed()
        expect(sealed.toSorted((a, b) => a.sealed.localeCompare(b.sealed))).toEqual([
          { place: { table: 'eab', id: keys[0]!.id, column: 'key' }, sealed: 'v1.mac' },
          { place: { table: 'eab', id: keys[1]!.id, column: 'key' }, sealed: 'v1.other' },
        ])
        const changes = sealed.map(({ place, sealed: from }) => ({ place, from, to: `${from}2` as Sealed }))
        const stale = [changes[0]!, { ...changes[1]!, from: 'v1.gone' as Sealed }]
        await expect(store.reseal(stale)).rejects.toMatchObject(refused)
        expect((await store.eabKey(keys[0]!.id))?.mac).toBe('v1.mac')
        await store.reseal(changes)
        await reopen()
        expect((await store.eabKeys()).map(({ mac }) => mac)).toEqual(['v1.other2', 'v1.mac2'])
      })
    })

    describe('orders (RFC 8555 §7.1.3)', () => {
      test('are their owner’s; missing and foreign are the same', async () => {
        const order = brokerOrder({ error: { type: 't', detail: 'd', status: 403 }, csr: 'MIIB' })
        await store.addOrder(order, [])
        await reopen()
        expect(await store.order(OWNER, order.id)).toEqual(order)
        expect(await store.anyOrder(order.id)).toEqual(order)
        for (const other of OTHERS) expect(await store.order(other, order.id)).toBeNull()
        expect(await store.order(OWNER, brokerId())).toBeNull()
        await expect(store.addOrder(order, [])).rejects.toMatchObject(refused)
      })

      test('are added with their new authorizations, or not at all', async () => {
        const known = brokerAuthorization()
        await store.addAuthorization(known)
        const fresh = brokerAuthorization({ wildcard: true })
        const order = brokerOrder({ authorizations: [known.id, fresh.id] })
        await expect(store.addOrder(order, [fresh, known])).rejects.toMatchObject(refused)
        expect(await store.anyOrder(order.id)).toBeNull()
        expect(await store.authorization(OWNER, fresh.id)).toBeNull()
        await store.addOrder(order, [fresh])
        expect(await store.authorization(OWNER, fresh.id)).toEqual(fresh)
        expect(await store.pendingOrdersOf(OWNER, known.id)).toEqual([order.id])
      })

      test('change where they are as expected, and once', async () => {
        const order = brokerOrder({ status: 'ready' })
        await store.addOrder(order, [])
        const steps = Array.from({ length: 8 }, (_, n) =>
          store.putOrder({ ...order, status: 'processing', changedAt: BROKER_T0 + 1 + n }, order),
        )
        expect((await Promise.all(steps)).filter(Boolean)).toHaveLength(1)
        const now = (await store.anyOrder(order.id))!
        expect(now.status).toBe('processing')
        expect(await store.putOrder({ ...now, status: 'invalid' }, { ...now, changedAt: 1 })).toBe(false)
        const moved = { ...now, upstream: { ...now.upstream, ca: 'second' }, changedAt: now.changedAt + 1 }
        expect(await store.putOrder(moved, now)).toBe(true)
        await reopen()
        expect(await store.anyOrder(order.id)).toEqual(moved)
        expect(await store.orders({ ca: 'pebble', limit: 5 })).toEqual([])
        expect(await store.orders({ ca: 'second', limit: 5 })).toEqual([moved])
        for (const missing of [brokerOrder(), { ...moved, account: 'a2' }, { ...moved, endpoint: 'x' }])
          await expect(store.putOrder(missing, missing)).rejects.toMatchObject(refused)
      })

      test('are listed for their account, newest first, page by page, without invalid ones', async () => {
        const ids: string[] = []
        for (let n = 0; n < 7; n++) {
          const order = brokerOrder({ status: n === 3 ? 'invalid' : 'ready' })
          await store.addOrder(order, [])
          if (n !== 3) ids.unshift(order.id)
          await store.addOrder(brokerOrder(OTHERS[n % 2]), [])
        }
        const seen: string[] = []
        for (let from: string | null = null, page = 0; page < 3; page++) {
          const { orders, next } = await store.ordersOf(OWNER, from, 2)
          expect(orders).toHaveLength(2)
          seen.push(...orders)
          expect(next === null).toBe(page === 2)
          from = next
        }
        expect(seen).toEqual(ids)
        expect(await store.ordersOf(OWNER, null, 6)).toEqual({ orders: ids, next: null })
        const empty = { orders: [], next: null }
        expect(await store.ordersOf(OTHERS[0]!, ids[2]!, 2)).toEqual(empty)
        expect(await store.ordersOf(OWNER, brokerId(), 2)).toEqual(empty)
      })

      test('become invalid between two pages without hiding others', async () => {
        const orders = [brokerOrder(), brokerOrder(), brokerOrder()]
        for (const order of orders) await store.addOrder(order, [])
        const { next } = await store.ordersOf(OWNER, null, 1)
        expect(next).toBe(orders[1]!.id)
        await store.putOrder({ ...orders[1]!, status: 'invalid' }, orders[1]!)
        expect((await store.ordersOf(OWNER, next, 5)).orders).toEqual([orders[0]!.id])
      })

      test('are open until they are valid or invalid, oldest first', async () => {
        const orders = (['pending', 'ready', 'processing', 'valid', 'invalid'] as const).map((status) =>
          brokerOrder({ status }),
        )
        for (const order of orders) await store.addOrder(order, [])
        expect(await store.openOrders()).toEqual(orders.slice(0, 3))
        await store.putOrder({ ...orders[0]!, status: 'invalid' }, orders[0]!)
        await reopen()
        expect((await store.openOrders()).map(({ id }) => id)).toEqual([orders[1]!.id, orders[2]!.id])
      })

      test('are listed for people by endpoint and CA, newest first', async () => {
        const at = (endpoint: string, ca: string) =>
          brokerOrder({ endpoint, upstream: { ca, reference: 'r', candidates: [ca], left: [] } })
        const orders = [at('fleet', 'a'), at('fleet', 'b'), at('other', 'a')]
        for (const order of orders) await store.addOrder(order, [])
        const found = async (filter: Parameters<BrokerStore['orders']>[0]) =>
          (await store.orders(filter)).map(({ id }) => orders.findIndex((order) => order.id === id))
        expect(await found({ limit: 9 })).toEqual([2, 1, 0])
        expect(await found({ limit: 2 })).toEqual([2, 1])
        expect(await found({ endpoint: 'fleet', limit: 9 })).toEqual([1, 0])
        expect(await found({ ca: 'a', limit: 9 })).toEqual([2, 0])
        expect(await found({ ca: 'a', endpoint: 'fleet', limit: 9 })).toEqual([0])
      })
    })

    describe('authorizations (RFC 8555 §7.1.4)', () => {
      test('are their owner’s, in the order asked for', async () => {
        const [first, second] = [brokerAuthorization(), brokerAuthorization({ wildcard: true })]
        await store.addAuthorization(first)
        await store.addAuthorization(second)
        await reopen()
        expect(await store.authorization(OWNER, first.id)).toEqual(first)
        expect(await store.authorizations(OWNER, [second.id, 'none', first.id])).toEqual([second, first])
        for (const other of OTHERS) {
          expect(await store.authorization(other, first.id)).toBeNull()
          expect(await store.authorizations(other, [first.id, second.id])).toEqual([])
        }
        await expect(store.addAuthorization(first)).rejects.toMatchObject(refused)
      })

      test('change status, challenges and end, where they are as expected', async () => {
        const before = brokerAuthorization()
        await store.addAuthorization(before)
        const challenges = before.challenges.map((each) => ({ ...each, status: 'processing' }) as const)
        const looking = { ...before, challenges }
        const both = await Promise.all([0, 1].map(() => store.putAuthorization(looking, before)))
        expect(both.sort()).toEqual([false, true])
        expect(await store.beingValidated()).toEqual([looking])
        const gone = { ...looking, status: 'deactivated', expiresAt: BROKER_T0 } as const
        expect(await store.putAuthorization({ ...gone, proof: 'policy' }, looking)).toBe(true)
        const late = { ...looking, status: 'valid' } as const
        expect(await store.putAuthorization(late, looking)).toBe(false)
        await reopen()
        expect(await store.authorization(OWNER, before.id)).toEqual(gone)
        expect(await store.beingValidated()).toEqual([])
        const foreign = { ...gone, account: 'a2' }
        await expect(store.putAuthorization(foreign, gone)).rejects.toMatchObject(refused)
        await expect(store.putAuthorization(brokerAuthorization(), gone)).rejects.toMatchObject(refused)
      })

      test('that are looked at are known after a kill, oldest first', async () => {
        const processing = { ...brokerAuthorization().challenges[0]!, status: 'processing' } as const
        const first = brokerAuthorization({ challenges: [processing], account: 'a7' })
        const second = brokerAuthorization({ challenges: [processing] })
        await store.addAuthorization(brokerAuthorization({ challenges: [processing], status: 'invalid' }))
        await store.addAuthorization(first)
        await store.addAuthorization(brokerAuthorization())
        await store.addOrder(brokerOrder(), [second])
        await reopen()
        expect(await store.beingValidated()).toEqual([first, second])
      })

      test('are used again: of this account, this name and kind; valid before pending, the latest end', async () => {
        const [soon, later] = [BROKER_T0 + DAY, BROKER_T0 + 2 * DAY]
        const of = (value: string, changes: Parameters<typeof brokerAuthorization>[0] = {}) =>
          brokerAuthorization({ identifier: { type: 'dns', value }, expiresAt: later, ...changes })
        const valid = of('a.test', { status: 'valid', expiresAt: soon })
        const pending = of('b.test')
        const wild = of('a.test', { wildcard: true, status: 'valid' })
        const ip = of('192.0.2.1', { identifier: { type: 'ip', value: '192.0.2.1' } })
        const rest = [
          of('a.test'),
          of('a.test', { status: 'valid', expiresAt: soon - 1 }),
          of('a.test', { status: 'deactivated' }),
          of('b.test', { expiresAt: soon }),
          of('c.test', { status: 'invalid' }),
          of('d.test', { account: 'a2', status: 'valid' }),
          of('d.test', { endpoint: 'fleet-staging', status: 'valid' }),
        ]
        for (const each of [valid, pending, wild, ip, ...rest]) await store.addAuthorization(each)
        await reopen()
        const ask = (values: readonly string[], until = BROKER_T0) =>
          store.reusable(
            OWNER,
            values.map((value) => ({ identifier: { type: 'dns', value }, wildcard: false })),
            until,
          )
        expect(await ask(['b.test', 'c.test', 'a.test', 'd.test'])).toEqual([pending, valid])
        expect(await ask(['a.test', '192.0.2.1'], soon)).toEqual([rest[0]])
        expect(await ask(['a.test', 'b.test'], later)).toEqual([])
        const others = [
          { identifier: { type: 'ip', value: '192.0.2.1' }, wildcard: false },
          { identifier: { type: 'dns', value: 'a.test' }, wildcard: true },
        ]
        expect(await store.reusable(OWNER, others, BROKER_T0)).toEqual([ip, wild])
        expect(await store.putAuthorization({ ...valid, status: 'revoked' }, valid)).toBe(true)
        expect(await ask(['a.test'])).toEqual([rest[1]])
      })

      test('are waited for by orders that are pending', async () => {
        const shared = brokerAuthorization()
        await store.addAuthorization(shared)
        const pending = [0, 1, 2].map(() => brokerOrder({ authorizations: [shared.id, 'z2'] }))
        const ready = brokerOrder({ status: 'ready', authorizations: [shared.id] })
        for (const order of [...pending, ready]) await store.addOrder(order, [])
        expect(await store.pendingOrdersOf(OWNER, shared.id)).toEqual(pending.map(({ id }) => id))
        for (const other of OTHERS) expect(await store.pendingOrdersOf(other, shared.id)).toEqual([])
        const next = { ...pending[1]!, status: 'ready', changedAt: BROKER_T0 + 1 } as const
        await store.putOrder(next, pending[1]!)
        await reopen()
        const left = [pending[0]!.id, pending[2]!.id]
        expect(await store.pendingOrdersOf(OWNER, shared.id)).toEqual(left)
        expect(await store.pendingOrdersOf(OWNER, 'z2')).toEqual(left)
      })
    })

    describe('certificates', () => {
      const issued = async (changes: Parameters<typeof brokerCertificate>[0] = {}, at = BROKER_T0) => {
        const order = brokerOrder({ status: 'processing', changedAt: at })
        await store.addOrder(order, [])
        const certificate = brokerCertificate({ order: order.id, ...changes })
        const done: BrokerOrder = { ...order, status: 'valid', certificate: certificate.id }
        await store.addCertificate(certificate, done)
        return { certificate, done }
      }

      test('are added with the order as it stands then, or neither is', async () => {
        const { certificate, done } = await issued()
        await reopen()
        expect(await store.certificate(OWNER, certificate.id)).toEqual(certificate)
        expect(await store.order(OWNER, done.id)).toEqual(done)
        for (const other of OTHERS) expect(await store.certificate(other, certificate.id)).toBeNull()
        const second = brokerCertificate({ order: done.id })
        await expect(store.addCertificate(second, done)).rejects.toMatchObject(refused)
        await expect(store.addCertificate(second, brokerOrder())).rejects.toMatchObject(refused)
        expect(await store.certificate(OWNER, second.id)).toBeNull()
        const open = brokerOrder({ status: 'processing' })
        await store.addOrder(open, [])
        const ended = { ...open, status: 'valid' } as const
        await expect(store.addCertificate(certificate, ended)).rejects.toMatchObject(refused)
        expect((await store.anyOrder(open.id))?.status).toBe('processing')
      })

      test('are found by fingerprint and by certificate id of RFC 9773 §4.1, at their endpoint', async () => {
        const { certificate } = await issued()
        const { certificate: without } = await issued({ ariId: null })
        const { fingerprint, ariId } = certificate
        expect(await store.certificateByFingerprint('fleet', fingerprint)).toEqual(certificate)
        expect(await store.certificateByFingerprint('other', fingerprint)).toBeNull()
        expect(await store.certificateByAriId('fleet', ariId!)).toEqual(certificate)
        expect(await store.certificateByAriId('other', ariId!)).toBeNull()
        expect(await store.certificateByFingerprint('fleet', without.fingerprint)).toEqual(without)
      })

      test('are marked revoked and replaced: neither takes the other away', async () => {
        const { certificate } = await issued()
        await store.putCertificate({ ...certificate, revokedAt: 17 })
        await store.putCertificate({ ...certificate, replacedBy: 'o2', ca: 'elsewhere' })
        await reopen()
        const marked = { ...certificate, revokedAt: 17, replacedBy: 'o2' }
        expect(await store.certificate(OWNER, certificate.id)).toEqual(marked)
        await expect(store.putCertificate({ ...certificate, account: 'a2' })).rejects.toMatchObject(refused)
        await expect(store.putCertificate(brokerCertificate())).rejects.toMatchObject(refused)
      })

      test('that ended are forgotten with their orders; what is still good or open stays', async () => {
        const before = BROKER_T0 + 100 * DAY
        const old = await issued({ notAfter: before - 1 })
        const good = await issued({ notAfter: before })
        const open = brokerOrder({ authorizations: ['z9'] })
        const awaited = brokerAuthorization({ id: 'z9', expiresAt: before - 1 })
        const failed = brokerOrder({ status: 'invalid', changedAt: before - 1 })
        const failedLately = brokerOrder({ status: 'invalid', changedAt: before })
        await store.addOrder(open, [awaited])
        await store.addOrder(failed, [])
        await store.addOrder(failedLately, [])
        const dead = brokerAuthorization({ expiresAt: before - 1, status: 'valid' })
        const living = brokerAuthorization({ expiresAt: before })
        for (const each of [dead, living]) await store.addAuthorization(each)
        await store.addAccount(brokerAccount())
        expect(await store.prune(before)).toBe(4)
        expect(await store.prune(before)).toBe(0)
        await reopen()
        expect(await store.certificate(OWNER, old.certificate.id)).toBeNull()
        expect(await store.certificateByFingerprint('fleet', old.certificate.fingerprint)).toBeNull()
        expect(await store.certificate(OWNER, good.certificate.id)).toEqual(good.certificate)
        expect(await store.orders({ limit: 10 })).toEqual([failedLately, open, good.done])
        expect(await store.authorizations(OWNER, [awaited.id, dead.id, living.id])).toEqual([awaited, living])
        expect(await store.pendingOrdersOf(OWNER, 'z9')).toEqual([open.id])
        expect(await store.accounts({ limit: 10 })).toHaveLength(1)
      })

      test('are forgotten while others write', async () => {
        const over = { status: 'invalid', changedAt: 1 } as const
        await Promise.all(Array.from({ length: 450 }, () => store.addOrder(brokerOrder(over), [])))
        const kept = Array.from({ length: 20 }, () => brokerOrder())
        const pruning = store.prune(2)
        for (const order of kept) await store.addOrder(order, [])
        expect(await pruning).toBe(450)
        expect(await store.orders({ limit: 1000 })).toEqual(kept.reverse())
      })
    })

    test('what is refused takes nothing with it that was written at the same time', async () => {
      const order = brokerOrder()
      await store.addOrder(order, [])
      const [fresh, other] = [brokerOrder(), brokerOrder()]
      const results = await Promise.allSettled([
        store.addOrder(fresh, []),
        store.addOrder(order, [brokerAuthorization({ id: 'half' })]),
        store.putOrder({ ...order, status: 'ready' }, order),
        store.putOrder(brokerOrder(), order),
        store.addOrder(other, []),
      ])
      expect(results.map(({ status }) => status)).toEqual([
        'fulfilled',
        'rejected',
        'fulfilled',
        'rejected',
        'fulfilled',
      ])
      expect(await store.authorization(OWNER, 'half')).toBeNull()
      expect(await store.orders({ limit: 9 })).toEqual([other, fresh, { ...order, status: 'ready' }])
    })

    test('hands out copies, and takes them', async () => {
      const identifiers = [{ type: 'dns', value: 'www.example.com' }]
      const order = brokerOrder({ identifiers })
      await store.addOrder(order, [])
      identifiers.push({ type: 'dns', value: 'intruder.example.com' })
      const read = (await store.anyOrder(order.id))!
      ;(read.identifiers as { type: string; value: string }[]).length = 0
      expect((await store.anyOrder(order.id))?.identifiers).toEqual([
        { type: 'dns', value: 'www.example.com' },
      ])
    })
  })
}
