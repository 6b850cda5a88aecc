/** The same requests for every server: each operation of RFC 8555 and RFC 9773, and what can be wrong with it. */
import { createHash, createHmac, type KeyObject, X509Certificate } from 'node:crypto'
import { type AuthorizationDocument, type OrderDocument, readJson } from '../../acme-client.ts'
import { type AccountKeyPair, makeAccountKey } from '../../sign-jws.ts'
import { makeCsr, makeRoot } from '../../test-ca/certificates.ts'
import { innerOf } from '../operations-world.ts'
import type { Conversation } from './conversation.ts'

/** What http-01 is answered with, by token; null: 404. */
export type Answers = Map<string, string>

/** A name that the server is set up to refuse. */
export const FORBIDDEN = 'forbidden.example'

export async function talk(server: Conversation, answers: Answers): Promise<void> {
  await reading(server)
  await accounts(server)
  await envelopes(server)
  const foreign = await server.other('newAccount: another')
  await orders(server)
  const issued = await issuance(server, foreign, answers)
  await failing(server)
  await certificates(server, foreign, issued)
  await keys(server, foreign)
  await server.post('account: deactivated', server.account, { status: 'deactivated' })
  await server.post('account: once it is deactivated', server.account)
  await server.post(
    'newAccount: by a key of a deactivated account',
    at(server, 'newAccount'),
    { termsOfServiceAgreed: true },
    { jwk: server.key.jwk },
  )
}

function at({ directory }: Conversation, operation: string): string {
  return directory[operation] ?? ''
}

async function reading(server: Conversation): Promise<void> {
  const newNonce = at(server, 'newNonce')
  await server.send('newNonce: HEAD', 'HEAD', newNonce)
  await server.send('newNonce: GET', 'GET', newNonce)
  await server.send('newOrder: GET', 'GET', at(server, 'newOrder'))
  await server.send('newOrder: PUT', 'PUT', at(server, 'newOrder'))
  await server.send('nothing: GET', 'GET', new URL('/nothing-here', newNonce).href)
}

async function accounts(server: Conversation): Promise<void> {
  const url = at(server, 'newAccount')
  const jwk = () => ({ jwk: server.key.jwk })
  const agreed = { termsOfServiceAgreed: true }
  await server.post('newAccount: onlyReturnExisting, unknown', url, { onlyReturnExisting: true }, jwk())
  await server.post('newAccount: terms not agreed', url, {}, jwk())
  await server.post('newAccount: contact tel:', url, { ...agreed, contact: ['tel:+1'] }, jwk())
  await server.post(
    'newAccount: contact that is no address',
    url,
    { ...agreed, contact: ['mailto:x'] },
    jwk(),
  )
  await server.post(
    'newAccount: two addresses in one contact',
    url,
    { ...agreed, contact: ['mailto:a@b.test,c@d.test'] },
    jwk(),
  )
  const protectedText = encoded({ alg: 'HS256', kid: 'unknown', url })
  const payload = encoded(server.key.jwk)
  const signature = createHmac('sha256', 'x').update(`${protectedText}.${payload}`).digest('base64url')
  const externalAccountBinding = { protected: protectedText, payload, signature }
  await server.post('newAccount: EAB key unknown', url, { ...agreed, externalAccountBinding }, jwk())
  server.key = makeAccountKey()
  const answer = await server.post('newAccount', url, { ...agreed, contact: ['mailto:a@b.test'] }, jwk())
  server.account = answer.fields.location ?? ''
  await server.post('newAccount: existing', url, agreed, jwk())
  await server.post('newAccount: onlyReturnExisting', url, { onlyReturnExisting: true }, jwk())
  await server.post('newAccount: by kid', url, agreed)
  await server.post('newAccount: unknown members', url, { ...agreed, junk: { a: [1] } }, jwk())
  await server.post('account: read', server.account)
  await server.post('account: contact changed', server.account, { contact: ['mailto:c@d.test'] })
  await server.post('account: unknown status', server.account, { status: 'revoked' })
  await server.post('account: contact tel:', server.account, { contact: ['tel:+1'] })
  const { orders: list } = readJson<{ orders?: string }>(await server.post(null, server.account))
  if (list !== undefined) await server.post('orders: none yet', list)
}

