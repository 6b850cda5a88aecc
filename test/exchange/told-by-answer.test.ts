import { expect, test } from 'vitest'
import { outcomeFact } from '../../src/audit/outcome.ts'
import { KEEP_ALL } from '../../src/audit/privacy.ts'
import type { OutcomeContent } from '../../src/audit/record.ts'
import type { FieldList } from '../../src/exchange/exchange.ts'
import { learnFrom } from '../../src/exchange/learn.ts'
import { toldByAnswer } from '../../src/exchange/told-by-answer.ts'
import { ACCOUNT, decided, inspection, ORIGIN, received, response, taught } from '../support/exchanges.ts'

const JSON_TYPE: FieldList = [['content-type', 'application/json']]
const order = {
  status: 'pending',
  identifiers: [{ type: 'dns', value: 'a.example' }],
  authorizations: [`${ORIGIN}/authz/9`],
  finalize: `${ORIGIN}/finalize/9`,
}

function unknown(target: string, payload: unknown, method = 'POST') {
  const { request } = received({ target, method })
  return decided('unrecognised', { request, inspection: method === 'POST' ? inspection(payload) : null })
}

test.each([
  ['order', '/o/9', undefined, order],
  ['finalize', '/f/9', { csr: 'MIIB' }, order],
  ['authorization', '/z/9', undefined, { status: 'valid', identifier: {}, challenges: [] }],
  ['challenge', '/c/9', {}, { status: 'valid', type: 'http-01', url: `${ORIGIN}/c/9` }],
  ['orders', '/os/9', undefined, { orders: [] }],
  ['account', '/acct/1', undefined, { status: 'valid' }],
  ['unrecognised', '/acct/2', undefined, { status: 'valid' }],
  ['unrecognised', '/x', undefined, [1]],
])('an answer shows a request to be %s', (operation, target, payload, body) => {
  expect(toldByAnswer(unknown(target, payload), response(200, body, JSON_TYPE)).operation).toBe(operation)
})

test('a certificate by its media type, renewal information by its window', () => {
  const pem = response(200, 'PEM', [['content-type', 'application/pem-certificate-chain; charset=utf-8']])
  expect(toldByAnswer(unknown('/cert/1', undefined), pem).operation).toBe('certificate')
  const info = response(200, { suggestedWindow: {} }, JSON_TYPE)
  expect(toldByAnswer(unknown('/ari/x', undefined, 'GET'), info).operation).toBe('renewalInfo')
})

test('a failed answer shows nothing, and what is known stays', () => {
  const failed = unknown('/o/9', undefined)
  expect(toldByAnswer(failed, response(404, order, JSON_TYPE))).toBe(failed)
  const known = decided('challenge', { inspection: inspection({}) })
  expect(toldByAnswer(known, response(200, order, JSON_TYPE))).toBe(known)
})

test('what another instance has learned is learned here, and the outcome says what it was', () => {
  const exchange = unknown('/o/9', undefined)
  const answer = response(200, order, JSON_TYPE)
  const { resources } = learnFrom(exchange, answer)
  const found = resources.map(({ url, operation, account, order: of }) => [url, operation, account, of])
  expect(found).toEqual([
    [`${ORIGIN}/o/9`, 'order', ACCOUNT, `${ORIGIN}/o/9`],
    [`${ORIGIN}/authz/9`, 'authorization', ACCOUNT, `${ORIGIN}/o/9`],
    [`${ORIGIN}/finalize/9`, 'finalize', ACCOUNT, `${ORIGIN}/o/9`],
  ])
  const completed = { ...taught(exchange, answer), completedAt: { wall: 1, monotonic: 1 } }
  const content = outcomeFact(completed, KEEP_ALL).content as OutcomeContent
  expect(content).toMatchObject({ operation: 'order', order: `${ORIGIN}/o/9`, objectStatus: 'pending' })
  expect(content.identifiers).toEqual(order.identifiers)
  const plain = { ...taught(decided('order'), answer), completedAt: { wall: 1, monotonic: 1 } }
  expect((outcomeFact(plain, KEEP_ALL).content as OutcomeContent).operation).toBeNull()
})

test('a finalize of an unknown URL belongs to the order that its answer locates, a challenge to what it links up to', () => {
  const contentOf = (
    target: string,
    payload: unknown,
    body: unknown,
    field: FieldList[number],
    status = 200,
  ) => {
    const answer = response(status, body, [...JSON_TYPE, field])
    const completed = { ...taught(unknown(target, payload), answer), completedAt: { wall: 1, monotonic: 1 } }
    return outcomeFact(completed, KEEP_ALL).content as OutcomeContent
  }
  const location = ['location', `${ORIGIN}/o/9`] as const
  const finalized = contentOf('/f/9', { csr: 'MIIB' }, order, location)
  expect(finalized).toMatchObject({ operation: 'finalize', order: `${ORIGIN}/o/9` })
  expect(contentOf('/f/9', { csr: 'MIIB' }, order, location, 403).order).toBeNull()
  const challenge = { status: 'valid', type: 'http-01', url: `${ORIGIN}/c/9` }
  const up = ['link', '</authz/9>;rel="up"'] as const
  expect(contentOf('/c/9', {}, challenge, up)).toMatchObject({
    operation: 'challenge',
    order: null,
    authorization: `${ORIGIN}/authz/9`,
  })
})
