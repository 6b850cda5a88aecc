import { describe, expect, test } from 'vitest'
import {
  directoryFault,
  formatDuration,
  isDnsName,
  isNetwork,
  parseDuration,
  splitHost,
} from '../../src/config/values.ts'

describe('durations', () => {
  test.each([
    ['250ms', 250],
    ['30s', 30_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
  ])('%s is %i ms', (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds)
    expect(formatDuration(milliseconds)).toBe(text)
  })
  test.each(['', '30', 's', '-1s', '1.5s', '30 s', '30S', '1s1s', '9999999999s'])('%j is none', (text) => {
    expect(parseDuration(text)).toBeNull()
  })
  test('is written the shortest way', () => {
    expect([60_000, 0, 1500, 90_000].map(formatDuration)).toEqual(['1m', '0ms', '1500ms', '90s'])
  })
})

describe('hosts', () => {
  test.each([
    ['localhost:8443', { name: 'localhost', port: 8443 }],
    ['acme.example.com', { name: 'acme.example.com', port: null }],
    ['127.0.0.1:8443', { name: '127.0.0.1', port: 8443 }],
    ['[::1]:443', { name: '::1', port: 443 }],
    ['[2001:db8::1]', { name: '2001:db8::1', port: null }],
  ])('%s', (text, expected) => {
    expect(splitHost(text)).toEqual(expected)
  })
  test.each([
    '',
    'A.example',
    'a:0',
    'a:08443',
    'a:65536',
    'a:',
    ':80',
    '::1',
    '[::1',
    '[zz]',
    'a/b',
    'https://a',
    'a b',
    'a\n',
    'a..b',
    '-a',
    'a-:1',
    '999.1.1.1',
    'ü.example',
    'a@b',
  ])('%j is none', (text) => {
    expect(splitHost(text)).toBeNull()
  })
})

test('DNS names are in lower case, of LDH labels, at most 253 long', () => {
  expect(['a', 'a-b.c', 'xn--bcher-kva.example', '1.example'].map(isDnsName)).toEqual([
    true,
    true,
    true,
    true,
  ])
  const long = `${'a'.repeat(63)}.`.repeat(4).slice(0, -1)
  expect([long, 'a.', '.a', 'a_b', '*.a', '1.2.3.4', 'a'.repeat(64)].map(isDnsName)).toEqual(
    Array(7).fill(false),
  )
})

test('networks are address/bits', () => {
  expect(['10.0.0.0/8', '::/0', '2001:db8::/32', '1.2.3.4/32'].map(isNetwork)).toEqual(Array(4).fill(true))
  const bad = [
    '10.0.0.0',
    '10.0.0.0/33',
    '10/8',
    '::/129',
    '010.0.0.0/8',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    '/8',
    '10.0.0.0/-1',
  ]
  expect(bad.map(isNetwork)).toEqual(Array(9).fill(false))
})

test.each([
  ['https://ca.example/dir', null],
  ['https://localhost:14000/dir', null],
  ['http://ca.example/dir', 'must begin with https://'],
  ['ca.example', 'is not a URL'],
  ['https://u:p@ca.example/', 'must not carry a user name or password'],
  ['https://ca.example/#x', 'must not have a fragment'],
  ['https://ca.example./dir', 'must not have a dot after the host name'],
  ['https://CA.example/', 'is not in its plain form (lower-case host, no :443, a path)'],
  ['https://ca.example:443/', 'is not in its plain form (lower-case host, no :443, a path)'],
  ['https://ca.example', 'is not in its plain form (lower-case host, no :443, a path)'],
])('directory %s: %s', (url, fault) => {
  expect(directoryFault(url)).toBe(fault)
})
