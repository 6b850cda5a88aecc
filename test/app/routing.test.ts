import { expect, test } from 'vitest'
import { routingOf } from '../../src/app/routing.ts'
import { parseConfig } from '../../src/config/load.ts'
import { received } from '../support/exchanges.ts'

const { config } = parseConfig(
  `version: 1
cas:
  plain: { directory: https://ca.example/dir }
  ported: { directory: "https://ca.example:14000/dir" }
  relayed: { directory: https://b.example/dir }
relay: [{ host: "acmetap.example:8443", ca: relayed }]
intercept: { cas: [plain, ported] }
`,
  '/x/acmetap.yaml',
  { env: {}, readFiles: false },
)
const { destinationOf, hostOf, intercepted } = routingOf(config)
const { connection } = received()
const via = (takenOver: string) => ({ ...connection, mode: 'intercept' as const, intercepted: takenOver })

test.each([
  ['ca.example', 'ca.example', 'plain'],
  ['ca.example', 'ca.example:443', 'plain'],
  ['ca.example', 'CA.example', 'plain'],
  ['ca.example:14000', 'ca.example:14000', 'ported'],
  ['ca.example', 'ca.example:14000', null],
  ['ca.example:14000', 'ca.example', null],
  ['ca.example:14000', 'ca.example:14000:443', null],
  ['ca.example', 'ca.example.', null],
  ['ca.example', 'b.example', null],
  ['b.example', 'b.example', null],
  ['ca.example', 'acmetap.example:8443', null],
])('on a connection taken over for %s a request for %s goes to %s', (takenOver, authority, ca) => {
  expect(destinationOf(authority, via(takenOver))).toEqual(ca === null ? null : { ca, authority })
})

test('relay knows its hosts byte for byte, and no intercepted one', () => {
  expect(destinationOf('acmetap.example:8443', connection)?.ca).toBe('relayed')
  for (const authority of ['ACMETAP.example:8443', 'ca.example', null]) {
    expect(destinationOf(authority, connection)).toBeNull()
  }
})

test('hosts and ports of what is taken over', () => {
  expect(intercepted.takeOver('ca.example', 443)).toBe('ca.example')
  expect(intercepted.takeOver('ca.example', 14000)).toBe('ca.example:14000')
  expect(intercepted.takeOver('ca.example', 80)).toBeNull()
  expect(intercepted.takeOver('b.example', 443)).toBeNull()
  expect(intercepted.authoritiesOf('ca.example')).toEqual(['ca.example', 'ca.example:14000'])
  expect(intercepted.addressWithoutName()).toBeNull()
  expect([hostOf('ported'), hostOf('nobody')]).toEqual(['ca.example', null])
})
