import { isIP } from 'node:net'
import type { CertificateRequest } from '../acme/certificate-request.ts'
import type { Identifier } from '../acme/identifier.ts'
import type { Asked } from '../exchange/asked.ts'
import { isOfAnOrder } from './decided-operations.ts'
import type { OrderFacts, PolicyFacts } from './facts.ts'
import type { SupposedRequest } from './supposed-request.ts'

/** The last that RFC 3339 can write. */
const LAST_INSTANT = Date.UTC(9999, 11, 31)

/** What was looked up for a supposed request, as it stands; absent: not known. */
export interface SupposedWorld {
  readonly history?: PolicyFacts['history']
  readonly keyUses?: PolicyFacts['keyUses']
  readonly accountKey?: boolean | undefined
}

/**
 * The facts of a request that nobody made. What it does not say of its client is not known; what it does not ask for, it
 * does not ask for. `csr`: what its CSR holds, null for none or one that can't be read.
 */
export function supposedFacts(
  request: SupposedRequest,
  csr: CertificateRequest | null,
  { history = {}, keyUses, accountKey }: SupposedWorld = {},
): PolicyFacts {
  const { operation, names, at, mode, ca, client } = request
  const identifiers = names.map(identifierOf)
  const isOfOrder = isOfAnOrder(operation)
  return {
    at,
    mode,
    ca,
    operation,
    identifiers: isOfOrder && identifiers.length === 0 ? undefined : identifiers,
    client: {
      address: client.address,
      label: client.label,
      proxyUser: client.proxyUser,
      userAgent: client.userAgent,
      account: client.account ?? null,
      thumbprint: client.thumbprint,
      contacts: client.contacts,
      externalAccount: client.externalAccount,
    },
    asked: askedBy(request, csr, identifiers),
    order: operation === 'newOrder' || isOfOrder ? orderOf(request) : null,
    history,
    keyUses,
    accountKey,
    webhooks: {},
  }
}

function instant(at: number): string {
  return new Date(Math.min(LAST_INSTANT, at)).toISOString()
}

/** As a client would write it: an address is one of type ip. */
export function identifierOf(value: string): Identifier {
  return { type: isIP(value) === 0 ? 'dns' : 'ip', value }
}

function orderOf({ profile, validity, replaces }: SupposedRequest): OrderFacts {
  return { profile: profile ?? null, validity: validity ?? null, replaces: replaces ?? false }
}

function askedBy(
  { operation, at, client, profile, validity, replaces }: SupposedRequest,
  csr: CertificateRequest | null,
  names: readonly Identifier[],
): Asked | null {
  switch (operation) {
    case 'newOrder': {
      const notAfter = validity === undefined ? null : instant(at + validity)
      const replaced = replaces === true ? 'supposed.certificate' : null
      return { kind: 'order', profile: profile ?? null, notBefore: null, notAfter, replaces: replaced }
    }
    case 'finalize':
      return { kind: 'finalize', csr }
    case 'newAuthz':
      return { kind: 'authorization', subdomains: false }
    case 'newAccount':
    case 'account': {
      const externalAccount = client.externalAccount ?? null
      return { kind: 'account', externalAccount, onlyReturnExisting: false, status: null }
    }
    case 'revokeCert':
      return { kind: 'revocation', reason: null, serial: null, names }
    case 'keyChange':
      return { kind: 'keyChange', thumbprint: null }
    default:
      return null
  }
}
