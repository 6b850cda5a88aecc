import { describe, expect, test } from 'vitest'
import { decodeAnswer, questionOf, textsOf } from '../../support/dns-question.ts'
import { DIGESTS, REGISTERED, SETTINGS, serviceOf } from './fixtures.ts'

const { zone } = SETTINGS
const T = { A: 1, NS: 2, CNAME: 5, SOA: 6, TXT: 16, AAAA: 28, DS: 43, AXFR: 252, ANY: 255, CAA: 257 }
const AA = 0x0400

describe('what stands in the zone', () => {
  test('SOA, NS with addresses, A and AAAA of the nameserver', () => {
    const { ask } = serviceOf()
    const soa = decodeAnswer(ask(questionOf(zone, T.SOA)).reply)
    expect(soa).toMatchObject({ rcode: 'NOERROR', flag_aa: true, flag_ra: false, flag_rd: true })
    expect(soa.answers).toEqual([
      expect.objectContaining({
        type: 'SOA',
        name: zone,
        data: expect.objectContaining({
          mname: 'ns.acme-dns.example.net',
          // Its dot is one inside a label.
          rname: 'host\\.master.example.net',
          serial: 1_767_225_600,
          minimum: 1,
        }),
      }),
    ])
    const ns = decodeAnswer(ask(questionOf(zone, T.NS)).reply)
    expect(ns.answers).toMatchObject([{ type: 'NS', name: zone, data: 'ns.acme-dns.example.net' }])
    expect(ns.additionals).toMatchObject([
      { type: 'A', name: 'ns.acme-dns.example.net', data: '192.0.2.53' },
      { type: 'AAAA', name: 'ns.acme-dns.example.net', data: '2001:db8::53' },
    ])
    const a = decodeAnswer(ask(questionOf('ns.acme-dns.example.net', T.A)).reply)
    expect(a.answers).toMatchObject([{ type: 'A', data: '192.0.2.53' }])
    const aaaa = decodeAnswer(ask(questionOf('ns.acme-dns.example.net', T.AAAA)).reply)
    expect(aaaa.answers).toMatchObject([{ type: 'AAAA', data: '2001:db8::53' }])
  })

  test('the mailbox keeps its dots in one label (RFC 1035 §8)', () => {
    const { reply } = serviceOf().ask(questionOf(zone, T.SOA))
    expect(reply?.includes(Buffer.from('\x0bhost.master\x07example', 'latin1'))).toBe(true)
    const without = serviceOf({ contact: undefined }).ask(questionOf(zone, T.SOA))
    expect(decodeAnswer(without.reply).answers).toMatchObject([
      { data: { rname: 'hostmaster.acme-dns.example.net' } },
    ])
  })

  test('values of a registration, newest first', () => {
    const { reply, outcome } = serviceOf().ask(questionOf(`${REGISTERED}.${zone}`, T.TXT))
    expect(textsOf(reply)).toEqual(DIGESTS)
    expect(outcome).toBe('noerror')
  })

  test('a registration without values exists; names below it and beside it do not (RFC 2308)', () => {
    const { ask, registered } = serviceOf()
    registered.set('empty', [])
    const empty = ask(questionOf(`empty.${zone}`, T.TXT))
    expect(empty.outcome).toBe('nodata')
    for (const name of [`nobody.${zone}`, `below.${REGISTERED}.${zone}`]) {
      const none = ask(questionOf(name, T.TXT))
      expect(none.outcome).toBe('nxdomain')
      const told = decodeAnswer(none.reply)
      expect(told).toMatchObject({ rcode: 'NXDOMAIN', flag_aa: true, answers: [] })
      expect(told.authorities).toMatchObject([{ type: 'SOA', name: zone, ttl: 1, data: { minimum: 1 } }])
    }
  })

  test('types it does not have: no data, with the SOA record', () => {
    const { ask } = serviceOf()
    for (const type of [T.CAA, T.CNAME, T.DS, T.A, 65_280]) {
      const told = ask(questionOf(`${REGISTERED}.${zone}`, type))
      expect(told.outcome, String(type)).toBe('nodata')
      expect(decodeAnswer(told.reply).authorities).toMatchObject([{ type: 'SOA' }])
    }
  })

  test('the serial number goes up with every change, also within a second', async () => {
    const { ask, publisher } = serviceOf()
    const serial = () => {
      const [soa] = decodeAnswer(ask(questionOf(zone, T.SOA)).reply).answers ?? []
      return soa?.type === 'SOA' ? (soa.data.serial ?? 0) : 0
    }
    const before = serial()
    const record = { name: `www.${zone}`, value: 'x', ttl: 60 }
    await publisher.add(record, AbortSignal.timeout(1000))
    const after = serial()
    expect(after).toBeGreaterThan(before)
    await publisher.remove(record, AbortSignal.timeout(1000))
    expect(serial()).toBeGreaterThan(after)
  })
})

