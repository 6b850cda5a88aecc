/** What strangers can make of a DNS server: nothing that harms it, and nothing that harms others through it. */
import { describe, expect, test } from 'vitest'
import { random } from '../../soak/soak.ts'
import { faultOf, fuzzedMessage } from '../../support/dns-fuzz.ts'
import { cookieOf, decodeAnswer, questionOf, textsOf } from '../../support/dns-question.ts'
import { DIGESTS, ELSEWHERE, REGISTERED, SETTINGS, serviceOf } from './fixtures.ts'

const { zone } = SETTINGS
const registered = `${REGISTERED}.${zone}`
const TXT = 16

/** Each question from another network, so that only the length decides. */
function unlimited(service: ReturnType<typeof serviceOf>['service']) {
  let asker = 0
  return (message: Buffer) => {
    asker += 1
    return service.answer(message, `198.${18 + (asker >> 16)}.${(asker >> 8) & 255}.${asker & 255}`, false)
  }
}

describe('amplification', () => {
  test('no answer to any of 65,535 types is more than three times its question', () => {
    const { service, clock } = serviceOf({ contact: `${'m'.repeat(60)}@${'c'.repeat(60)}.example.org` })
    const ask = unlimited(service)
    let most = 0
    for (let type = 1; type <= 65_535; type++) {
      clock.advance(1)
      for (const name of type % 64 === 0 || type < 300
        ? [zone, registered, `ns.${zone}`, '']
        : [registered]) {
        for (const options of [{}, { size: 4096 }]) {
          const message = questionOf(name, type, options)
          most = Math.max(most, (ask(message).reply?.length ?? 0) / message.length)
        }
      }
    }
    expect(most).toBeLessThanOrEqual(3)
    expect(most).toBeGreaterThan(1)
  })

  test('many values: over UDP "ask over TCP" alone, over TCP all of them', async () => {
    const { service, publisher, ask } = serviceOf()
    const name = `many.${zone}`
    for (let index = 0; index < 50; index++)
      await publisher.add(
        { name, value: String(index).padStart(43, '0'), ttl: 60 },
        AbortSignal.timeout(1000),
      )
    const message = questionOf(name, TXT, { size: 4096 })
    const { reply, outcome } = service.answer(message, ELSEWHERE, false)
    expect(outcome).toBe('truncated')
    expect(decodeAnswer(reply)).toMatchObject({ flag_tc: true, flag_aa: true, answers: [] })
    expect(reply?.length).toBeLessThanOrEqual(message.length)
    expect(textsOf(ask(message).reply)).toHaveLength(50)
  })

  test('512 bytes without EDNS, 1232 with, also for those who have shown their address', async () => {
    const { service, publisher } = serviceOf()
    const fill = async (count: number) => {
      for (let index = 0; index < count; index++)
        await publisher.add(
          { name: `n${count}.${zone}`, value: String(index).padStart(43, '0'), ttl: 60 },
          AbortSignal.timeout(1000),
        )
      return `n${count}.${zone}`
    }
    const [some, many] = [await fill(15), await fill(30)]
    const client = Buffer.from('clientco')
    const first = service.answer(questionOf(some, TXT, { size: 1232, cookie: client }), ELSEWHERE, false)
    expect(first.outcome).toBe('truncated')
    const cookie = cookieOf(first.reply)!
    expect(cookie).toHaveLength(24)
    const told = service.answer(questionOf(some, TXT, { size: 65_535, cookie }), ELSEWHERE, false)
    expect(told.outcome).toBe('noerror')
    expect(textsOf(told.reply)).toHaveLength(15)
    expect(told.reply!.length).toBeGreaterThan(512)
    const small = service.answer(questionOf(some, TXT, { size: 512, cookie }), ELSEWHERE, false)
    expect(small.outcome).toBe('truncated')
    const large = service.answer(questionOf(many, TXT, { size: 65_535, cookie }), ELSEWHERE, false)
    expect(large.outcome).toBe('truncated')
  })

  test('what a validator asks fits: two digests, with and without EDNS', () => {
    const { service } = serviceOf()
    const ask = unlimited(service)
    for (const options of [{}, { size: 512 }, { size: 1232 }])
      expect(textsOf(ask(questionOf(registered, TXT, options)).reply)).toEqual(DIGESTS)
  })
})

