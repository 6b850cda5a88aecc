import { describe, expect, test } from 'vitest'
import { oidOf, readOne } from '../../src/acme/der.ts'
import { derFaults } from '../../src/acme/der-faults.ts'
import { element, integer, namedBits, objectIdentifier, time } from '../../src/acme/der-write.ts'

describe('what is written is DER', () => {
  test.each([0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, 0xffffff, 0x1000000])(
    'an element of %d bytes',
    (length) => {
      const written = element(0x04, Buffer.alloc(length, 1))
      expect(readOne(written).content.length).toBe(length)
    },
  )

  test.each([
    [0, '020100'],
    [127, '02017f'],
    [128, '02020080'],
    [256, '02020100'],
    [Buffer.from('0000ff', 'hex'), '020200ff'],
    [Buffer.from('00', 'hex'), '020100'],
  ])('the number %o', (value, hex) => {
    expect(integer(value).toString('hex')).toBe(hex)
  })

  test.each(['2.5.29.17', '1.2.840.10045.4.3.2', '1.3.6.1.5.5.7.3.1', '1.2.840.113549.1.9.14'])(
    '%s',
    (dotted) => {
      const written = readOne(objectIdentifier(dotted))
      expect(derFaults(written)).toEqual([])
      expect(oidOf(written)).toBe(dotted)
    },
  )

  test('named bits end where the last one is (X.690 §11.2.2)', () => {
    expect(namedBits([0]).toString('hex')).toBe('03020780')
    expect(namedBits([5, 6]).toString('hex')).toBe('03020106')
    expect(namedBits([0, 8]).toString('hex')).toBe('0303078080')
  })

  test('times are of two kinds (RFC 5280 §4.1.2.5)', () => {
    expect(time(Date.UTC(2049, 11, 31, 23, 59, 59, 999) * 1000).toString('latin1')).toContain('491231235959Z')
    expect(time(Date.UTC(2050, 0, 1) * 1000).toString('latin1')).toContain('20500101000000Z')
  })
})
