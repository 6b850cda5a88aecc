import { expect, test } from 'vitest'
import { publicSuffix, registrableDomain } from '../../../src/policy/names/domains.ts'

test.for([
  ['www.example.co.uk', 'example.co.uk', 'co.uk'],
  ['example.com', 'example.com', 'com'],
  ['co.uk', null, 'co.uk'],
  ['www.me.github.io', 'me.github.io', 'github.io'],
  ['www.city.kawasaki.jp', 'city.kawasaki.jp', 'kawasaki.jp'],
  ['a.b.c.kawasaki.jp', 'b.c.kawasaki.jp', 'c.kawasaki.jp'],
  ['www.example.xn--55qx5d.cn', 'example.xn--55qx5d.cn', 'xn--55qx5d.cn'],
  ['db.corp.internal', 'corp.internal', 'internal'],
  ['localhost', null, 'localhost'],
  ['192.0.2.1', null, null],
  ['2001:db8::1', null, null],
] as const)('%s: %s under %s', ([value, domain, suffix]) => {
  expect(registrableDomain(value)).toBe(domain)
  expect(publicSuffix(value)).toBe(suffix)
})
