import { Pkcs10CertificateRequestGenerator, SubjectAlternativeNameExtension } from '@peculiar/x509'
import type { Operation } from '../../../src/acme/operation.ts'
import { intentFact } from '../../../src/audit/intent.ts'
import { outcomeFact } from '../../../src/audit/outcome.ts'
import { KEEP_ALL } from '../../../src/audit/privacy.ts'
import type { Entry } from '../../../src/audit/record.ts'
import type { ObservedResponse } from '../../../src/exchange/exchange.ts'
import type { Resource } from '../../../src/exchange/resource.ts'
import { NOTHING_LEARNED } from '../../../src/exchange/resource.ts'
import * as exchanges from '../../support/exchanges.ts'
import { makeRoot, makeServerCertificate } from '../../support/test-ca/certificates.ts'
import 'reflect-metadata'

export const CA = 'https://acme-v02.api.letsencrypt.org'
export const ACCOUNT = `${CA}/acme/acct/1`
const ORDER = `${CA}/acme/order/1/2`
const AUTHORIZATION = `${CA}/acme/authz/1/3`
const CHALLENGE = `${CA}/acme/chall/1/3/x`
const FINALIZE = `${CA}/acme/finalize/1/2`
const CERTIFICATE = `${CA}/acme/cert/04`
const AGENT = 'CertbotACMEClient/2.1.0 (certbot; Debian)'
const identifiers = [{ type: 'dns' as const, value: 'www.example.org' }]

const root = makeRoot()
export const leaf = makeServerCertificate({ names: ['www.example.org', '192.0.2.1'], issuer: root })
const leafDer = Buffer.from(leaf.pem.replace(/-----[^-]+-----|\s/g, ''), 'base64')

async function csr(): Promise<string> {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ])
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: 'CN=www.example.org',
    keys,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [new SubjectAlternativeNameExtension([{ type: 'dns', value: 'mail.example.org' }])],
  })
  return Buffer.from(request.rawData).toString('base64url')
}

const order = {
  status: 'pending',
  expires: '2026-11-29T00:00:00Z',
  identifiers,
  profile: 'shortlived',
  authorizations: [AUTHORIZATION],
  finalize: FINALIZE,
}
const challenge = { type: 'http-01', url: CHALLENGE, status: 'pending', token: 'token-of-the-challenge' }
const validationError = {
  type: 'urn:ietf:params:acme:error:connection',
  detail: '192.0.2.1: Connection refused',
}

interface Case {
  readonly operation: Operation
  readonly payload?: unknown
  readonly resource?: Partial<Resource> & { url: string }
  readonly answer: ObservedResponse
}

/** One exchange of every operation, as an intercepted certbot would make them. */
export async function cases(): Promise<readonly Case[]> {
  const about = { ca: 'letsencrypt', identifiers, account: ACCOUNT, order: ORDER, issuance: null }
  const { response } = exchanges
  const at = (location: string) => [['location', location]] as const
  return [
    { operation: 'directory', answer: response(200, { newNonce: `${CA}/acme/new-nonce` }) },
    { operation: 'newNonce', answer: response(200, '') },
    {
      operation: 'newAccount',
      payload: { termsOfServiceAgreed: true, contact: ['mailto:ops@example.org'] },
      answer: response(
        201,
        { status: 'valid', contact: ['mailto:ops@example.org'], initialIp: '198.51.100.7' },
        at(ACCOUNT),
      ),
    },
    {
      operation: 'newOrder',
      payload: { identifiers, profile: 'shortlived', replaces: 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE' },
      answer: response(201, order, at(ORDER)),
    },
    {
      operation: 'newOrder',
      payload: { identifiers },
      answer: response(
        429,
        {
          type: 'urn:ietf:params:acme:error:rateLimited',
          detail: 'too many certificates',
          subproblems: [{ type: 'urn:ietf:params:acme:error:caa', detail: 'no', identifier: identifiers[0] }],
        },
        [['retry-after', '3600']],
      ),
    },
    {
      operation: 'authorization',
      payload: '',
      resource: { url: AUTHORIZATION, ...about, authorization: AUTHORIZATION },
      answer: response(200, {
        status: 'invalid',
        expires: '2026-11-29T00:00:00Z',
        identifier: identifiers[0],
        challenges: [{ ...challenge, status: 'invalid', error: validationError }],
      }),
    },
    {
      operation: 'challenge',
      payload: {},
      resource: { url: CHALLENGE, ...about, authorization: AUTHORIZATION },
      answer: response(200, challenge),
    },
    {
      operation: 'order',
      payload: '',
      resource: { url: ORDER, ...about },
      answer: response(200, { ...order, status: 'valid', certificate: CERTIFICATE }),
    },
    {
      operation: 'finalize',
      payload: { csr: await csr() },
      resource: { url: FINALIZE, ...about },
      answer: response(200, { ...order, status: 'processing' }),
    },
    {
      operation: 'certificate',
      payload: '',
      resource: { url: CERTIFICATE, ...about },
      answer: response(200, leaf.pem + root.pem, [['content-type', 'application/pem-certificate-chain']]),
    },
    {
      operation: 'revokeCert',
      payload: { certificate: leafDer.toString('base64url'), reason: 1 },
      answer: response(200, ''),
    },
    { operation: 'keyChange', payload: {}, answer: response(200, '') },
    {
      operation: 'account',
      payload: { status: 'deactivated' },
      answer: response(200, { status: 'deactivated' }),
    },
    {
      operation: 'renewalInfo',
      answer: response(
        200,
        { suggestedWindow: { start: '2026-12-01T00:00:00Z', end: '2026-12-02T00:00:00Z' } },
        [['retry-after', '21600']],
      ),
    },
    { operation: 'unrecognised', answer: response(404, { type: 'about:blank', detail: 'Not Found' }) },
  ]
}

const START = Date.UTC(2026, 10, 22, 1, 20, 25) * 1000 + 123_456

/** Both facts of each case, one second apart. */
export async function smallRecord(): Promise<readonly Entry[]> {
  return (await cases()).map(({ operation, payload, resource, answer }, index) => {
    const wall = START + index * 1_000_000
    const base = exchanges.received(
      {
        authority: 'acme-v02.api.letsencrypt.org',
        target: `/acme/${operation}`,
        fields: [['User-Agent', AGENT]],
      },
      { mode: 'intercept', destination: { ca: 'letsencrypt', authority: 'acme-v02.api.letsencrypt.org' } },
    )
    const jws =
      payload === undefined
        ? null
        : exchanges.inspection(payload === '' ? undefined : payload, { kid: ACCOUNT })
    const admitted = exchanges.decided(operation, {
      ...base,
      receivedAt: { wall, monotonic: 1000 },
      connection: { ...base.connection, mode: 'intercept', listener: 'proxy', proxyUser: 'cluster-a' },
      inspection: jws,
      resource: resource ? exchanges.resource(resource) : null,
    })
    const context = {
      tenant: 'default',
      instance: 'one',
      configDigest: 'c'.repeat(64),
      policyDigest: null,
      privacy: KEEP_ALL,
    }
    const completed = {
      ...admitted,
      outcome: { kind: 'response' as const, response: answer, durationCa: 9000 },
      completedAt: { wall: wall + 12_000, monotonic: 13_000 },
    }
    return {
      facts: [intentFact(admitted, context), outcomeFact(completed, KEEP_ALL)],
      learned: NOTHING_LEARNED,
    }
  })
}
