import { hash } from 'node:crypto'
import type { CertificateRequest } from '../../acme/certificate-request.ts'
import type { Identifier } from '../../acme/identifier.ts'
import type { Operation } from '../../acme/operation.ts'
import type { WebhookAnswer } from '../../exchange/decision.ts'
import type { ClientFacts, PolicyFacts } from '../facts.ts'
import { questionText } from '../history.ts'
import type { Needs } from '../policy.ts'
import { identifierOf, supposedFacts } from '../supposed-facts.ts'
import type { NOT_KNOWN, TestedCsr, TestedRequest } from './schema.ts'

/** So that no case changes its result as time goes by: a Wednesday. */
const USUAL_TIME = Date.UTC(2030, 0, 2, 12)

/** Requests that a case stands for, in their order: with a CSR, and no operation named, both of its issuance. */
export function requestsOf(request: TestedRequest, needs: Needs): readonly PolicyFacts[] {
  const { operation, csr } = request
  if (operation !== undefined) return [factsOfCase(request, operation, needs)]
  const order = factsOfCase(request, 'newOrder', needs)
  return csr === undefined ? [order] : [order, factsOfCase(request, 'finalize', needs)]
}

function factsOfCase(request: TestedRequest, operation: Operation, needs: Needs): PolicyFacts {
  const { names = [], ca, mode, csr, profile, validity, replaces, subdomains } = request
  const at = request.at ?? USUAL_TIME
  const order = {
    replaces,
    ...(profile === undefined ? {} : { profile }),
    ...(validity === undefined ? {} : { validity }),
  }
  const asked = csr === undefined ? null : certificateRequest(csr, names.map(identifierOf))
  const { external_account: externalAccount } = request.client ?? {}
  const binding = externalAccount === undefined ? {} : { externalAccount }
  const facts = supposedFacts({ operation, names, at, mode, ca, client: binding, ...order }, asked, {
    history: operation === 'newOrder' ? countsOf(request, needs) : {},
    keyUses: csr?.used_for.map((set) => [...set].sort()),
    accountKey: csr?.account_key,
  })
  return {
    ...facts,
    client: clientOf(request),
    asked: facts.asked?.kind === 'authorization' ? { kind: 'authorization', subdomains } : facts.asked,
    webhooks: Object.fromEntries(
      Object.entries(request.webhooks).map(([name, says]) => [name, answer(says)]),
    ),
  }
}

function countsOf({ orders, duplicates, history }: TestedRequest, needs: Needs): Record<string, number> {
  const counts = needs.history.map(
    (question) => [questionText(question), question.kind === 'orders' ? orders : duplicates] as const,
  )
  return { ...Object.fromEntries(counts), ...history }
}

function clientOf({ client = {} }: TestedRequest): ClientFacts {
  const unknown = new Set<(typeof NOT_KNOWN)[number]>(client.unknown ?? [])
  const told = <T>(name: (typeof NOT_KNOWN)[number], value: T) => (unknown.has(name) ? undefined : value)
  return {
    address: told('address', client.address ?? null),
    label: told('label', client.label ?? null),
    proxyUser: told('proxy_user', client.proxy_user ?? null),
    userAgent: told('user_agent', client.user_agent ?? null),
    account: client.account ?? null,
    thumbprint: client.thumbprint ?? null,
    contacts: told('contact', client.contact ?? []),
    externalAccount: told('external_account', client.external_account ?? null),
  }
}

const USUAL_SIZES: Readonly<Record<string, number>> = { RSA: 2048, ECDSA: 256, Ed25519: 256, Ed448: 456 }
const CURVE_SIZES: Readonly<Record<string, number>> = { 'P-256': 256, 'P-384': 384, 'P-521': 521 }
const USUAL_SIGNATURES: Readonly<Record<string, string>> = { RSA: 'sha256WithRSA', ECDSA: 'ecdsaWithSHA256' }
const SUBJECT_ALT_NAME = '2.5.29.17'
const TLS_FEATURE = '1.3.6.1.5.5.7.1.24'

function certificateRequest(csr: TestedCsr, names: readonly Identifier[]): CertificateRequest {
  const { key, curve } = csr
  const onCurve = key === 'ECDSA' ? (curve ?? 'P-256') : null
  return {
    names: csr.names?.map(identifierOf) ?? names,
    commonNames: csr.common_name === undefined ? [] : [csr.common_name],
    otherNames: csr.other_names ?? [],
    key: {
      type: key,
      size: csr.size ?? CURVE_SIZES[onCurve ?? ''] ?? USUAL_SIZES[key] ?? null,
      curve: onCurve,
      spki: hash('sha256', JSON.stringify(csr)),
      thumbprint: null,
    },
    signature: { algorithm: csr.signature ?? USUAL_SIGNATURES[key] ?? key, verified: true },
    extensions: [SUBJECT_ALT_NAME, ...(csr.must_staple ? [TLS_FEATURE] : []), ...(csr.extensions ?? [])],
    mustStaple: csr.must_staple,
    faults: csr.faults ?? [],
  }
}

function answer(says: 'allow' | 'deny' | 'down'): WebhookAnswer {
  if (says === 'down') return { allow: null, reason: 'down', data: null }
  return { allow: says === 'allow', reason: null, data: null }
}
