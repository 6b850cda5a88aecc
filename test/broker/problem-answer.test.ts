import { expect, test } from 'vitest'
import { IssuerError, type IssuerErrorDetails, type IssuerFault } from '../../src/broker/issuer.ts'
import { problemOfIssuer } from '../../src/broker/problem-answer.ts'
import { newExchangeId } from '../../src/exchange/exchange-id.ts'

const urn = (name: string) => `urn:ietf:params:acme:error:${name}`
const record = newExchangeId()
const told = (fault: IssuerFault, details: IssuerErrorDetails = {}) =>
  problemOfIssuer(new IssuerError('letsencrypt', fault, 'CA "letsencrypt": it says no', details), record)

test('RFC 8555 §6.7: type, detail, status, subproblems, Retry-After and links as the CA had them', () => {
  const subproblems = [{ type: urn('caa'), detail: 'CAA', identifier: { type: 'dns', value: 'a.example' } }]
  const links = ['<https://ca.example/limits>;rel="help"']
  const details = {
    type: urn('rateLimited'),
    detail: 'too many',
    status: 429,
    subproblems,
    retryAfter: 61.2,
    links,
  }
  const { document, fields } = told('limited', details)
  expect(document).toEqual({
    type: urn('rateLimited'),
    detail: `too many (from the CA "letsencrypt"; acmetap record ${record})`,
    status: 429,
    subproblems,
  })
  expect(fields).toEqual([
    ['link', links[0]],
    ['retry-after', '62'],
  ])
})

test('a type that nobody knows is passed on', () => {
  const type = 'https://ca.example/errors/odd'
  expect(told('refused', { type, detail: 'odd', status: 418 }).document).toMatchObject({ type, status: 418 })
})

test.each([null, 0, 200, 302, 600])('a status %j that is no error becomes its type’s', (status) => {
  const { document } = told('refused', { type: urn('rejectedIdentifier'), detail: 'no', status })
  expect(document.status).toBe(403)
})

test.each([
  'accountDoesNotExist',
  'badNonce',
  'badPublicKey',
  'badSignatureAlgorithm',
  'externalAccountRequired',
  'userActionRequired',
])("%s is about acmetap's account, and no reason for a client to act on its own", (name) => {
  const { document } = told('refused', { type: urn(name), detail: 'of the CA', status: 400 })
  expect(document).toMatchObject({ type: urn('serverInternal'), status: 500 })
  expect(document.detail).toContain('of the CA (from the CA "letsencrypt"')
})

test.each([
  ['refused', 'unauthorized', 403],
  ['limited', 'rateLimited', 429],
  ['unavailable', 'serverInternal', 503],
  ['unfit', 'rejectedIdentifier', 403],
  ['wrong', 'serverInternal', 502],
  ['uncertain', 'serverInternal', 500],
  ['aborted', 'serverInternal', 503],
] as const)('where no CA spoke, %s is %s (%i)', (fault, type, status) => {
  const { document, fields } = told(fault)
  expect(document).toEqual({
    type: urn(type),
    detail: `CA "letsencrypt": it says no (acmetap record ${record})`,
    status,
  })
  expect(fields).toEqual(status === 503 ? [['retry-after', '10']] : [])
})

test('J19: words of a CA are one line, and bounded; links stay within their field', () => {
  const detail = `a\r\nb\u0000c\u202e${'x'.repeat(100_000)}`
  const links = ['<https://a.example>\r\nX: y;rel="help"', '<https://b.example>;rel="help"']
  const { document, fields } = told('refused', { type: urn('malformed'), detail, status: 400, links })
  expect(document.detail).toMatch(/^a b c/)
  expect(document.detail).not.toMatch(/[\p{Cc}\p{Cf}]/u)
  expect(document.detail.length).toBeLessThan(5000)
  expect(fields).toEqual([['link', links[1]]])
})

test('what the other CAs said stands behind it', () => {
  const others = ['CA "zerossl": is down', 'CA "google": wants an account']
  const { document } = told('refused', { type: urn('caa'), detail: 'no', status: 403, others })
  expect(document.detail).toBe(
    `no (from the CA "letsencrypt"; ${others.join('; ')}; acmetap record ${record})`,
  )
})
