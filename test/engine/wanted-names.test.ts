import { expect, test } from 'vitest'
import { namesOnce, sameNames, wantedNames } from '../../src/engine/wanted-names.ts'
import { dns } from '../support/engine/engine-world.ts'

const ip = (value: string) => ({ type: 'ip', value })

test('lower case, addresses as RFC 5952 has them, each once, in their order', () => {
  expect(
    wantedNames([...dns('B.example.com', 'a.example.com', 'b.EXAMPLE.com'), ip('2001:DB8:0:0::1')]),
  ).toEqual([...dns('b.example.com', 'a.example.com'), ip('2001:db8::1')])
})

test('a wildcard does not stand for its base, nor for what lies deeper', () => {
  const names = dns('*.example.com', 'example.com', 'a.c.example.com', '*.b.example.com')
  expect(wantedNames(names)).toEqual(names)
  expect(() => wantedNames(dns('*.b.example.com', 'a.b.example.com'))).toThrow(/leave one of them out/)
})

test("what somebody else's request names is not for us to judge", () => {
  const names = dns('*.example.com', 'www.example.com')
  expect(namesOnce(names)).toEqual(names)
})

test.each([
  [dns('example.com.'), /dot/],
  [dns('192.0.2.1'), /IP address/],
  [dns('bücher.example'), /xn--/],
  [[{ type: 'email', value: 'a@example.com' }], /type/],
  [[ip('example.com')], /address/],
])('%o is refused', (names, message) => {
  expect(() => wantedNames(names)).toThrow(message)
})

test('the same names, whatever their order and spelling', () => {
  expect(
    sameNames(
      [...dns('a.example', 'B.example'), ip('2001:DB8::1')],
      [ip('2001:db8:0::1'), ...dns('b.example', 'a.example')],
    ),
  ).toBe(true)
  expect(sameNames(dns('a.example'), dns('*.a.example'))).toBe(false)
  expect(sameNames(dns('a.example'), dns('a.example', 'b.example'))).toBe(false)
})