describe('what the engine publishes', () => {
  const { signal } = new AbortController()

  test('values of a name and its wildcard stand beside each other; each is taken away alone', async () => {
    const { ask, publisher } = serviceOf()
    const name = `_acme-challenge.www.${zone}`
    const texts = () => textsOf(ask(questionOf(name, T.TXT)).reply)
    await publisher.add({ name, value: 'one', ttl: 60 }, signal)
    await publisher.add({ name, value: 'two', ttl: 30 }, signal)
    await publisher.add({ name, value: 'two', ttl: 30 }, signal)
    expect(texts()).toEqual(['one', 'two'])
    // RFC 2181 §5.2.
    const told = decodeAnswer(ask(questionOf(name, T.TXT)).reply).answers
    expect(told?.map((one) => ('ttl' in one ? one.ttl : null))).toEqual([30, 30])
    expect(ask(questionOf(`www.${zone}`, T.TXT)).outcome).toBe('nodata')
    await publisher.remove({ name, value: 'one', ttl: 60 }, signal)
    expect(texts()).toEqual(['two'])
    await publisher.remove({ name, value: 'one', ttl: 60 }, signal)
    await publisher.remove({ name, value: 'two', ttl: 60 }, signal)
    expect(ask(questionOf(name, T.TXT)).outcome).toBe('nxdomain')
    expect(ask(questionOf(`www.${zone}`, T.TXT)).outcome).toBe('nxdomain')
  })

  test('beside a registration, and at the apex', async () => {
    const { ask, publisher } = serviceOf()
    await publisher.add({ name: `${REGISTERED}.${zone}`, value: 'ours', ttl: 60 }, signal)
    await publisher.add({ name: zone, value: 'apex', ttl: 60 }, signal)
    expect(textsOf(ask(questionOf(`${REGISTERED}.${zone}`, T.TXT)).reply)).toEqual([...DIGESTS, 'ours'])
    expect(textsOf(ask(questionOf(zone, T.TXT)).reply)).toEqual(['apex'])
  })

  test('a long value is several strings of one record', async () => {
    const { ask, publisher } = serviceOf()
    for (const length of [0, 1, 255, 256, 700]) {
      const name = `long-${length}.${zone}`
      await publisher.add({ name, value: 'v'.repeat(length), ttl: 60 }, signal)
      expect(textsOf(ask(questionOf(name, T.TXT)).reply)).toEqual(['v'.repeat(length)])
    }
  })

  test('a name outside the zone is refused with what to do', async () => {
    const { publisher } = serviceOf()
    for (const name of ['_acme-challenge.www.example.net', `not${zone}`, 'example.net'])
      await expect(publisher.add({ name, value: 'x', ttl: 60 }, signal)).rejects.toMatchObject({
        fault: 'solver',
        message: expect.stringContaining(`is not in ${zone}`),
      })
    await expect(
      publisher.add({ name: '_acme-challenge.www.example.com', value: 'x', ttl: 60 }, signal),
    ).rejects.toThrow(`CNAME to a name in that zone, like www-example-com.${zone}`)
  })

  test('a thousand values at one name can be sent, and no more can be added', async () => {
    const { ask, publisher } = serviceOf()
    const name = `many.${zone}`
    for (let index = 0; index < 1000; index++)
      await publisher.add({ name, value: String(index).padStart(43, '0'), ttl: 60 }, signal)
    await expect(publisher.add({ name, value: 'one more', ttl: 60 }, signal)).rejects.toThrow(
      '1000 TXT values',
    )
    expect(textsOf(ask(questionOf(name, T.TXT)).reply)).toHaveLength(1000)
  })
})

describe('whom it does not answer', () => {
  test('every other zone is refused, without recursion', () => {
    const { ask } = serviceOf()
    for (const name of ['', 'net', 'example.net', 'example.com', `x${zone}`, `${zone}.evil.test`]) {
      const { reply, outcome } = ask(questionOf(name, T.A))
      expect(outcome, name).toBe('refused')
      expect(decodeAnswer(reply)).toMatchObject({
        rcode: 'REFUSED',
        flag_aa: false,
        flag_ra: false,
        answers: [],
        authorities: [],
      })
    }
  })

  test('transfers and other classes are refused', () => {
    const { ask } = serviceOf()
    for (const type of [T.AXFR, 251]) expect(ask(questionOf(zone, type)).outcome).toBe('refused')
    for (const other of [3, 4, 254, 255, 0])
      expect(ask(questionOf(zone, T.TXT, { class: other })).outcome).toBe('refused')
  })

  test('ANY is answered with HINFO (RFC 8482 §4.2)', () => {
    const { ask } = serviceOf()
    const told = decodeAnswer(ask(questionOf(`${REGISTERED}.${zone}`, T.ANY)).reply)
    expect(told.answers).toMatchObject([{ type: 'HINFO', data: { cpu: 'RFC8482', os: '' } }])
    expect(ask(questionOf(`nobody.${zone}`, T.ANY)).outcome).toBe('nxdomain')
  })
})

test('the question comes back in its own letters, the answer under its name (0x20)', () => {
  const { ask } = serviceOf()
  const name = `${REGISTERED}.${zone}`
  const mixed = [...name].map((letter, index) => (index % 2 ? letter.toUpperCase() : letter)).join('')
  const asked = questionOf(mixed, T.TXT)
  const { reply } = ask(asked)
  expect(reply?.subarray(12, asked.length)).toEqual(asked.subarray(12))
  expect(decodeAnswer(reply).answers?.map((one) => one.name)).toEqual([mixed, mixed])
  expect((reply?.readUInt16BE(2) ?? 0) & AA).toBe(AA)
})

test('bytes that no host name has do not reach another name', () => {
  const { ask } = serviceOf()
  // One label that holds a dot, and one with a NUL.
  const dotted = questionOf('X', T.TXT)
  const label = Buffer.from(`${REGISTERED}.acme-dns`, 'latin1')
  const rest = Buffer.from('\x07example\x03net\x00', 'latin1')
  const head = dotted.subarray(0, 12)
  const tail = dotted.subarray(-4)
  const message = Buffer.concat([head, Buffer.from([label.length]), label, rest, tail])
  expect(ask(message).outcome).toBe('refused')
  const odd = ask(questionOf(`a\u0000b\u00ff.${zone}`, T.TXT))
  expect(odd.outcome).toBe('nxdomain')
  expect(decodeAnswer(odd.reply).authorities).toMatchObject([{ type: 'SOA', name: zone }])
})
