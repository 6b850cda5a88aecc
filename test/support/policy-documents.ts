import type { CertificateRequest } from '../../src/acme/certificate-request.ts'
import type { Identifier } from '../../src/acme/identifier.ts'
import type { Asked } from '../../src/exchange/asked.ts'
import type { ConditionDocument, PolicyDocument, RuleDocument } from '../../src/policy/document.ts'
import type { ClientFacts, PolicyFacts } from '../../src/policy/facts.ts'

/** Noon of a Wednesday. */
export const POLICY_NOON = Date.UTC(2026, 6, 15, 12)

export function ruleDocument(
  name: string,
  effect: RuleDocument['effect'],
  when: ConditionDocument,
  more: Partial<RuleDocument> = {},
): RuleDocument {
  return {
    name,
    when,
    effect,
    mode: null,
    message: null,
    link: null,
    owner: null,
    expires: null,
    unknown: null,
    problem: null,
    line: 1,
    column: 1,
    ...more,
  }
}

export function policyDocument(
  rules: readonly RuleDocument[],
  more: Partial<PolicyDocument> = {},
): PolicyDocument {
  return {
    version: 1,
    mode: 'enforce',
    default: 'deny',
    message: null,
    link: null,
    lists: {},
    webhooks: {},
    rules,
    ...more,
  }
}

export function dnsNames(...values: readonly string[]): readonly Identifier[] {
  return values.map((value) => ({ type: 'dns', value }))
}

export const ASKED_ORDER: Asked = {
  kind: 'order',
  profile: null,
  notBefore: null,
  notAfter: null,
  replaces: null,
}

export const POLICY_CLIENT: ClientFacts = {
  address: '192.0.2.7',
  label: 'team-web',
  proxyUser: null,
  userAgent: 'lego-cli/4.20.1 xenolf-acme/4.20.1 (release; linux; amd64)',
  account: 'https://ca.example/acct/1',
  thumbprint: 'thumbprint-1',
  contacts: ['mailto:ops@example.com'],
  externalAccount: 'kid-1',
}

/** A newOrder for www.example.com, but for what is given. */
export function policyFacts(more: Partial<PolicyFacts> = {}): PolicyFacts {
  return {
    at: POLICY_NOON,
    mode: 'relay',
    ca: 'pebble',
    operation: 'newOrder',
    identifiers: dnsNames('www.example.com'),
    client: POLICY_CLIENT,
    asked: ASKED_ORDER,
    order: { profile: null, validity: null, replaces: false },
    history: {},
    keyUses: undefined,
    accountKey: undefined,
    webhooks: {},
    ...more,
  }
}

/** A sound CSR for these names. */
export function requestFor(
  names: readonly Identifier[],
  more: Partial<CertificateRequest> = {},
): CertificateRequest {
  return {
    names,
    commonNames: [],
    otherNames: [],
    key: { type: 'ECDSA', size: 256, curve: 'P-256', spki: '00', thumbprint: 'csr-key' },
    signature: { algorithm: 'ecdsaWithSHA256', verified: true },
    extensions: ['2.5.29.17'],
    mustStaple: false,
    faults: [],
    ...more,
  }
}

export function finalizeFacts(
  csr: Partial<CertificateRequest> = {},
  more: Partial<PolicyFacts> = {},
): PolicyFacts {
  const facts = policyFacts({ operation: 'finalize', ...more })
  return { ...facts, asked: { kind: 'finalize', csr: requestFor(facts.identifiers ?? [], csr) } }
}
