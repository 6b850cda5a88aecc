import { expect, test } from 'vitest'
import { WebhookWatch } from '../../src/app/webhook-watch.ts'

test('a change is told once, and a webhook that comes and goes is not mended yet', () => {
  let at = 0
  const watch = new WebhookWatch(() => at)
  const told = (answered: boolean, after = 0) => {
    at += after
    return watch.note('cmdb', answered)
  }
  expect([told(true), told(false), told(false, 500), told(true, 500), told(false, 500)]).toEqual([
    null,
    'failed',
    null,
    null,
    null,
  ])
  expect(watch.note('other', true)).toBeNull()
  expect([told(true, 9_999), told(true, 1), told(true), told(false)]).toEqual([
    null,
    'recovered',
    null,
    'failed',
  ])
})
