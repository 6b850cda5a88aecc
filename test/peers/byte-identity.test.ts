import { expect, test } from 'vitest'
import type { TappedExchange } from '../support/tap.ts'
import { compareSides } from './byte-identity.ts'

const ASKED: TappedExchange = {
  method: 'POST',
  target: '/order-plz',
  host: 'ca.acme.test',
  userAgent: 'client/1',
  fields: [
    ['host', 'ca.acme.test'],
    ['user-agent', 'client/1'],
    ['connection', 'close'],
    ['expect', '100-continue'],
    ['content-length', '2'],
  ],
  body: Buffer.from('{}'),
  status: 201,
  answerFields: [
    ['replay-nonce', 'nonce-1'],
    ['location', 'https://ca.acme.test/order/1'],
    ['acmetap-exchange', '01a20188-a78b-700f-a63b-0d171720aea8'],
    ['content-length', '4'],
  ],
  answer: Buffer.from('true'),
}

const GOT: TappedExchange = {
  ...ASKED,
  fields: [
    ['user-agent', 'client/1'],
    ['host', 'ca.acme.test'],
    ['content-length', '2'],
  ],
  answerFields: [
    ['replay-nonce', 'nonce-1'],
    ['location', 'https://ca.acme.test/order/1'],
    ['transfer-encoding', 'chunked'],
  ],
}

test('finds nothing but hop-by-hop fields, Expect and Acmetap-Exchange to be equal', () => {
  expect(compareSides([ASKED], [GOT])).toEqual({ pairs: 1, differences: [] })
})

const CHANGES: readonly (readonly [string, Partial<TappedExchange>, RegExp])[] = [
  ['a field of the request', { fields: [...GOT.fields, ['via', '1.1 acmetap']] }, /fields of the request/],
  ['the body of the request', { body: Buffer.from('{ }') }, /the CA got no such request/],
  ['the target', { target: '/order-plz?' }, /the CA got no such request/],
  ['the status', { status: 200 }, /status/],
  [
    'a value in the answer',
    { answerFields: GOT.answerFields.map(([name, value]) => [name, value.replace('order/1', 'order/2')]) },
    /fields of the answer/,
  ],
  ['the nonce', { answerFields: [['replay-nonce', 'nonce-2']] }, /the CA got no such request/],
  ['the body of the answer', { answer: Buffer.from('null') }, /body of the answer/],
]

test.each(CHANGES)('sees a change of %s', (_what, change, expected) => {
  const { differences } = compareSides([ASKED], [{ ...GOT, ...change }])
  expect(differences).toEqual([expect.stringMatching(expected)])
})

test('pairs one request with one', () => {
  expect(compareSides([ASKED, ASKED], [GOT]).differences).toHaveLength(1)
})

test('takes a directory from an equal answer to another client', () => {
  const directory = { ...ASKED, method: 'GET', target: '/dir', answerFields: GOT.answerFields }
  const got = { ...GOT, method: 'GET', target: '/dir' }
  expect(compareSides([directory, directory], [got]).differences).toEqual([])
})
