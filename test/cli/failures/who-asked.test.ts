import { afterEach, beforeEach, expect, test } from 'vitest'
import { clientText } from '../../../src/cli/describe-inventory.ts'
import { FakeOperations } from '../../support/fake-operations.ts'
import { aFailure } from '../../support/inventoried.ts'
import { type Over, runOver } from '../../support/run-over.ts'

const LABELLED = { id: 'c'.repeat(16), program: 'CertbotACMEClient', source: '192.0.2.7' }

let operations: FakeOperations
let over: Over
beforeEach(() => {
  operations = new FakeOperations()
  over = runOver(operations, Date.UTC(2026, 10, 22, 1, 22, 25) * 1000)
})
afterEach(() => over.end())

test.each([
  [null, '-'],
  [{ program: null, source: null, label: null }, 'unknown'],
  [{ program: null, source: null, label: 'ward-7' }, 'ward-7'],
  [{ program: null, source: '192.0.2.7', label: 'ward-7' }, '192.0.2.7 (ward-7)'],
  [{ program: 'lego-cli', source: '192.0.2.7', label: null }, 'lego-cli from 192.0.2.7'],
  [{ program: 'lego-cli', source: '192.0.2.7', label: 'ward-7' }, 'lego-cli from 192.0.2.7 (ward-7)'],
])('a client is named %j', (client, text) => {
  expect(clientText(client)).toBe(text)
})

test.each([
  [120, 'relay', 'acmetap.test:8443', 'CertbotACMEClient from 192.0.2.7 (acmetap.test:8443)'],
  [95, 'relay', 'acmetap.test:8443', 'CertbotACMEClient from 192.0.2.7'],
  [80, 'relay', 'acmetap.test:8443', 'CertbotACMEClient'],
  [80, 'intercept', 'ward-7', 'ward-7'],
] as const)(
  'at %i columns a failure in %s is told by who asked, never by acmetap itself',
  async (columns, mode, label, who) => {
    operations.inventory.failureList = [aFailure({ mode, client: { ...LABELLED, label } })]
    const { out } = await over.run(['failures'], { columns })
    expect(out).toContain(`  by ${who}  ffffffffffffffff\n`)
  },
)
