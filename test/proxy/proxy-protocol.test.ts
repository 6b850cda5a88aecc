import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_PROXY_HEADER_BYTES, parseProxyHeader } from '../../src/proxy/proxy-protocol.ts'

const V2 = '0d0a0d0a000d0a515549540a'
/** A version 2 header: command and family octets, then the payload with its length. */
const version2 = (command: number, family: number, payload: Buffer, size = payload.length) =>
  Buffer.concat([Buffer.from(V2, 'hex'), Buffer.from([command, family, size >> 8, size & 0xff]), payload])

const ipv4 = Buffer.from('c0000201c0000202d43101bb', 'hex')
const ipv6 = Buffer.from(`20010db8${'00'.repeat(11)}01${'00'.repeat(15)}01d43101bb`, 'hex')
const extension = Buffer.from('0400020000', 'hex')
const line = (text: string) => Buffer.from(`${text}\r\n`, 'latin1')

describe('PROXY protocol headers that are accepted', () => {
  it.each([
    [
      'version 1 TCP4',
      line('PROXY TCP4 192.0.2.1 192.0.2.2 54321 443'),
      { address: '192.0.2.1', port: 54321 },
    ],
    ['version 1 TCP6', line('PROXY TCP6 2001:db8::1 ::1 1 65535'), { address: '2001:db8::1', port: 1 }],
    ['version 1 port 0', line('PROXY TCP4 192.0.2.1 192.0.2.2 0 0'), { address: '192.0.2.1', port: 0 }],
    ['version 1 UNKNOWN', line('PROXY UNKNOWN'), null],
    ['version 1 UNKNOWN with anything', line('PROXY UNKNOWN ffff:: x y'), null],
    ['version 2 TCP4', version2(0x21, 0x11, ipv4), { address: '192.0.2.1', port: 54321 }],
    [
      'version 2 TCP4 with an extension',
      version2(0x21, 0x11, Buffer.concat([ipv4, extension])),
      { address: '192.0.2.1', port: 54321 },
    ],
    [
      'version 2 TCP6',
      version2(0x21, 0x21, ipv6),
      { address: '2001:0db8:0000:0000:0000:0000:0000:0001', port: 54321 },
    ],
    ['version 2 LOCAL', version2(0x20, 0x00, Buffer.alloc(0)), null],
    ['version 2 LOCAL with addresses', version2(0x20, 0x11, ipv4), null],
    ['version 2 PROXY unspecified', version2(0x21, 0x00, Buffer.alloc(7)), null],
  ])('%s', (_title, bytes, source) => {
    expect(parseProxyHeader(bytes)).toEqual({ kind: 'header', length: bytes.length, source })
    const rest = Buffer.concat([bytes, Buffer.from('160301', 'hex')])
    expect(parseProxyHeader(rest)).toEqual({ kind: 'header', length: bytes.length, source })
    for (let size = 0; size < bytes.length; size += 1) {
      expect(parseProxyHeader(bytes.subarray(0, size))).toEqual({ kind: 'incomplete' })
    }
  })
})

describe('PROXY protocol headers that are refused', () => {
  it.each([
    ['TLS without a header', Buffer.from('16030100', 'hex')],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['lower case', line('proxy TCP4 192.0.2.1 192.0.2.2 1 2')],
    ['an unknown family', line('PROXY UDP4 192.0.2.1 192.0.2.2 1 2')],
    ['no family', line('PROXY ')],
    ['lower-case family', line('PROXY tcp4 192.0.2.1 192.0.2.2 1 2')],
    ['IPv6 as TCP4', line('PROXY TCP4 ::1 ::1 1 2')],
    ['IPv4 as TCP6', line('PROXY TCP6 192.0.2.1 192.0.2.2 1 2')],
    ['two spaces', line('PROXY TCP4  192.0.2.1 192.0.2.2 1 2')],
    ['a tab', line('PROXY TCP4\t192.0.2.1 192.0.2.2 1 2')],
    ['a trailing space', line('PROXY TCP4 192.0.2.1 192.0.2.2 1 2 ')],
    ['five fields', line('PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3')],
    ['three fields', line('PROXY TCP4 192.0.2.1 192.0.2.2 1')],
    ['a short address', line('PROXY TCP4 127.1 192.0.2.2 1 2')],
    ['an octal address', line('PROXY TCP4 0177.0.0.1 192.0.2.2 1 2')],
    ['a zone', line('PROXY TCP6 fe80::1%eth0 ::1 1 2')],
    ['a port too large', line('PROXY TCP4 192.0.2.1 192.0.2.2 65536 2')],
    ['a negative port', line('PROXY TCP4 192.0.2.1 192.0.2.2 -1 2')],
    ['a signed port', line('PROXY TCP4 192.0.2.1 192.0.2.2 +1 2')],
    ['a leading zero', line('PROXY TCP4 192.0.2.1 192.0.2.2 01 2')],
    ['a hexadecimal port', line('PROXY TCP4 192.0.2.1 192.0.2.2 0x1 2')],
    ['a bare line feed', Buffer.from(`PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n${' '.repeat(100)}`)],
    ['no end of line', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(100)}`)],
    ['an end of line after 107 bytes', line(`PROXY UNKNOWN ${'x'.repeat(92)}`)],
    ['version 2 with another version', version2(0x11, 0x11, ipv4)],
    ['version 2 with another command', version2(0x22, 0x11, ipv4)],
    ['version 2 UDP', version2(0x21, 0x12, ipv4)],
    ['version 2 unix', version2(0x21, 0x31, Buffer.alloc(216))],
    ['version 2 with short IPv4 addresses', version2(0x21, 0x11, ipv4.subarray(1))],
    ['version 2 with IPv4 addresses as IPv6', version2(0x21, 0x21, ipv4)],
    [
      'version 2 with half an extension',
      version2(0x21, 0x11, Buffer.concat([ipv4, extension.subarray(0, 4)])),
    ],
    ['version 2 with stray bytes', version2(0x21, 0x11, Buffer.concat([ipv4, Buffer.from([1])]))],
    ['version 2 announcing 64 KiB', version2(0x21, 0x11, ipv4, 0xffff)],
  ])('%s', (_title, bytes) => {
    expect(parseProxyHeader(bytes)).toMatchObject({ kind: 'refused' })
  })

  it('whatever the bytes: never throws, never waits beyond the bound, never claims bytes that are not there', () => {
    const start = fc
      .constantFrom('', 'PROXY ', 'PROXY TCP4 ', 'PROXY TCP6 ::1 ')
      .map((text) => Buffer.from(text))
    const start2 = fc
      .constantFrom('20', '21', '2111', '2121', '211100', '21210024')
      .map((hex) => Buffer.from(V2 + hex, 'hex'))
    fc.assert(
      fc.property(fc.oneof(start, start2), fc.uint8Array({ maxLength: 5000 }), (prefix, tail) => {
        const bytes = Buffer.concat([prefix, tail])
        const header = parseProxyHeader(bytes)
        if (header.kind === 'header') expect(header.length).toBeLessThanOrEqual(bytes.length)
        if (header.kind === 'incomplete') expect(bytes.length).toBeLessThan(MAX_PROXY_HEADER_BYTES)
      }),
      { numRuns: 500 },
    )
  })
})
