import { hash } from 'node:crypto'
import { expect, test } from 'vitest'
import { eventFact } from '../../src/audit/event-recorder.ts'
import { newToken, tokenDigest } from '../../src/audit/new-token.ts'
import { redactBody, redactText } from '../../src/audit/redaction.ts'
import { stillClock } from '../support/exchanges.ts'

test('a token has 32 random bytes behind a beginning that names it, and is found by its digest', () => {
  const { id, text, digest } = newToken()
  expect(text).toMatch(/^acmetap_[0-9a-f]{8}_[\w-]{43}$/)
  expect(text).toContain(`acmetap_${id}_`)
  expect(Buffer.from(text.slice(17), 'base64url')).toHaveLength(32)
  expect(digest).toBe(hash('sha256', text))
  expect(tokenDigest(`${text} `)).not.toBe(digest)
  expect(newToken().text).not.toBe(text)
})

test('its text is redacted wherever it appears', () => {
  const { id, text } = newToken()
  const secret = text.slice(17)
  const places = [
    text,
    `curl -H 'Authorization: ${text}'`,
    `?token=${text}&x=1`,
    `x${text}`,
    text.slice(0, 40),
    encodeURIComponent(`a=${text}`),
  ]
  for (const place of places) {
    const redacted = redactText(place)
    expect(redacted, place).not.toContain(secret.slice(0, 8))
    expect(redactText(redacted)).toBe(redacted)
  }
  expect(redactText(text)).toBe(`acmetap_${id}_[redacted]`)
  const body = redactBody(Buffer.from(JSON.stringify({ deep: [{ token: text }] })), 'application/json')
  expect(JSON.parse(body.toString())).toEqual({ deep: [{ token: `acmetap_${id}_[redacted]` }] })
  const escaped = `{"t":"\\u0061${text.slice(1)}"}`
  expect(redactBody(Buffer.from(escaped), 'application/json').toString()).not.toContain(secret.slice(0, 8))
  expect(redactText('acmetap_exchanges_total and acmetap_00112233_short')).toBe(
    'acmetap_exchanges_total and acmetap_00112233_short',
  )
})

test('an event holds none that somebody typed where a name belongs', () => {
  const { text } = newToken()
  const fact = eventFact(
    {
      event: 'exported',
      what: 'exchanges',
      filter: { name: text },
      rows: 1,
      actor: { kind: 'local', token: null, name: null },
      instance: 'acmetap',
    },
    stillClock(),
    { personal: [{ name: 'filter', kind: 'query', value: Buffer.from(JSON.stringify({ q: text })) }] },
  )
  expect(fact).toMatchObject({ kind: 'event', at: 1_700_000_000_000_000, monotonic: 1000 })
  expect(JSON.stringify(fact.content) + fact.personal[0]!.value.toString()).not.toContain(text.slice(17))
  expect(fact.content).toMatchObject({
    event: 'exported',
    rows: 1,
    filter: { name: expect.stringContaining('[redacted]') },
  })
})