describe('response rate', () => {
  const message = questionOf(registered, TXT)

  test('10,000 questions a second from one /24 get five answers a second; every second other one is cut', () => {
    const { service, clock } = serviceOf()
    const perSecond: number[] = []
    const outcomes = new Map<string, number>()
    let [bytesIn, bytesOut] = [0, 0]
    for (let second = 0; second < 4; second++) {
      let answers = 0
      for (let index = 0; index < 10_000; index++) {
        const { reply, outcome } = service.answer(message, `203.0.113.${index % 256}`, false)
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
        if (outcome === 'noerror') answers += 1
        bytesIn += message.length
        bytesOut += reply?.length ?? 0
        clock.advance(0.0001)
      }
      perSecond.push(answers)
    }
    expect(perSecond).toEqual([5, 5, 5, 5])
    expect([...outcomes.keys()].sort()).toEqual(['limited', 'noerror', 'slipped'])
    expect(Math.abs(outcomes.get('limited')! - outcomes.get('slipped')!)).toBeLessThan(30)
    expect(bytesOut / bytesIn).toBeLessThan(0.51)
  })

  test('names that are not there, errors and refusals count as well, and are not cut but left out', () => {
    const { service, clock } = serviceOf()
    const kinds = [
      questionOf(`nobody.${zone}`, TXT),
      questionOf('example.com', TXT),
      questionOf(zone, TXT, { flags: 0x2800 }),
      Buffer.concat([questionOf(zone, TXT), Buffer.from([0])]),
    ]
    let sent = 0
    for (let index = 0; index < 10_000; index++) {
      const { reply, outcome } = service.answer(kinds[index % kinds.length]!, ELSEWHERE, false)
      if (reply !== null && outcome !== 'slipped') sent += 1
      clock.advance(0.0001)
    }
    expect(sent).toBe(5)
  })

  test('other networks are not affected: IPv4 by /24, IPv6 by /56, mapped addresses as IPv4', () => {
    const { service } = serviceOf()
    const flood = (address: string) => {
      for (let index = 0; index < 20; index++) service.answer(message, address, false)
    }
    const outcome = (address: string) => service.answer(message, address, false).outcome
    flood('203.0.113.1')
    expect(outcome('::ffff:203.0.113.200')).not.toBe('noerror')
    expect(outcome('203.0.112.1')).toBe('noerror')
    flood('2001:db8:1:200::1')
    expect(outcome('2001:db8:1:2ff:ffff::9')).not.toBe('noerror')
    expect(outcome('2001:db8:1:300::1')).toBe('noerror')
    expect(outcome('fe80::1%eth0')).toBe('noerror')
  })

  test('neither TCP nor a good cookie is limited; a wrong cookie is', () => {
    const { service, clock } = serviceOf()
    const client = Buffer.from('01234567')
    const first = service.answer(questionOf(registered, TXT, { cookie: client }), ELSEWHERE, false)
    const cookie = cookieOf(first.reply)!
    const outcomes = (given: Buffer, address = ELSEWHERE) =>
      new Set(
        Array.from(
          { length: 40 },
          () => service.answer(questionOf(registered, TXT, { cookie: given }), address, false).outcome,
        ),
      )
    expect(outcomes(cookie)).toEqual(new Set(['noerror']))
    // Of another address, damaged, of another client, too old.
    expect(outcomes(cookie, '198.51.100.1')).toContain('limited')
    const damaged = Buffer.from(cookie)
    damaged[23]! ^= 1
    expect(outcomes(damaged)).toContain('limited')
    expect(outcomes(Buffer.concat([Buffer.from('76543210'), cookie.subarray(8)]))).toContain('limited')
    clock.advance(3601)
    expect(outcomes(cookie)).toContain('limited')
    expect(
      new Set(Array.from({ length: 40 }, () => service.answer(message, ELSEWHERE, true).outcome)),
    ).toEqual(new Set(['noerror']))
  })
})

