import { expect, test } from 'vitest'
import { normalise } from '../../../src/policy/names/normalise.ts'

const dns = (value: string, covers?: 'subtree') => normalise({ type: 'dns', value }, covers)
const ip = (value: string) => normalise({ type: 'ip', value })
const faultOf = (result: object) => ('fault' in result ? result.fault : null)

test('a host, a wildcard and a subtree', () => {
  expect(dns('www.Example.COM')).toEqual({
    identifier: { type: 'dns', value: 'www.Example.COM' },
    type: 'dns',
    value: 'www.example.com',
    labels: ['com', 'example', 'www'],
    covers: 'host',
  })
  expect(dns('*.example.com')).toMatchObject({
    value: 'example.com',
    labels: ['com', 'example'],
    covers: 'wildcard',
  })
  expect(dns('example.com', 'subtree')).toMatchObject({ value: 'example.com', covers: 'subtree' })
  expect(faultOf(dns('*.example.com', 'subtree'))).toMatch(/is a wildcard/)
  expect(faultOf(normalise({ type: 'ip', value: '192.0.2.1' }, 'subtree'))).toMatch(/is an address/)
})

test.for([
  'localhost',
  'intranet.local',
  '*.local',
  'com',
  '*.co.uk',
  '1.0.0.10.in-addr.arpa',
  'duskgytldkxiuqc6.onion',
  'one.two.three.four.five.six.seven.eight.nine.ten.eleven',
  `${'a.'.repeat(125)}com`,
  '127.0.0.1.example.com',
  '0x7f.example.com',
  `${'a'.repeat(63)}.example.com`,
  'a--b.example.com',
  'abc---d.example.com',
  'xn--bcher-kva.example',
  'xn--fa-hia.de',
  'xn--nxasmm1c.gr',
  'xn--mgba3gch31f060k.ir',
  'xn--ls8h.la',
  'pay.xn--fiqs8s',
])('%s is somebody’s name', (value) => {
  expect(faultOf(dns(value))).toBeNull()
})

test.for([
  ['', 'is empty'],
  ['*.', 'is empty'],
  ['example.com.', 'ends with a dot: write it without'],
  ['.example.com', 'begins with a dot: write it without'],
  ['example..com', 'has an empty label'],
  ['*', 'only *.NAME is a wildcard'],
  ['*.*.example.com', 'only *.NAME is a wildcard'],
  ['w*.example.com', 'only *.NAME is a wildcard'],
  ['www.*.example.com', 'only *.NAME is a wildcard'],
  ['**.example.com', 'only *.NAME is a wildcard'],
  ['bücher.example', 'has U+00FC in it, which no host name has: write xn--bcher-kva.example'],
  ['*.bücher.example', 'write *.xn--bcher-kva.example'],
  ['faß.de', 'write xn--fa-hia.de'],
  ['example\u3002com', 'has U+3002 in it, which no host name has: write example.com'],
  ['exam\u00adple.com', 'has U+00AD in it'],
  ['exam\u200dple.com', 'has U+200D in it'],
  ['\u212aiosk.example.com', 'has U+212A in it, which no host name has: write kiosk.example.com'],
  ['example.com\0.evil.test', 'has U+0000 in it, which no host name has'],
  ['example.com\n', 'has U+000A in it'],
  [' example.com', 'has U+0020 in it'],
  ['example%2ecom', 'has "%" in it'],
  ['_acme.example.com', 'has "_" in it'],
  ['example.com:443', 'has ":" in it'],
  ['-a.example.com', 'begins or ends with a hyphen'],
  ['a-.example.com', 'begins or ends with a hyphen'],
  ['ab--c.example.com', 'hyphens in places 3 and 4'],
  ['a---b.example.com', 'hyphens in places 3 and 4'],
  ['xn--.example.com', 'begins or ends with a hyphen'],
  ['xn--a.example.com', 'is not the A-label of any name'],
  ['xn--pay-.example.com', 'begins or ends with a hyphen'],
  ['xn--xn--a-ecp.example.com', 'is not the A-label of any name'],
  [`${'a'.repeat(64)}.example.com`, 'has a label of 64 characters; 63 are allowed'],
  [`${'a.'.repeat(126)}com`, 'has 255 characters; 253 are allowed'],
  [`xn--${'a'.repeat(70)}.example.com`, '63 are allowed'],
  ['192.0.2.1', 'is an IP address: ask for it with the identifier type ip'],
  ['*.192.0.2.1', 'is an IP address'],
  ['::1', 'is an IP address'],
  ['example.10', 'ends with the number 10'],
  ['127.1', 'ends with the number 1'],
  ['0x7f000001', 'ends with the number 0x7f000001'],
  ['example.0x', 'ends with the number 0x'],
  ['2130706433', 'ends with the number'],
] as const)('%j: %s', ([value, words]) => {
  expect(faultOf(dns(value))).toContain(words)
})

test.for([
  ['192.0.2.1', '192.0.2.1'],
  ['0.0.0.0', '0.0.0.0'],
  ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['0:0:0:0:0:0:0:1', '::1'],
  ['::', '::'],
  ['1:0:0:0:0:0:0:0', '1::'],
  ['2001:0db8::0001', '2001:db8::1'],
] as const)('the address %s is %s', ([value, text]) => {
  expect(ip(value)).toMatchObject({ type: 'ip', value: text, labels: [], covers: 'host' })
})

test.for([
  ['192.0.2.01', 'four decimal numbers without leading zeros'],
  ['192.0.2', 'four decimal numbers'],
  ['0xc0000201', 'four decimal numbers'],
  ['3221225985', 'four decimal numbers'],
  ['192.0.2.1.', 'four decimal numbers'],
  ['192.0.2.256', 'four decimal numbers'],
  ['192.0.2.1\n', 'is no address'],
  ['192.0.2.0/24', 'is a network'],
  ['[::1]', 'has brackets'],
  ['fe80::1%eth0', 'has a zone'],
  ['::ffff:192.0.2.1', 'stands for an IPv4 address: write 192.0.2.1'],
  ['::FFFF:c000:201', 'stands for an IPv4 address: write 192.0.2.1'],
  ['::192.0.2.1', 'has an IPv4 address in it: write ::c000:201'],
  ['64:ff9b::192.0.2.1', 'write 64:ff9b::c000:201'],
  ['1::2::3', 'is no IPv6 address'],
  ['example.com', 'ask for a DNS name with the identifier type dns'],
  ['', 'is no address'],
] as const)('the address %j: %s', ([value, words]) => {
  expect(faultOf(ip(value))).toContain(words)
})

test('other types are named; what is quoted is one printable line', () => {
  expect(normalise({ type: 'DNS', value: 'example.com' })).toEqual({
    fault: '"example.com" is of type "DNS"; acmetap knows dns and ip',
  })
  for (const value of ['a\r\nb\u001b[31m', '\u202eevil', '\ud800', `${'ü'.repeat(9000)}`, 'a"b']) {
    for (const type of ['dns', 'ip', 'x\n']) {
      const fault = faultOf(normalise({ type, value })) ?? ''
      expect(fault).toMatch(/^[\x20-\x7e]{10,700}$/)
    }
  }
})
