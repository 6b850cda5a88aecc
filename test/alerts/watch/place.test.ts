import { expect, test } from 'vitest'
import { PlaceError, readPlace } from '../../../src/alerts/watch/place.ts'
import { whyNotWatched } from '../../../src/alerts/watch/watched-address.ts'

test.each([
  [
    'www.example.com:443',
    { endpoint: 'www.example.com:443', host: 'www.example.com', port: 443, starttls: null },
  ],
  [
    'WWW.Example.COM.:443',
    { endpoint: 'www.example.com:443', host: 'www.example.com', port: 443, starttls: null },
  ],
  [
    'mail.example.com:25/smtp',
    { endpoint: 'mail.example.com:25/smtp', host: 'mail.example.com', port: 25, starttls: 'smtp' },
  ],
  ['[2001:DB8:0::1]:993', { endpoint: '[2001:db8::1]:993', host: '2001:db8::1', port: 993, starttls: null }],
  [
    '192.0.2.1:5432/postgres',
    { endpoint: '192.0.2.1:5432/postgres', host: '192.0.2.1', port: 5432, starttls: 'postgres' },
  ],
])('%s is a place', (text, place) => {
  expect(readPlace(text)).toEqual(place)
  expect(readPlace(place.endpoint)).toEqual(place)
})

test.each([
  ['www.example.com', 'must be host:port'],
  ['https://www.example.com:443', 'must be host:port'],
  ['www.example.com:443/telnet', 'must be host:port'],
  ['www.example.com:0', 'must have a port from 1 to 65535'],
  ['www.example.com:65536', 'must have a port from 1 to 65535'],
  ['127.1:443', 'neither a host name nor an address'],
  ['0x7f000001:443', 'neither a host name nor an address'],
  ['a..b:443', 'neither a host name nor an address'],
  ['[1.2.3.4]:443', 'neither a host name nor an address'],
  ['[::1%lo]:443', 'must be host:port'],
  ['2001:db8::1:443', 'must be host:port'],
  [`${'a'.repeat(400)}:443`, 'Too big'],
])('%s is none', (text, why) => {
  expect(() => readPlace(text)).toThrow(PlaceError)
  if (text.length < 100) expect(() => readPlace(text)).toThrow(why)
})

test.each([
  ['169.254.169.254', 'link local'],
  ['::ffff:169.254.169.254', 'link local'],
  ['64:ff9b::a9fe:a9fe', 'link local'],
  ['2002:a9fe:a9fe::', 'link local'],
  ['fe80::1', 'link local'],
  ['fd00:ec2::254', 'metadata'],
  ['100.100.100.200', 'metadata'],
  ['0.0.0.0', 'link local'],
  ['::', 'link local'],
  ['224.0.0.1', 'multicast'],
  ['255.255.255.255', 'multicast'],
  ['ff02::1', 'multicast'],
])('%s is not looked at', (address, why) => {
  expect(whyNotWatched(address)).toContain(why)
})

test.each([
  '192.0.2.1',
  '10.1.2.3',
  '192.168.1.1',
  '127.0.0.1',
  '::1',
  'fd12::1',
  '2001:db8::1',
  '64:ff9b::c000:201',
])('%s may be', (address) => {
  expect(whyNotWatched(address)).toBeNull()
})