async function envelopes(server: Conversation): Promise<void> {
  const url = at(server, 'newOrder')
  const order = { identifiers: [{ type: 'dns', value: 'envelope.test' }] }
  const send = (step: string, body: Buffer, fields?: Readonly<Record<string, string>>) =>
    server.send(`JWS: ${step}`, 'POST', url, body, fields)
  const changed = async (step: string, change: (jws: Record<string, unknown>) => unknown) =>
    send(step, Buffer.from(JSON.stringify(change(JSON.parse((await server.signed(url, order)).toString())))))
  await server.post('JWS: nonce that was never given', url, order, { nonce: 'bm9uY2U' })
  await server.post('JWS: no nonce', url, order, { nonce: undefined })
  const used = await server.signed(url, order)
  await server.send(null, 'POST', url, used)
  await send('nonce used before', used)
  await server.post('JWS: another url', url, order, { url: `${url}x` })
  await server.post('JWS: no url', url, order, { url: undefined })
  await server.post('JWS: neither jwk nor kid', url, order, { kid: undefined })
  await server.post('JWS: jwk and kid', url, order, { kid: server.account, jwk: server.key.jwk })
  await server.post('JWS: jwk where kid belongs', url, order, { jwk: server.key.jwk })
  await server.post('JWS: kid of nobody', url, order, { kid: `${server.account}0` })
  await server.post('JWS: signed by another key', url, order, {}, makeAccountKey())
  await server.post('JWS: alg HS256', url, order, { alg: 'HS256' })
  await server.post('JWS: alg none', url, order, { alg: 'none' })
  await server.post('JWS: alg of another kind of key', url, order, { alg: 'RS256' })
  await server.post('JWS: typ', url, order, { typ: 'JOSE+JSON' })
  await server.post('JWS: crit', url, order, { crit: ['exp'], exp: 1 })
  await changed('signature of no bytes', (jws) => ({ ...jws, signature: '' }))
  await changed('unprotected header', (jws) => ({ ...jws, header: { kid: 'x' } }))
  await changed('signatures', ({ payload, ...one }) => ({ payload, signatures: [one] }))
  await changed('payload with padding', (jws) => ({ ...jws, payload: `${jws.payload}=` }))
  await send('no JSON', Buffer.from('hello'))
  await send('no body', Buffer.alloc(0), { 'content-type': 'application/jose+json' })
  await send('Content-Type of JSON', await server.signed(url, order), { 'content-type': 'application/json' })
  await send('Content-Type with charset', await server.signed(url, order), {
    'content-type': 'application/jose+json; charset=utf-8',
  })
  await server.post('JWS: payload that is no object', url, [])
  await server.post('JWS: no payload', url)
}

async function orders(server: Conversation): Promise<void> {
  const url = at(server, 'newOrder')
  const ask = (step: string, identifiers: unknown, more = {}) =>
    server.post(`newOrder: ${step}`, url, { identifiers, ...more })
  await ask('no identifiers', [])
  await ask('type email', [{ type: 'email', value: 'a@b.test' }])
  await ask('empty value', dns(''))
  await ask('underscore', dns('a_b.test'))
  await ask('dot at the end', dns('a.test.'))
  await ask('wildcard inside', dns('a.*.test'))
  await ask('address as a name', dns('192.0.2.1'))
  await ask('forbidden name', dns(FORBIDDEN))
  await ask('forbidden name among others', dns('fine.test', FORBIDDEN))
  await ask('unknown profile', dns('a.test'), { profile: 'nope' })
  await ask('replaces what is no id', dns('a.test'), { replaces: 'nope' })
  await ask('unknown members', dns('a.test'), { junk: [{}] })
  await ask('upper case, twice', dns('WWW.a.test', 'www.a.test'))
  await ask('address', [{ type: 'ip', value: '127.0.0.1' }])
  const wildcard = await ask('wildcard', dns('*.a.test'))
  const [authorization = ''] = readJson<OrderDocument>(wildcard).authorizations
  await server.post('authorization: wildcard', authorization)
}

