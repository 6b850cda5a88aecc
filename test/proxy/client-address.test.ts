import { describe, expect, it } from 'vitest'
import type { Connection } from '../../src/exchange/connection.ts'
import { canonicalAddress, clientAddress, trustedNetworks } from '../../src/proxy/client-address.ts'

const from = (address: string | null): Connection => ({
  listener: 'acme',
  clientAddress: address,
  clientPort: 1,
  tlsVersion: 'TLSv1.3',
  serverName: null,
  mode: 'relay',
  proxyUser: null,
  intercepted: null,
})
const isTrusted = trustedNetworks(['10.0.0.0/8', '2001:db8:1::/48', '192.0.2.10'])
const BALANCER = '10.1.2.3'

describe('X-Forwarded-For', () => {
  it.each([
    ['one entry', BALANCER, ['198.51.100.1'], '198.51.100.1'],
    [
      'the right-most untrusted one, not what the client wrote before it',
      BALANCER,
      ['203.0.113.9, 198.51.100.1'],
      '198.51.100.1',
    ],
    ['behind two balancers', BALANCER, ['203.0.113.9, 198.51.100.1, 10.9.9.9'], '198.51.100.1'],
    ['over two fields', BALANCER, ['203.0.113.9', '198.51.100.1,10.9.9.9'], '198.51.100.1'],
    ['all trusted: the left-most', BALANCER, ['10.0.0.1, 10.0.0.2'], '10.0.0.1'],
    ['spaces and tabs', BALANCER, ['203.0.113.9 ,\t 198.51.100.1 '], '198.51.100.1'],
    ['with a port', BALANCER, ['198.51.100.1:1234'], '198.51.100.1'],
    ['IPv6', BALANCER, ['2001:DB8:2:0:0::1'], '2001:db8:2::1'],
    ['IPv6 in brackets', BALANCER, ['[2001:db8:2::1]'], '2001:db8:2::1'],
    ['IPv6 in brackets with a port', BALANCER, ['[2001:db8:2::1]:443'], '2001:db8:2::1'],
    ['IPv4-mapped IPv6', BALANCER, ['::ffff:198.51.100.1'], '198.51.100.1'],
    ['IPv4-mapped balancer in the chain', BALANCER, ['198.51.100.1, ::ffff:10.0.0.1'], '198.51.100.1'],
    ['IPv6 balancer', '2001:db8:1::5', ['198.51.100.1'], '198.51.100.1'],
    ['no field', BALANCER, [], BALANCER],
    ['an empty field', BALANCER, [''], BALANCER],
    ['an empty entry at the right', BALANCER, ['198.51.100.1,'], BALANCER],
    ['garbage at the right', BALANCER, ['198.51.100.1, unknown'], BALANCER],
    ['garbage behind a trusted entry', BALANCER, ['198.51.100.1, evil, 10.0.0.1'], BALANCER],
    ['garbage further left is never looked at', BALANCER, ['evil, 198.51.100.1'], '198.51.100.1'],
    ['a host name', BALANCER, ['localhost'], BALANCER],
    ['a number', BALANCER, ['3232235777'], BALANCER],
    ['octal', BALANCER, ['0177.0.0.1'], BALANCER],
    ['hexadecimal', BALANCER, ['0x7f.0.0.1'], BALANCER],
    ['short form', BALANCER, ['127.1'], BALANCER],
    ['out of range', BALANCER, ['256.1.1.1'], BALANCER],
    ['a zone', BALANCER, ['fe80::1%eth0'], BALANCER],
    ['an open bracket', BALANCER, ['[2001:db8:2::1'], BALANCER],
    ['RFC 7239 syntax', BALANCER, ['for=198.51.100.1'], BALANCER],
    ['line breaks', BALANCER, ['198.51.100.1\r\nx: y'], BALANCER],
    ['fullwidth digits', BALANCER, ['１９８.51.100.1'], BALANCER],
    ['from an untrusted peer', '198.51.100.7', ['203.0.113.9'], '198.51.100.7'],
    ['from a neighbour of a trusted address', '192.0.2.11', ['203.0.113.9'], '192.0.2.11'],
    ['from a trusted single address', '192.0.2.10', ['203.0.113.9'], '203.0.113.9'],
    ['our own requests', null, ['203.0.113.9'], null],
  ])('%s', (_title, peer, fields, expected) => {
    expect(clientAddress(from(peer), fields, { from: 'x_forwarded_for', isTrusted })).toBe(expected)
  })

  it('is not read at all under the other settings', () => {
    for (const setting of ['connection', 'proxy_protocol'] as const) {
      expect(clientAddress(from(BALANCER), ['198.51.100.1'], { from: setting, isTrusted })).toBe(BALANCER)
    }
  })
})

describe('trustedNetworks', () => {
  it('keeps the families apart and reads IPv4-mapped addresses as IPv4', () => {
    const everyIPv4 = trustedNetworks(['0.0.0.0/0'])
    expect(everyIPv4('203.0.113.1')).toBe(true)
    expect(everyIPv4('::ffff:203.0.113.1')).toBe(true)
    expect(everyIPv4('2001:db8::1')).toBe(false)
    expect(trustedNetworks([])('127.0.0.1')).toBe(false)
  })

  it.each(['', 'localhost', '10.0.0.0/33', '10.0.0.0/', '::/129', '10.0.0.0/-1'])('refuses %j', (network) => {
    expect(() => trustedNetworks([network])).toThrow(RangeError)
  })
})

describe('canonicalAddress', () => {
  it.each([
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['2001:0DB8::0001', '2001:db8::1'],
    ['0:0:0:0:0:0:0:1', '::1'],
    ['192.0.2.1', '192.0.2.1'],
    ['not one', 'not one'],
  ])('%s becomes %s', (text, expected) => {
    expect(canonicalAddress(text)).toBe(expected)
  })
})
