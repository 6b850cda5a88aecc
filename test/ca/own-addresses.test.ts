import { networkInterfaces } from 'node:os'
import { expect, test } from 'vitest'
import { isUnspecified, OwnAddresses } from '../../src/ca/own-addresses.ts'

function listeningOn(...addresses: string[]): OwnAddresses {
  const own = new OwnAddresses()
  own.use(addresses.map((address) => ({ address, port: 443 })))
  return own
}

const INTERFACES = Object.values(networkInterfaces()).flatMap((one) => one ?? [])

test('a listener on every address is reached by each of this machine, on its port only', () => {
  for (const every of ['0.0.0.0', '::']) {
    const own = listeningOn(every)
    for (const { address } of INTERFACES) {
      expect(own.holds(address, 443)).toBe(true)
      expect(own.holds(address, 444)).toBe(false)
    }
    for (const loop of ['127.0.0.1', '127.0.0.2', '127.255.255.254', '::1'])
      expect(own.holds(loop, 443)).toBe(true)
    expect(own.holds('172.65.32.248', 443)).toBe(false)
    expect(own.holds('2606:4700::1', 443)).toBe(false)
  }
})

test('a listener on one address is reached by that one alone, in every spelling', () => {
  const own = listeningOn('127.0.0.1')
  for (const same of [
    '127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '0:0:0:0:0:ffff:127.0.0.1',
    '::127.0.0.1',
    '64:ff9b::127.0.0.1',
    '2002:7f00:1::1',
    '0.0.0.0',
    '::',
    '::ffff:0.0.0.0',
    '0:0:0:0:0:0:0:0',
  ]) {
    expect([same, own.holds(same, 443)]).toEqual([same, true])
  }
  for (const other of ['127.0.0.2', '::1', '10.0.0.1']) expect(own.holds(other, 443)).toBe(false)
  expect(listeningOn('::1').holds('0:0:0:0:0:0:0:1', 443)).toBe(true)
  expect(listeningOn('::ffff:127.0.0.9').holds('127.0.0.9', 443)).toBe(true)
  expect(listeningOn('fe80::1').holds('fe80::1%eth0', 443)).toBe(true)
})

test('what it was told last counts', () => {
  const own = new OwnAddresses()
  expect(own.holds('127.0.0.1', 443)).toBe(false)
  own.use([{ address: '127.0.0.1', port: 443 }])
  expect(own.holds('127.0.0.1', 443)).toBe(true)
  own.use([])
  expect(own.holds('127.0.0.1', 443)).toBe(false)
})

test('the unspecified address is known in every spelling', () => {
  for (const one of ['0.0.0.0', '::', '0::0', '::ffff:0:0', '::0.0.0.0', '::%lo'])
    expect(isUnspecified(one)).toBe(true)
  for (const one of ['0.0.0.1', '::1', '::ffff:127.0.0.1']) expect(isUnspecified(one)).toBe(false)
})
