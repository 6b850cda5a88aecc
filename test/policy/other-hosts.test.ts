import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { OTHER_HOST_PRESET_NAMES, OTHER_HOST_PRESETS } from '../../src/config/other-host-presets.ts'
import { configSchema } from '../../src/config/schema.ts'
import type { OtherHost } from '../../src/exchange/exchange.ts'
import { otherHosts } from '../../src/policy/other-hosts.ts'
import { INTERNAL_SPELLINGS } from '../support/internal-address-spellings.ts'

function connectTo(host: string, port = 443): OtherHost {
  return { host, port, form: 'connect' }
}

function absolute(host: string, port = 80): OtherHost {
  return { host, port, form: 'absolute' }
}

const LIST = [
  'api.example.net',
  'odd.example.net:8443',
  '*.cdn.example.net',
  '*.odd.example.net:8443',
  '192.0.2.7',
  '[2001:db8::7]',
  '[2001:db8::8]:8443',
  'intranet',
]

test.each([
  [connectTo('api.example.net'), 'vouched'],
  [absolute('api.example.net'), 'vouched'],
  [connectTo('api.example.net', 80), 'refused'],
  [absolute('api.example.net', 443), 'refused'],
  [connectTo('api.example.net', 8443), 'refused'],
  [connectTo('odd.example.net', 8443), 'vouched'],
  [absolute('odd.example.net', 8443), 'vouched'],
  [connectTo('odd.example.net'), 'refused'],
  [connectTo('a.cdn.example.net'), 'allowed'],
  [connectTo('a.b.cdn.example.net'), 'allowed'],
  [connectTo('cdn.example.net'), 'refused'],
  [connectTo('acdn.example.net'), 'refused'],
  [connectTo('a.cdn.example.net.evil.test'), 'refused'],
  [connectTo('a.odd.example.net', 8443), 'allowed'],
  [connectTo('a.odd.example.net'), 'refused'],
  [connectTo('192.0.2.7'), 'vouched'],
  [connectTo('192.0.2.8'), 'refused'],
  [connectTo('2001:db8::7'), 'vouched'],
  [connectTo('2001:db8:0:0:0:0:0:7'), 'vouched'],
  [connectTo('2001:db8::8', 8443), 'vouched'],
  [connectTo('2001:db8::8'), 'refused'],
  [connectTo('::ffff:192.0.2.7'), 'refused'],
  [connectTo('intranet'), 'vouched'],
  [connectTo('evil-api.example.net'), 'refused'],
  [connectTo('api.example.net.evil.test'), 'refused'],
  [connectTo('xapi.example.net'), 'refused'],
] as const)('a list and %o: %s', (target, expected) => {
  const { refusal, vouched } = otherHosts(LIST)
  const verdict = refusal(target) !== null ? 'refused' : vouched(target) ? 'vouched' : 'allowed'
  expect(verdict).toBe(expected)
})

test('refuse refuses every host', () => {
  const { refusal, vouched } = otherHosts('refuse')
  for (const target of [connectTo('api.example.net'), absolute('deb.debian.org'), connectTo('8.8.8.8')]) {
    expect(refusal(target)).not.toBeNull()
    expect(vouched(target)).toBe(false)
  }
})

test('tunnel takes any name on the usual port, vouches for none, and takes no address', () => {
  const { refusal, vouched } = otherHosts('tunnel')
  for (const target of [
    connectTo('api.example.net'),
    absolute('api.example.net'),
    connectTo('xn--bcher-kva.test'),
  ]) {
    expect([refusal(target), vouched(target)]).toEqual([null, false])
  }
  for (const target of [
    connectTo('api.example.net', 80),
    connectTo('api.example.net', 22),
    absolute('api.example.net', 443),
    connectTo('8.8.8.8'),
    connectTo('127.0.0.1'),
    connectTo('::1'),
  ]) {
    expect(refusal(target)).not.toBeNull()
  }
})

test('on a host that is allowed, of all ports one is', () => {
  for (const setting of ['tunnel', ['api.example.net'], ['*.example.net']] as const) {
    const { refusal } = otherHosts(typeof setting === 'string' ? setting : [...setting])
    const open: number[] = []
    for (let port = 1; port <= 65535; port++) {
      if (refusal(connectTo('api.example.net', port)) === null) open.push(port)
    }
    expect(open).toEqual([443])
  }
})