interface Issued {
  readonly order: string
  readonly certificate: string
  readonly pem: string
  readonly key: AccountKeyPair
}

async function issuance(server: Conversation, foreign: Conversation, answers: Answers): Promise<Issued> {
  const names = ['one.test', 'two.test']
  const ordered = await server.post('newOrder', at(server, 'newOrder'), { identifiers: dns(...names) })
  const order = ordered.fields.location!
  const { authorizations, finalize } = readJson<OrderDocument>(ordered)
  await server.post('order: pending', order)
  await server.post('order: with a payload', order, {})
  await server.send('order: GET', 'GET', order)
  await foreign.post("order: another's", order)
  await server.post('order: unknown', unknown(order))
  const requested = requestOf(names)
  const send = (step: string, csr: string, from = server) => from.post(`finalize: ${step}`, finalize, { csr })
  await send('of a pending order', requested.csr)
  await send("another's order", requested.csr, foreign)
  await foreign.post("authorization: another's", authorizations[0]!)
  await server.post('authorization: unknown', unknown(authorizations[0]!))
  for (const [place, url] of authorizations.entries()) {
    const step = (what: string) => (place === 0 ? what : null)
    const shown = await server.post(step('authorization: pending'), url)
    const { challenges } = readJson<AuthorizationDocument>(shown)
    const challenge = challenges.find(({ type }) => type === 'http-01') as
      | { url: string; token: string }
      | undefined
    answers.set(challenge!.token, `${challenge!.token}.${server.key.thumbprint}`)
    if (place === 0) {
      await foreign.post("challenge: another's", challenge!.url, {})
      await server.post('challenge: read', challenge!.url)
    }
    await server.post(step('challenge: answered'), challenge!.url, {})
    await server.settled('authorization: valid', url, ['pending'])
    if (place === 0) {
      await server.post('challenge: valid', challenge!.url)
      await server.post('challenge: answered once it is valid', challenge!.url, {})
    }
  }
  await server.settled('order: ready', order, ['pending'])
  await server.post('finalize: no csr', finalize, {})
  await send('csr that is no base64url', '*')
  await send('csr that is no DER', 'AAAA')
  await send('names that are not ordered', requestOf(['one.test', 'three.test']).csr)
  await send('a name is missing', requestOf(['one.test']).csr)
  await send('key of the account', requestOf(names, server.key).csr)
  await send('signed by another key', requestOf(names, requested.key, makeAccountKey().privateKey).csr)
  await send('', requested.csr)
  const done = await server.settled('order: valid', order, ['processing', 'ready'])
  const { certificate = '' } = readJson<OrderDocument>(done)
  await send('once more', requested.csr)
  await send('once more with another request', requestOf(names).csr)
  const { orders: list } = readJson<{ orders?: string }>(await server.post(null, server.account))
  if (list !== undefined) await server.post('orders: some', list)
  const pem = (await server.post('certificate', certificate)).body.toString()
  return { order, certificate, pem, key: requested.key }
}

/** Nobody answers for the first name; the second is given up. */
async function failing(server: Conversation): Promise<void> {
  const ordered = await server.post(null, at(server, 'newOrder'), { identifiers: dns('nobody.test') })
  const { authorizations, finalize } = readJson<OrderDocument>(ordered)
  const { challenges } = readJson<AuthorizationDocument>(await server.post(null, authorizations[0]!))
  const challenge = challenges.find(({ type }) => type === 'http-01')!
  await server.post(null, challenge.url, {})
  await server.settled('authorization: invalid', authorizations[0]!, ['pending'])
  await server.post('challenge: invalid', challenge.url)
  await server.post('challenge: answered once it is invalid', challenge.url, {})
  await server.settled('order: invalid', ordered.fields.location!, ['pending'])
  await server.post('finalize: of an invalid order', finalize, { csr: requestOf(['nobody.test']).csr })
  const another = await server.post(null, at(server, 'newOrder'), { identifiers: dns('given-up.test') })
  const [url = ''] = readJson<OrderDocument>(another).authorizations
  await server.post('authorization: unknown status', url, { status: 'valid' })
  await server.post('authorization: deactivated', url, { status: 'deactivated' })
  await server.settled('order: of a deactivated authorization', another.fields.location!, ['pending'])
}

