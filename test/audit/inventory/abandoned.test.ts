import { expect, test } from 'vitest'
import { ABANDONED_AFTER, abandoned, type StandingOrder } from '../../../src/audit/inventory/abandoned.ts'

const NOW = 1_800_000_000_000_000
const DAY = 86_400_000_000

const pending: StandingOrder = {
  status: 'pending',
  expires: NOW + DAY,
  lastAt: NOW - ABANDONED_AFTER,
  answered: false,
  certificateUrl: null,
  downloaded: false,
}
const valid: StandingOrder = {
  ...pending,
  status: 'valid',
  answered: true,
  certificateUrl: 'https://ca.example/1',
}

test.for<[string, StandingOrder, string | null]>([
  ['a pending order nobody answered a challenge of for an hour', pending, 'challenge-not-answered'],
  ['one that is younger', { ...pending, lastAt: pending.lastAt + 1 }, null],
  [
    'one that is younger and has expired',
    { ...pending, lastAt: NOW, expires: NOW },
    'challenge-not-answered',
  ],
  ['one without an expiry', { ...pending, expires: null }, 'challenge-not-answered'],
  ['one whose challenge was answered', { ...pending, answered: true }, null],
  ['a ready order', { ...pending, status: 'ready', answered: true }, 'order-not-finalized'],
  ['a ready order that is younger', { ...pending, status: 'ready', lastAt: NOW }, null],
  [
    'a ready order of authorizations that were valid before',
    { ...pending, status: 'ready' },
    'order-not-finalized',
  ],
  ['an order the CA still works on', { ...pending, status: 'processing' }, null],
  ['a certificate nobody fetched', valid, 'certificate-not-downloaded'],
  ['a certificate there was no time to fetch', { ...valid, lastAt: NOW }, null],
  ['a certificate that was fetched', { ...valid, downloaded: true }, null],
  [
    'a valid order whose expiry has passed, fetched',
    { ...valid, downloaded: true, expires: NOW - DAY },
    null,
  ],
  ['a valid order without a certificate to fetch', { ...valid, certificateUrl: null }, null],
  ['an order that failed', { ...pending, status: 'invalid' }, null],
  ['an order of unknown status', { ...pending, status: null }, null],
])('%s', ([, order, wanted]) => {
  expect(abandoned(order, NOW)).toBe(wanted)
})
