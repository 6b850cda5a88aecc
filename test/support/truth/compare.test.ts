/** The comparison must find what it is there to find. */
import { expect, test } from 'vitest'
import type { InventoriedAccount } from '../../../src/audit/inventory/account.ts'
import { compare, dumpDifferences } from './compare.ts'
import type { InventoryDump } from './read-inventory.ts'
import type { Truth } from './truth.ts'

const url = 'https://ca.test/my-account/1'
const at = '2026-01-31T12:00:00.000Z'
const account: InventoriedAccount = {
  id: '0123456789abcdef',
  ca: 'test',
  url,
  status: 'valid',
  thumbprint: 'print',
  keyType: 'P-256',
  contacts: ['mailto:b@example.test', 'mailto:a@example.test'],
  requester: null,
  externalAccount: null,
  keyChanges: [],
  orders: 0,
  certificates: 0,
  firstSeen: at,
  lastSeen: at,
}
const truth: Truth = {
  accounts: new Map([
    [
      url,
      {
        url,
        thumbprint: 'print',
        status: 'valid',
        contacts: ['mailto:a@example.test', 'mailto:b@example.test'],
      },
    ],
  ]),
  orders: new Map(),
  challenges: new Map(),
  certificates: new Map(),
  revocations: new Map(),
  clients: new Set(),
}

function dump(...accounts: InventoriedAccount[]): InventoryDump {
  const none = { clients: [], orders: [], challenges: [], certificates: [], failures: [] }
  return {
    accounts,
    ...none,
    rateLimits: [],
    exchanges: [],
    pems: [],
    summary: {} as InventoryDump['summary'],
  }
}

test.each<[string, readonly string[], InventoryDump]>([
  ['as it is', [], dump(account)],
  ['missing', [`account ${url} is not in the inventory`], dump()],
  ['twice', [`account ${url} is in the inventory twice`], dump(account, account)],
  [
    'too much',
    ['account https://ca.test/my-account/2 is only in the inventory'],
    dump(account, { ...account, url: 'https://ca.test/my-account/2' }),
  ],
  [
    'otherwise',
    [`account ${url}: status is "deactivated", should be "valid"`],
    dump({ ...account, status: 'deactivated' }),
  ],
])('an account that is %s', (_how, differences, inventory) => {
  expect(compare(truth, inventory, null, null).differences).toEqual(differences)
})

test('what the CA issued and nobody asked for, and a file of unknown origin', () => {
  const issued = [{ serial: 'ab', revoked: false }]
  expect(compare(truth, dump(account), issued, new Map([['f00d', ['cert.pem']]])).differences).toEqual([
    'f00d is not in the inventory, but in cert.pem',
  ])
})

test('two dumps', () => {
  const other = { ...account, id: 'fedcba9876543210', url: 'https://ca.test/my-account/2' }
  expect(dumpDifferences(dump(account, other), dump(account, other))).toEqual([])
  expect(dumpDifferences(dump(account, other), dump(other, account))).toEqual(['accounts: another order'])
  expect(dumpDifferences(dump(account), dump())).toEqual([
    `accounts, only before: ${JSON.stringify(account)}`,
  ])
})