describe('messages that are none', () => {
  const { ask } = serviceOf()
  const header = (over: Partial<Record<number, number>> = {}) => {
    const message = questionOf(zone, TXT)
    for (const [at, value] of Object.entries(over)) message[Number(at)] = value!
    return message
  }

  test('less than a header, and answers, are not answered', () => {
    for (let length = 0; length < 12; length++) {
      expect(ask(Buffer.alloc(length)).reply).toBeNull()
    }
    expect(ask(header({ 2: 0x81 }))).toEqual({ reply: null, outcome: 'malformed' })
  })

  test('other operations: NOTIMP with the header alone', () => {
    for (let opcode = 1; opcode < 16; opcode++) {
      const { reply, outcome } = ask(header({ 2: (opcode << 3) | 1 }))
      expect(outcome).toBe('notimp')
      expect(reply).toHaveLength(12)
      expect(reply!.readUInt16BE(2)).toBe(0x8100 | (opcode << 11) | 4)
    }
  })

  test.each([
    ['no question', header({ 5: 0 })],
    ['two questions', header({ 5: 2 })],
    ['more records than there are', header({ 11: 1 })],
    ['10,000 records', header({ 10: 0x27, 11: 0x10 })],
    ['a pointer for a name', header({ 12: 0xc0, 13: 12 })],
    ['a label of 64 bytes', header({ 12: 64 })],
    ['bytes after the end', Buffer.concat([header(), Buffer.from([0])])],
    ['a name that is cut', header().subarray(0, 20)],
    ['no class', header().subarray(0, -2)],
    ['a name of 256 bytes', questionOf(Array(128).fill('a').join('.'), TXT)],
    ['two OPT records', twoOpt()],
    ['a cookie of 7 bytes', questionOf(zone, TXT, { cookie: Buffer.alloc(7) })],
    ['a cookie of 12 bytes', questionOf(zone, TXT, { cookie: Buffer.alloc(12) })],
    ['a cookie of 41 bytes', questionOf(zone, TXT, { cookie: Buffer.alloc(41) })],
  ])('FORMERR with the header alone: %s', (_name, message) => {
    const { reply, outcome } = ask(message)
    expect(outcome).toBe('formerr')
    expect(reply).toHaveLength(12)
    expect(reply!.readUInt16BE(0)).toBe(0x1234)
    expect(reply![3]! & 15).toBe(1)
  })

  test('another version of EDNS: BADVERS (RFC 6891 §6.1.3)', () => {
    const { reply, outcome } = ask(questionOf(zone, TXT, { version: 1 }))
    expect(outcome).toBe('badvers')
    const told = decodeAnswer(reply)
    expect(told.answers).toEqual([])
    expect(told.additionals).toMatchObject([{ type: 'OPT', extendedRcode: 1, ednsVersion: 0 }])
  })

  test('a name of 255 bytes can be asked', () => {
    const name = `${[63, 63, 63, 40].map((length) => 'a'.repeat(length)).join('.')}.${zone}`
    expect(name).toHaveLength(253)
    expect(ask(questionOf(name, TXT)).outcome).toBe('nxdomain')
  })

  test('20,000 damaged messages: no fault, and no answer that is none', () => {
    const { service } = serviceOf()
    const next = random(11)
    const askOnce = unlimited(service)
    const outcomes = new Set<string>()
    for (let index = 0; index < 20_000; index++) {
      const message = fuzzedMessage(next, [
        zone,
        registered,
        `ns.${zone}`,
        `nobody.${zone}`,
        'example.com',
        '',
      ])
      const { reply, outcome } = askOnce(message)
      outcomes.add(outcome)
      const fault = faultOf(message, reply, message.length * 3)
      if (fault !== null) expect.fail(`${fault}: ${message.toString('hex')}`)
    }
    expect([...outcomes].sort()).toEqual(
      expect.arrayContaining(['badvers', 'formerr', 'malformed', 'noerror', 'notimp', 'nxdomain', 'refused']),
    )
  })
})

function twoOpt(): Buffer {
  const one = questionOf(zone, TXT, { size: 1232 })
  const message = Buffer.concat([one, one.subarray(-11)])
  message[11] = 2
  return message
}
