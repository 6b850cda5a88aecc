import { describe, expect, it } from 'vitest'
import {
  authorityOf,
  parseAbsoluteTarget,
  parseConnectTarget,
  parseHostField,
} from '../../src/proxy/connect-target.ts'
import { BAD_PORTS, INTERNAL_SPELLINGS, ODD_TARGETS } from './target-spellings.ts'

describe('CONNECT target (RFC 9112 §3.2.3)', () => {
  it.each([
    ['acme.example:443', 'acme.example', 443],
    ['ACME.Example:443', 'acme.example', 443],
    ['acme.example.:443', 'acme.example', 443],
    ['localhost:14000', 'localhost', 14000],
    ['xn--bcher-kva.example:8443', 'xn--bcher-kva.example', 8443],
    ['1.example:1', '1.example', 1],
    ['127.0.0.1:65535', '127.0.0.1', 65535],
    ['[::1]:443', '::1', 443],
    ['[2001:DB8:0:0::9]:443', '2001:db8::9', 443],
    [`${'a'.repeat(63)}.example:443`, `${'a'.repeat(63)}.example`, 443],
  ])('%s', (text, host, port) => {
    expect(parseConnectTarget(text)).toEqual({ host, port })
  })

  it.each(INTERNAL_SPELLINGS)('does not understand %j', (spelling) => {
    expect(parseConnectTarget(`${spelling}:443`)).toBeNull()
    expect(parseAbsoluteTarget(`http://${spelling}/`)).toBeNull()
  })

  it.each(BAD_PORTS)('has no port %j', (port) => {
    expect(parseConnectTarget(`a.example${port}`)).toBeNull()
  })

  it.each(ODD_TARGETS)('is not %j', (target) => {
    expect(parseConnectTarget(target)).toBeNull()
  })
})

describe('absolute-form (RFC 9112 §3.2.2)', () => {
  it.each([
    ['http://a.example', { host: 'a.example', port: 80, path: '/' }],
    ['http://a.example/', { host: 'a.example', port: 80, path: '/' }],
    ['HTTP://A.Example:8080/x?y=%20', { host: 'a.example', port: 8080, path: '/x?y=%20' }],
    ['http://a.example?y', { host: 'a.example', port: 80, path: '/?y' }],
    ['http://[2001:db8::1]:8080/x', { host: '2001:db8::1', port: 8080, path: '/x' }],
    ['http://a.example/b@c:d', { host: 'a.example', port: 80, path: '/b@c:d' }],
  ])('%s', (text, found) => {
    expect(parseAbsoluteTarget(text)).toEqual(found)
  })

  it.each([
    'https://a.example/',
    'ftp://a.example/',
    'file:///etc/passwd',
    'http:a.example/',
    'http:///x',
    'http://',
    'http://u@a.example/',
    'http://u:p@a.example/',
    'http://a.example:80@b.example/',
    'http://a.example#b',
    'http://a.example/x#y',
    'http://a.example\\@b.example/',
    'http://a.example:0/',
    'http://a.example:/',
    'http://a.example:99999/',
    'http://a.example /',
    'ws://a.example/',
    '*',
    '',
  ])('is not %j', (text) => {
    expect(parseAbsoluteTarget(text)).toBeNull()
  })
})

it('a Host field names the same', () => {
  expect(parseHostField('A.example', 80)).toEqual({ host: 'a.example', port: 80 })
  expect(parseHostField('a.example:81', 80)).toEqual({ host: 'a.example', port: 81 })
  expect(parseHostField('[::1]', 80)).toEqual({ host: '::1', port: 80 })
  for (const text of ['', '::1', '[::1', 'a b', 'a.example:', 'u@a.example'])
    expect(parseHostField(text, 80)).toBeNull()
})

it('an authority is written as in a URL', () => {
  expect(authorityOf({ host: 'a.example', port: 443 }, 443)).toBe('a.example')
  expect(authorityOf({ host: '::1', port: 14000 }, 443)).toBe('[::1]:14000')
})
