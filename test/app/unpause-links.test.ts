import { expect, test } from 'vitest'
import { UnpauseLinks } from '../../src/app/unpause-links.ts'
import type { Completed } from '../../src/exchange/exchange.ts'
import { ACCOUNT, answered, decided, inspection, response } from '../support/exchanges.ts'

const LINK = 'https://ca.example/sfe/v1/unpause?jwt=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln'
const refusal = (detail: string, status = 429) => ({
  ...answered(
    decided('newOrder', { inspection: inspection({ identifiers: [] }) }),
    response(status, { type: 'urn:ietf:params:acme:error:rateLimited', detail }),
  ),
  completedAt: { wall: 1, monotonic: 1 },
})
const PAUSED =
  'Your account is temporarily prevented from requesting certificates for a.example, b.example and possibly others. Please visit: '

test('the link of a paused account is remembered, the newest wins', () => {
  const links = new UnpauseLinks()
  expect(links.of(ACCOUNT)).toBeNull()
  links.note(refusal(`${PAUSED}${LINK}`) as Completed)
  expect(links.of(ACCOUNT)).toBe(LINK)
  links.note(refusal(`${PAUSED}${LINK}2.`) as Completed)
  expect(links.of(ACCOUNT)).toBe(`${LINK}2`)
})

test('nothing else is taken for one', () => {
  const links = new UnpauseLinks()
  links.note(refusal(`${PAUSED}${LINK}`, 201) as Completed)
  links.note(
    refusal('too many new orders (300) from this account. See https://ca.example/?jwt=') as Completed,
  )
  links.note(refusal(`${PAUSED}http://ca.example/unpause?jwt=abc`) as Completed)
  links.note(refusal(`${PAUSED}https://ca.example/unpause`) as Completed)
  const order = refusal(`${PAUSED}${LINK}`)
  links.note({ ...order, operation: 'finalize' } as Completed)
  links.note({ ...order, inspection: null } as Completed)
  expect(links.of(ACCOUNT)).toBeNull()
})
