import { expect, test } from 'vitest'
import { isTemporary, keepsOrder, waitAfter } from '../../src/engine/back-off.ts'
import { EngineError } from '../../src/engine/engine-error.ts'

const error = (fault: EngineError['fault'], details = {}) => new EngineError(fault, 'x', details)
const MINUTE = 60

test('1, 10 and 100 minutes, then daily', () => {
  const waits = [1, 2, 3, 4, 5, 99].map((failures) => waitAfter(failures, error('invalid'), 0) / MINUTE)
  expect(waits).toEqual([1, 10, 100, 1440, 1440, 1440])
})

test('what may pass by itself never waits a day', () => {
  const waits = [1, 2, 3, 4, 99].map((failures) => waitAfter(failures, error('network'), 0) / MINUTE)
  expect(waits).toEqual([1, 10, 100, 100, 100])
})

test('never before the CA said, and a tenth later at most', () => {
  expect(waitAfter(1, error('problem', { status: 429, retryAfter: 7200 }), 0)).toBe(7200)
  expect(waitAfter(1, error('problem', { status: 429, retryAfter: 7200 }), 0.999)).toBeLessThanOrEqual(7920)
  expect(waitAfter(1, error('invalid', { retryAfter: 1 }), 0)).toBe(MINUTE)
})

test.each([
  ['network', {}, true, true],
  ['deploy', {}, true, true],
  ['problem', { status: 500 }, true, true],
  ['problem', { status: 429 }, true, true],
  ['problem', { status: 403 }, false, false],
  ['problem', { status: 400, retryAfter: 5 }, true, true],
  ['refused', {}, false, true],
  ['refused', { status: 503, retryAfter: 5 }, true, true],
  ['invalid', {}, false, false],
  ['mismatch', {}, false, false],
  ['input', {}, false, true],
  ['solver', {}, false, true],
  ['protocol', {}, false, true],
] as const)('%s %o', (fault, details, temporary, keeps) => {
  expect(isTemporary(error(fault, details))).toBe(temporary)
  expect(keepsOrder(error(fault, details), 1)).toBe(keeps)
})

test('a CA that says what no CA should say is not believed for ever', () => {
  expect([1, 2, 3, 4].map((failures) => keepsOrder(error('protocol'), failures))).toEqual([
    true,
    true,
    false,
    false,
  ])
})