async function certificates(server: Conversation, foreign: Conversation, issued: Issued): Promise<void> {
  const { certificate, pem, key } = issued
  await server.send('certificate: GET', 'GET', certificate)
  await foreign.post("certificate: another's", certificate)
  await server.post('certificate: unknown', unknown(certificate))
  const { renewalInfo } = server.directory
  const leaf = new X509Certificate(pem)
  if (renewalInfo !== undefined) {
    await server.send('renewalInfo', 'GET', `${renewalInfo}/${certificateId(leaf)}`)
    await server.send('renewalInfo: unknown', 'GET', `${renewalInfo}/AAAA.AAAA`)
  }
  const der = leaf.raw.toString('base64url')
  const revoke = (step: string, payload: object, from = server) =>
    from.post(`revokeCert: ${step}`, at(server, 'revokeCert'), payload)
  await revoke("another's", { certificate: der }, foreign)
  await revoke('unknown reason', { certificate: der, reason: 99 })
  await revoke('no certificate', {})
  await revoke('bytes that are none', { certificate: 'AAAA' })
  const stranger = new X509Certificate(makeRoot('Stranger').pem).raw.toString('base64url')
  await revoke('unknown', { certificate: stranger })
  const own = { jwk: key.jwk }
  await server.post(
    'revokeCert: by its key',
    at(server, 'revokeCert'),
    { certificate: der, reason: 1 },
    own,
    key,
  )
  await revoke('once more', { certificate: der })
}

async function keys(server: Conversation, foreign: Conversation): Promise<void> {
  const url = at(server, 'keyChange')
  const old = server.key
  const change = (step: string, to: AccountKeyPair, header = {}, payload = {}) =>
    server.post(
      `keyChange: ${step}`,
      url,
      innerOf(to, { jwk: to.jwk, url, ...header }, { account: server.account, oldKey: old.jwk, ...payload }),
    )
  const next = makeAccountKey()
  await change('another url inside', next, { url: `${url}x` })
  await change('another account inside', next, {}, { account: foreign.account })
  await change('another old key', next, {}, { oldKey: next.jwk })
  await change('the same key', old)
  await change("another's key", foreign.key)
  await server.post(
    'keyChange: inner by another key',
    url,
    innerOf(makeAccountKey(), { jwk: next.jwk, url }, { account: server.account, oldKey: old.jwk }),
  )
  await change('', next)
  await server.post('account: by its old key', server.account)
  server.key = next
  await server.post('account: by its new key', server.account)
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function dns(...values: readonly string[]) {
  return values.map((value) => ({ type: 'dns', value }))
}

/** The same URL with another id: as long, and nobody's. */
function unknown(url: string): string {
  const place = url.lastIndexOf('/') + 1
  const id = url.slice(place)
  const digest = createHash('sha256').update(id)
  const other = /^[0-9a-f]+$/.test(id) ? digest.digest('hex') : digest.digest('base64url')
  return `${url.slice(0, place)}${other.padEnd(id.length, '0').slice(0, id.length)}`
}

function requestOf(names: readonly string[], key = makeAccountKey(), signer: KeyObject = key.privateKey) {
  const spki = key.publicKey.export({ type: 'spki', format: 'der' })
  return { csr: makeCsr(signer, spki, dns(...names)).toString('base64url'), key }
}

/** RFC 9773 §4.1. */
function certificateId({ raw, serialNumber }: X509Certificate): string {
  const serial = Buffer.from(serialNumber, 'hex')
  const positive = serial[0]! > 0x7f ? Buffer.concat([Buffer.of(0), serial]) : serial
  // The AKI of these small certificates: [0] of 20 bytes behind 2.5.29.35.
  const place = raw.indexOf(Buffer.from('0603551d23', 'hex'))
  const keyId = raw.subarray(raw.indexOf(Buffer.of(0x80, 0x14), place) + 2).subarray(0, 20)
  return `${keyId.toString('base64url')}.${positive.toString('base64url')}`
}
