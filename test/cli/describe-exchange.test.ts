import { expect, test } from 'vitest'
import { clientOf, operationOf, statusText, subjectOf, tunnelText } from '../../src/cli/describe-exchange.ts'
import { recorded } from '../support/recorded-exchange.ts'

const tunnel = { up: 517, down: 4096, duration: 2_300_000, end: 'clientClosed' }

test('a tunnel says where to, how much and why it ended', () => {
  const exchange = recorded({
    sequence: 1,
    operation: 'tunnel',
    request: { method: 'CONNECT', target: 'api.example.net:443' },
    personal: { proxyUser: 'cluster-a' },
    outcome: { tunnel },
  })
  expect(subjectOf(exchange)).toBe('api.example.net:443')
  expect(statusText(exchange)).toBe('tunnel clientClosed')
  expect(tunnelText(exchange)).toBe('517 bytes up, 4096 down in 2.3 s; ended: clientClosed')
  expect(clientOf(exchange)).toBe('cluster-a Tester/1.0')
})

test('what only the answer showed is what it was', () => {
  const exchange = recorded({ sequence: 1, operation: 'unrecognised', outcome: { operation: 'order' } })
  expect(operationOf(exchange)).toBe('order')
  expect(operationOf(recorded({ sequence: 1, operation: 'order' }))).toBe('order')
  expect(tunnelText(exchange)).toBeNull()
})
