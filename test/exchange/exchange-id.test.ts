import { expect, test } from 'vitest'
import { isExchangeId, newExchangeId } from '../../src/exchange/exchange-id.ts'

test('ids are UUIDv7 of their millisecond', () => {
  const now = Date.now() + 1_000_000
  const id = newExchangeId(now)
  expect(isExchangeId(id)).toBe(true)
  expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(now)
})

test('ids increase strictly: within a millisecond, beyond its counter, and when the clock goes back', () => {
  const start = Date.now() + 2_000_000
  const ids: string[] = []
  for (let i = 0; i < 10_000; i++) ids.push(newExchangeId(start))
  for (let i = 0; i < 100; i++) ids.push(newExchangeId(start - 1000 * i))
  ids.push(newExchangeId(start + 60_000))
  for (let i = 1; i < ids.length; i++)
    if (!(ids[i]! > ids[i - 1]!)) expect([ids[i - 1], ids[i]]).toBe('increasing')
  expect(ids.every(isExchangeId)).toBe(true)
})

test.each([
  '',
  'x',
  '018f2b6c-0000-4000-8000-000000000000',
  '018F2B6C-0000-7000-8000-000000000000',
  '018f2b6c-0000-7000-c000-000000000000',
])('%j is no exchange id', (text) => expect(isExchangeId(text)).toBe(false))
