import { Environment } from '@marcbachmann/cel-js'
import { usedForOthers } from '../conditions/csr.ts'
import type { PolicyFacts } from '../facts.ts'
import type { PolicyName } from '../names/policy-name.ts'

/**
 * What an expression may read, and its type. A text that there is none of is empty, a number 0. What is not known is
 * not there: reading it makes the expression unknown.
 */
export const VARIABLES = {
  /** The name that is judged, as a certificate would hold it: `*.example.com`. */
  name: 'string',
  /** All names of the request, in lower case. */
  names: 'list<string>',
  mode: 'string',
  ca: 'string',
  operation: 'string',
  time: 'google.protobuf.Timestamp',
  /** By name of the webhook: `allow`, `reason` and `data` of its answer. */
  webhooks: 'map<string, dyn>',
  profile: 'string',
  /** Seconds from notBefore, or now, to notAfter; 0 where none was asked for. */
  validity: 'int',
  replaces: 'bool',
  client: {
    address: 'string',
    label: 'string',
    proxy_user: 'string',
    user_agent: 'string',
    account: 'string',
    thumbprint: 'string',
    contacts: 'list<string>',
    external_account: 'string',
  },
  key: {
    type: 'string',
    size: 'int',
    curve: 'string',
    spki: 'string',
    thumbprint: 'string',
    /** Used before for another set of names. */
    reused: 'bool',
    /** An account's too. */
    account_key: 'bool',
  },
  csr: {
    names: 'list<string>',
    common_names: 'list<string>',
    other_names: 'list<string>',
    extensions: 'list<string>',
    must_staple: 'bool',
    signature: 'string',
  },
} as const

export type Variable = keyof typeof VARIABLES

const LIMITS = {
  maxAstNodes: 500,
  maxDepth: 32,
  maxListElements: 200,
  maxMapEntries: 20,
  maxCallArguments: 8,
} as const

/** An environment that knows the variables and nothing else. */
export function environment(): Environment {
  const made = new Environment({ limits: LIMITS })
  for (const [name, type] of Object.entries(VARIABLES)) {
    if (typeof type === 'string') made.registerVariable(name, type)
    else made.registerVariable(name, { schema: type })
  }
  return made
}

type Values = Readonly<Record<string, unknown>>

const made = new WeakMap<PolicyFacts, Values>()

/** Values of the variables for one request and one of its names. */
export function valuesOf(facts: PolicyFacts, name: PolicyName | null): Values {
  let values = made.get(facts)
  if (values === undefined) {
    values = ofRequest(facts)
    made.set(facts, values)
  }
  return name === null ? values : { ...values, name: textOf(name) }
}

/** As a certificate holds it. Of a subtree (RFC 9444) the name itself. */
function textOf({ covers, value }: PolicyName): string {
  return covers === 'wildcard' ? `*.${value}` : value
}

function ofRequest(facts: PolicyFacts): Values {
  const { client, asked, order, identifiers } = facts
  const csr = asked?.kind === 'finalize' ? asked.csr : null
  return known({
    names: identifiers?.map(({ value }) => value.toLowerCase()),
    mode: facts.mode,
    ca: facts.ca,
    operation: facts.operation,
    time: new Date(facts.at),
    webhooks: facts.webhooks,
    profile: order ? (order.profile ?? '') : undefined,
    validity: order ? BigInt(Math.round((order.validity ?? 0) / 1000)) : undefined,
    replaces: order ? order.replaces : undefined,
    client: known({
      address: orEmpty(client.address),
      label: orEmpty(client.label),
      proxy_user: orEmpty(client.proxyUser),
      user_agent: orEmpty(client.userAgent),
      account: orEmpty(client.account),
      thumbprint: orEmpty(client.thumbprint),
      contacts: client.contacts,
      external_account: orEmpty(client.externalAccount),
    }),
    key: csr
      ? known({
          type: csr.key.type,
          size: csr.key.size === null ? undefined : BigInt(csr.key.size),
          curve: orEmpty(csr.key.curve),
          spki: csr.key.spki,
          thumbprint: orEmpty(csr.key.thumbprint),
          reused: facts.keyUses && usedForOthers(facts.keyUses, facts),
          account_key: facts.accountKey,
        })
      : undefined,
    csr: csr
      ? {
          names: csr.names.map(({ value }) => value.toLowerCase()),
          common_names: csr.commonNames,
          other_names: csr.otherNames,
          extensions: csr.extensions,
          must_staple: csr.mustStaple,
          signature: csr.signature.algorithm,
        }
      : undefined,
  })
}

/** Null: there is none. Undefined stays: it is not known. */
function orEmpty(text: string | null | undefined): string | undefined {
  return text === null ? '' : text
}

function known(values: Values): Values {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
}
