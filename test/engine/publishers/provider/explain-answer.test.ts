import { expect, it } from 'vitest'
import { explainAnswer } from '../../../../src/engine/publishers/provider/explain-answer.ts'

/** As the providers write them. */
it.each([
  [
    '{"success":false,"errors":[{"code":6003,"message":"Invalid request headers","error_chain":[{"code":6111,"message":"Invalid format for Authorization header"}]}],"messages":[],"result":null}',
    'Invalid request headers (6003); Invalid format for Authorization header (6111)',
  ],
  ['{"error":{"code":"not_found","message":"zone not found","details":null}}', 'zone not found (not_found)'],
  [
    '{"id":"Unauthorized","message":"Unable to authenticate you"}',
    'Unable to authenticate you (Unauthorized)',
  ],
  [
    '{"errorCode":"INVALID_CREDENTIAL","httpCode":"403 Forbidden","message":"This credential is not valid"}',
    'This credential is not valid (INVALID_CREDENTIAL)',
  ],
  [
    '{"error":"invalid_grant","error_description":"Invalid JWT Signature."}',
    'Invalid JWT Signature. (invalid_grant)',
  ],
  [
    '{"error":{"code":403,"message":"Forbidden","errors":[{"message":"Forbidden","domain":"global","reason":"forbidden"}]}}',
    'Forbidden (403); Forbidden',
  ],
  [
    '{"detail":"Request was throttled. Expected available in 12 seconds."}',
    'Request was throttled. Expected available in 12 seconds.',
  ],
  [
    '[{"ttl":["Ensure this value is greater than or equal to 3600."]}]',
    'ttl: Ensure this value is greater than or equal to 3600.',
  ],
  ['plain\n\u001b[31mtext', 'plain [31mtext'],
  ['<html><body>502</body></html>', ''],
  ['null', ''],
  ['[]', ''],
  ['"text"', ''],
  ['', ''],
])('%s', (text, says) => {
  expect(explainAnswer(text)).toBe(says)
})

it('is one line of bounded length, whatever is said', () => {
  let deep: unknown = { message: 'a\nb'.repeat(1_000) }
  for (let n = 0; n < 100; n += 1)
    deep = { errors: Array.from({ length: 10 }, () => deep).slice(0, 1), message: `m${n}\u2028` }
  for (const text of [JSON.stringify(deep), 'x'.repeat(100_000), '['.repeat(100_000)]) {
    expect(explainAnswer(text).length).toBeLessThanOrEqual(301)
    expect(explainAnswer(text)).not.toMatch(/[\r\n\u2028]/)
  }
})
