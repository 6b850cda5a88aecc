import { expect, test } from 'vitest'
import { targetOf, urlOf } from '../../src/broker/url-map.ts'
import { brokerId, ENDPOINTS, FLEET, ORIGIN, SECOND, STAGING } from '../support/broker/broker-requests.ts'

const AUTHORITY = 'acme.example.net'

test('every URL that is given out leads back to its operation', () => {
  const [a, b] = [brokerId(), brokerId()]
  const all: [Parameters<typeof urlOf>[1], string[], string | null][] = [
    ['directory', [], null],
    ['newNonce', [], 'team-a'],
    ['newAccount', [], 'team-b'],
    ['newOrder', [], null],
    ['newAuthz', [], null],
    ['revokeCert', [], 'team-a'],
    ['keyChange', [], null],
    ['renewalInfo', ['aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE'], 'team-a'],
    ['account', [a], null],
    ['orders', [a], null],
    ['orders', [a, b], null],
    ['order', [a], null],
    ['finalize', [a], null],
    ['authorization', [a], null],
    ['challenge', [a, b], null],
    ['certificate', [a], null],
    ['certificate', [a, '2'], null],
  ]
  for (const endpoint of [FLEET, STAGING, SECOND]) {
    for (const [operation, ids, label] of all) {
      const url = urlOf(endpoint, operation, ids, label)
      const target = url.slice(endpoint.origin.length)
      expect(url.startsWith(endpoint.origin)).toBe(true)
      const authority = endpoint.origin.slice('https://'.length)
      expect(targetOf(ENDPOINTS, authority, target)).toEqual({ endpoint, operation, ids, label })
      for (const other of [
        `${target}/`,
        `${target}?`,
        `/${target}`,
        `${target}%20`,
        target.replace(/.$/, '%41'),
      ]) {
        expect([other, targetOf(ENDPOINTS, authority, other)]).toEqual([other, null])
      }
    }
  }
})

test('an origin is a host in any case, with or without the default port', () => {
  for (const authority of [AUTHORITY, 'ACME.Example.NET', `${AUTHORITY}:443`]) {
    expect(targetOf(ENDPOINTS, authority, '/fleet/directory')).toMatchObject({ operation: 'directory' })
    expect(targetOf(ENDPOINTS, authority, '/nothing')).toBeNull()
  }
  for (const authority of [
    null,
    '',
    `${AUTHORITY}.`,
    `${AUTHORITY}:80`,
    `${AUTHORITY}:0443`,
    `x@${AUTHORITY}`,
    'second.example',
    `${AUTHORITY}:443:443`,
  ]) {
    expect([authority, targetOf(ENDPOINTS, authority, '/fleet/directory')]).toEqual([authority, 'elsewhere'])
  }
  expect(targetOf(ENDPOINTS, AUTHORITY, '/second/directory')).toBeNull()
  expect(`${ORIGIN}/fleet/renewal-info`).toBe(urlOf(FLEET, 'renewalInfo'))
})
