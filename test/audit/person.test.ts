import { describe, expect, test } from 'vitest'
import { personOf, testFor } from '../../src/audit/person.ts'

const names = (value: string, kind: string, text: string) =>
  testFor(personOf(value, null))(kind, Buffer.from(text))

describe('a contact', () => {
  test.each([
    ['mailto:jane@example.org', true],
    ['MAILTO:jane@EXAMPLE.org', true],
    ['jane@example.org', true],
    ['mailto:jane%40example.org', true],
    ['mailto:jane@example.org?subject=x', true],
    ['mailto:Jane@example.org', false],
    ['mailto:xjane@example.org', false],
    ['mailto:jane@example.org.uk', false],
    ['mailto:example.org', false],
  ])('%s: %s', (stored, is) => {
    for (const value of ['jane@example.org', 'mailto:jane@Example.ORG']) {
      expect(names(value, 'contact', stored)).toBe(is)
    }
  })

  test.each([
    ['{"contact":["mailto:jane@example.org"]}', true],
    ['{"contact":"mailto:%6aane@example.org"}', true],
    ['{"x":"\\u006aane@example.org"}', true],
    ['invalid contact jane@EXAMPLE.org.', true],
    ['<p>jane@example.org</p>', true],
    ['{"contact":["mailto:jane@example.org.uk"]}', false],
    ['{"contact":["mailto:mary.jane@example.org"]}', false],
    ['{"contact":["mailto:jane+acme@example.org"]}', false],
    ['not JSON { at all', false],
  ])('in a body: %s', (body, is) => {
    expect(names('jane@example.org', 'body', body)).toBe(is)
    expect(names('jane@example.org', 'query', body)).toBe(is)
  })
})

describe('an address', () => {
  test('in the spelling of connections, and by itself', () => {
    expect(names('2001:0DB8:0:0::1', 'address', '2001:db8::1')).toBe(true)
    expect(names('2001:db8::1', 'query', '{"client":"2001:db8::1"}')).toBe(true)
    expect(names('2001:db8::1', 'query', '{"client":"2001:db8::1:2"}')).toBe(false)
    expect(names('2001:db8::1', 'query', '{"client":"fe80:2001:db8::1"}')).toBe(false)
    expect(names('10.0.0.1', 'query', '{"client":"10.0.0.12"}')).toBe(false)
    expect(names('10.0.0.1', 'query', '{"client":"110.0.0.1"}')).toBe(false)
    expect(names('10.0.0.1', 'body', '{"initialIp":"10.0.0.1"}')).toBe(true)
  })
})

test("a proxy user's name is looked for in searches, and not in bodies, where it is any word", () => {
  expect(names('ward-7', 'proxyUser', 'ward-7')).toBe(true)
  expect(names('ward-7', 'proxyUser', 'ward-77')).toBe(false)
  expect(names('ward-7', 'query', '{"client":"ward-7"}')).toBe(true)
  expect(names('valid', 'body', '{"status":"valid"}')).toBe(false)
  expect(names('bob@CORP', 'proxyUser', 'bob@CORP')).toBe(true)
})

test('what stands for something in patterns stands for itself', () => {
  for (const value of ['.*', '[a-z]+@b', '(', '%', 'a|b@c', '\\d@e']) {
    expect(names(value, 'query', '{"name":"anything@b and x@c"}'), value).toBe(false)
    expect(names(value, 'query', JSON.stringify({ name: value })), value).toBe(true)
  }
})
