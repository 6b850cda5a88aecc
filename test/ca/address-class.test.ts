import ipaddr from 'ipaddr.js'
import { expect, test } from 'vitest'
import { embeddedIpv4, SPECIAL_IPV4, SPECIAL_IPV6, whyNotPublic } from '../../src/ca/address-class.ts'
import { addressOf, isGlobalByPython, probesOf } from './special-addresses.ts'

/** Where we refuse and Python calls the address global, and why we do. */
const STRICTER: readonly (readonly [network: string, reason: string])[] = [
  [
    '192.0.0.0/24',
    'older Pythons know only two of its blocks; its anycast addresses are answered by the nearest router',
  ],
  ['192.31.196.0/24', 'anycast: the nearest network answers'],
  ['192.52.193.0/24', 'anycast: the nearest network answers'],
  ['192.175.48.0/24', 'anycast: the nearest network answers'],
  ['192.88.99.0/24', 'a relay that is no more (RFC 7526)'],
  ['224.0.0.0/4', 'multicast: TCP has no business there'],
  ['64:ff9b::/96', 'judged by the IPv4 address within'],
  ['64:ff9b:1::/48', 'NAT64 of local use: leads inside'],
  [
    '2000::/3',
    'special-purpose blocks that older Pythons lack or call global: 2001::/23, 2002::/16, 2620:4f:8000::/48, 3fff::/20',
  ],
  ['::/3', 'not allocated as global unicast'],
  ['4000::/2', 'not allocated as global unicast'],
  ['8000::/1', 'not allocated as global unicast; multicast and site-local among it'],
]

function isIn(address: string, network: string): boolean {
  const [one, [range, bits]] = [ipaddr.parse(address), ipaddr.parseCIDR(network)]
  return one.kind() === range.kind() && one.match(range, bits)
}

const NETWORKS = [...SPECIAL_IPV4, ...SPECIAL_IPV6].map(({ network }) => network)

test('both registries are whole: 25 rows each, every one with its RFC', () => {
  expect([SPECIAL_IPV4.length, SPECIAL_IPV6.length]).toEqual([25, 25])
  expect(new Set(NETWORKS).size).toBe(50)
  for (const { rfc } of [...SPECIAL_IPV4, ...SPECIAL_IPV6]) expect(rfc).toMatch(/^RFC \d{3,4}( §[\d.]+)?$/)
})

test('first, middle and last address of every special-purpose block are not public', () => {
  const public_ = NETWORKS.flatMap((network) => probesOf(network).inside).filter(
    // Of NAT64's block only what is behind it counts: its middle is 64:ff9b::128.0.0.0, an ordinary address.
    (address) => whyNotPublic(address) === null && address !== '64:ff9b::8000:0',
  )
  expect(public_).toEqual([])
  expect(whyNotPublic('64:ff9b::128.0.0.0')).toBeNull()
})

test('every edge of every block, and much between, agrees with Python where Python is right', () => {
  let seed = 42n
  const random = (bits: 32 | 128) => {
    let value = 0n
    for (let i = 0; i < 4; i++) {
      seed = (seed * 6364136223846793005n + 1442695040888963407n) % (1n << 64n)
      value = (value << 32n) | (seed >> 32n)
    }
    return addressOf(bits === 32 ? value % (1n << 32n) : value, bits)
  }
  const edges = NETWORKS.flatMap((network) => [...probesOf(network).inside, ...probesOf(network).outside])
  const between = Array.from({ length: 4000 }, (_, i) => random(i % 2 ? 32 : 128))
  const unicast = between.filter((one) => one.includes(':')).map((one) => one.replace(/^[^:]*/, '2a00'))
  const addresses = [...edges, ...between, ...unicast]
  expect(edges.length).toBeGreaterThanOrEqual(200)
  const byPython = isGlobalByPython(addresses)
  const unexplained = addresses.filter((address, i) => {
    const isPublic = whyNotPublic(address) === null
    if (isPublic === byPython[i]) return false
    return isPublic || !STRICTER.some(([network]) => isIn(address, network))
  })
  expect(unexplained).toEqual([])
  const ordinary = addresses.filter((address) => whyNotPublic(address) === null)
  expect(ordinary.length).toBeGreaterThan(3000)
})

test.each([
  ['10.1.2.3', 'is private use, RFC 1918'],
  ['255.255.255.255', 'is limited broadcast, RFC 8190'],
  ['169.254.169.254', 'is link local, RFC 3927'],
  ['::1', 'is loopback, RFC 4291 §2.5.3'],
  ['::ffff:8.8.8.8', 'is IPv4-mapped, RFC 4291 §2.5.5.2'],
  ['::808:808', 'is outside global unicast, RFC 4291 §2.4'],
  ['64:ff9b::10.0.0.1', 'leads through NAT64 to 10.0.0.1, which is private use, RFC 1918'],
  ['2002:7f00:1::', 'is 6to4, RFC 3056'],
  ['fe80::1%eth0', 'is link local, RFC 4291 §2.5.6'],
  ['fec0::1', 'is outside global unicast, RFC 4291 §2.4'],
  ['ff02::1', 'is multicast, RFC 4291 §2.7'],
  ['239.1.1.1', 'is multicast, RFC 5771'],
  ['127.1', 'is no IP address'],
  ['2130706433', 'is no IP address'],
  ['[::1]', 'is no IP address'],
  ['', 'is no IP address'],
])('%s %s', (address, reason) => expect(whyNotPublic(address)).toBe(reason))

test.each([
  '8.8.8.8',
  '1.1.1.1',
  '172.65.32.248',
  '2606:4700:60:0:f53d:5624:85c7:3a2c',
  '64:ff9b::172.65.32.248',
  '2001:4860:4860::8888',
])('%s is public', (address) => expect(whyNotPublic(address)).toBeNull())

test.each([
  ['::ffff:127.0.0.1', ['127.0.0.1']],
  ['::127.0.0.1', ['127.0.0.1']],
  ['::ffff:0:127.0.0.1', ['127.0.0.1']],
  ['64:ff9b::7f00:1', ['127.0.0.1']],
  ['64:ff9b:1::7f00:1', ['127.0.0.1']],
  ['2002:7f00:1::5', ['127.0.0.1']],
  ['2001:0:0808:0808:0:0:80ff:fffe', ['8.8.8.8', '127.0.0.1']],
  ['2606:4700::7f00:1', []],
  ['127.0.0.1', []],
])('%s carries %j', (address, carried) => expect(embeddedIpv4(address)).toEqual(carried))
