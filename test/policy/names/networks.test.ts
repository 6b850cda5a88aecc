import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { Networks } from '../../../src/policy/names/networks.ts'
import { random } from '../../soak/soak.ts'

function networksOf(...texts: readonly string[]): Networks {
  const networks = Networks.of(texts)
  if ('fault' in networks) throw new Error(networks.fault)
  return networks
}

test.for([
  ['10.0.0.0/8', '10.255.0.1', true],
  ['10.0.0.0/8', '11.0.0.1', false],
  ['192.0.2.7', '192.0.2.7', true],
  ['192.0.2.7', '192.0.2.6', false],
  ['0.0.0.0/0', '255.255.255.255', true],
  ['0.0.0.0/0', '::1', false],
  ['::/0', '192.0.2.1', false],
  ['2001:db8::/33', '2001:db8:7fff::1', true],
  ['2001:db8::/33', '2001:db8:8000::1', false],
  ['10.0.0.0/8', '::ffff:10.1.2.3', true],
  ['::/0', '::ffff:10.1.2.3', false],
  ['::/0', '::10.1.2.3', true],
  ['10.0.0.0/8', '::10.1.2.3', false],
  ['fe80::/10', 'fe80::1%eth0', true],
  ['10.0.0.0/8', '10.1', false],
  ['10.0.0.0/8', 'example.com', false],
  ['10.0.0.0/8', '', false],
] as const)('%s has %s: %s', ([network, address, has]) => {
  expect(networksOf(network).has(address)).toBe(has)
})

test.for([
  ['10.0.0.5/8', 'write 10.0.0.0/8, or 10.0.0.5 for the address alone'],
  ['2001:db8::1/32', 'write 2001:db8::/32, or 2001:db8::1'],
  ['10.0.0.0/33', 'longer than 32 bits'],
  ['::/129', 'longer than 128 bits'],
  ['10.0.0.0/08', 'is a network'],
  ['10.0.0/8', 'four decimal numbers'],
  ['010.0.0.0/8', 'without leading zeros'],
  ['::ffff:10.0.0.0/104', 'write 10.0.0.0'],
  ['fe80::1%eth0', 'has a zone'],
  ['example.com', 'is no address'],
  ['10.0.0.0/8 ', 'is no address'],
] as const)('%j: %s', ([text, words]) => {
  const networks = Networks.of(['192.0.2.0/24', text])
  expect('fault' in networks ? networks.fault : null).toContain(words)
})

/** Its own reading of networks. */
const PYTHON = `
import ipaddress, json, sys
print(json.dumps([ipaddress.ip_address(a) in ipaddress.ip_network(n) for n, a in json.load(sys.stdin)]))
`

test('2,000 networks and addresses: the same as ipaddress says', () => {
  const next = random(3)
  const below = (limit: number) => Math.floor(next() * limit)
  const pairs = Array.from({ length: 2000 }, (_, at) => {
    const bits = at % 2 ? 32 : 128
    const prefix = below(bits + 1)
    const bytes = Buffer.from(Array.from({ length: bits / 8 }, () => below(256)))
    const within = Buffer.from(bytes)
    for (let bit = prefix; bit < bits; bit++) {
      bytes[bit >> 3]! &= ~(0x80 >> (bit & 7))
      if (below(2)) within[bit >> 3]! ^= 0x80 >> (bit & 7)
    }
    if (prefix > 0 && below(2)) within[(prefix - 1) >> 3]! ^= 0x80 >> ((prefix - 1) & 7)
    return [`${textOf(bytes)}/${prefix}`, textOf(within)] as const
  }).filter(([network]) => !network.startsWith('0:0:0:0:0:ffff'))
  const output = execFileSync('/usr/bin/python3', ['-I', '-c', PYTHON], { input: JSON.stringify(pairs) })
  const expected: boolean[] = JSON.parse(output.toString())
  expect(pairs.map(([network, address]) => networksOf(network).has(address))).toEqual(expected)
  expect(expected.filter(Boolean).length).toBeGreaterThan(500)
  expect(expected.filter((has) => !has).length).toBeGreaterThan(500)
})

function textOf(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.')
  return Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(at * 2).toString(16)).join(':')
}