test.each(OTHER_HOST_PRESET_NAMES)('preset %s allows its names and vouches for none', (preset) => {
  const { refusal, vouched } = otherHosts([preset])
  for (const entry of OTHER_HOST_PRESETS[preset]) {
    const host = entry.replace('*', 'any')
    for (const target of [connectTo(host), absolute(host)]) {
      expect([host, refusal(target), vouched(target)]).toEqual([host, null, false])
    }
    expect(refusal(connectTo(host, 8443))).not.toBeNull()
  }
  expect(refusal(connectTo('elsewhere.test'))).not.toBeNull()
})

test('a name that a preset holds and that is listed too is vouched for', () => {
  const { vouched } = otherHosts(['dns-providers', 'api.cloudflare.com'])
  expect(vouched(connectTo('api.cloudflare.com'))).toBe(true)
  expect(vouched(connectTo('api.gandi.net'))).toBe(false)
})

test('no spelling of an internal address passes unless it is a plain name', () => {
  const settings = [
    'refuse',
    'tunnel',
    ['dns-providers', '*.example.net', '*.nip.io', '203.0.113.5'],
  ] as const
  for (const setting of settings) {
    const { refusal } = otherHosts(typeof setting === 'string' ? setting : [...setting])
    const passed = INTERNAL_SPELLINGS.filter(({ written }) => {
      const host = written.replace(/^\[(.*)\]$/s, '$1').toLowerCase()
      return [connectTo(host), absolute(host)].some((target) => refusal(target) === null)
    }).map(({ written }) => written)
    // Names are judged when they are dialled, by where they lead.
    expect(passed.filter((written) => !/^[a-z][a-z0-9-]*(\.[a-z][a-z-]*)*$/i.test(written))).toEqual([])
    if (setting !== 'tunnel') expect(passed).toEqual([])
  }
})

test.each([
  ['refuse', connectTo('api.example.net'), 'intercept.other_hosts: [api.example.net]'],
  [[], connectTo('api.example.net'), 'intercept.other_hosts: [api.example.net]'],
  [['a.test'], connectTo('api.example.net'), 'intercept.other_hosts: [..., api.example.net]'],
  [['a.test'], connectTo('api.example.net', 8443), 'intercept.other_hosts: [..., api.example.net:8443]'],
  ['refuse', absolute('api.example.net', 8080), 'intercept.other_hosts: [api.example.net:8080]'],
  ['tunnel', connectTo('api.example.net', 22), 'intercept.other_hosts: [api.example.net:22]'],
  ['refuse', connectTo('192.0.2.7'), 'intercept.other_hosts: [192.0.2.7]'],
  ['refuse', connectTo('2001:db8::7'), 'intercept.other_hosts: ["[2001:db8::7]"]'],
  ['refuse', connectTo('2001:db8::7', 8443), 'intercept.other_hosts: ["[2001:db8::7]:8443"]'],
] as const)('%j tells for %o to write %s, and writing it helps', (setting, target, line) => {
  const given = typeof setting === 'string' ? setting : [...setting]
  const text = otherHosts(given).refusal(target)!
  expect(text).toContain(target.host)
  expect(text.endsWith(`If clients need it, write ${line}`)).toBe(true)
  const written = line.replace(
    '..., ',
    setting.length > 0 && Array.isArray(setting) ? `${setting.join(', ')}, ` : '',
  )
  const document = parse(written.replace('intercept.other_hosts', 'other_hosts')) as { other_hosts: string[] }
  const { other_hosts } = configSchema.shape.intercept.parse(document)
  expect(otherHosts(other_hosts).refusal(target)).toBeNull()
})

test('the preset that holds a host is named', () => {
  expect(otherHosts('refuse').refusal(connectTo('api.cloudflare.com'))).toBe(
    "api.cloudflare.com is no CA of acmetap's configuration and not among its other hosts. If clients need it, write intercept.other_hosts: [api.cloudflare.com], or the preset that holds it: intercept.other_hosts: [dns-providers]",
  )
  expect(otherHosts(['a.test']).refusal(absolute('deb.debian.org'))).toContain('[..., package-mirrors]')
  expect(otherHosts('refuse').refusal(connectTo('api.cloudflare.com', 8443))).not.toContain('dns-providers')
})

test('what is no host name gets no line to add, and is quoted within bounds', () => {
  const text = otherHosts('tunnel').refusal(connectTo(`a\r\nb${'x'.repeat(500)}`))!
  expect(text).toMatch(/^"a\\r\\nbx+" is neither a DNS name nor an IP address$/)
  expect(text.length).toBeLessThan(200)
})
