import type { Operation } from '../acme/operation.ts'
import { contactsOf } from '../acme/payloads.ts'
import type { Asked } from '../exchange/asked.ts'
import type { Inspected } from '../exchange/exchange.ts'
import type { Mode } from '../exchange/mode.ts'
import type { ClientFacts } from './facts.ts'
import type { AccountFacts } from './lookups.ts'

/** UTF-16 code units; the record keeps no more of a User-Agent. */
const USER_AGENT_LIMIT = 512

/**
 * Who asks. `account`: what is known of the account; undefined where nothing is. A newAccount tells its contacts and its
 * binding itself. An update that gives other contacts (RFC 8555 §7.3.2) is judged by those, lest a client register with
 * one that is allowed and change it.
 */
export function clientFacts(
  exchange: Inspected,
  asked: Asked | null,
  account: AccountFacts | undefined,
): ClientFacts {
  const { mode, connection, request, inspection, resource, operation } = exchange
  const { proxyUser, clientAddress } = connection
  const begins = operation === 'newAccount' && asked?.kind === 'account'
  return {
    address: clientAddress,
    label: labelOf(mode, request.authority, proxyUser, exchange.label),
    proxyUser,
    userAgent: userAgentOf(exchange),
    account: operation === 'newAccount' ? null : (inspection?.jws.header.kid ?? resource?.account ?? null),
    thumbprint: inspection === null ? null : signer(inspection),
    contacts:
      begins || changesContacts(asked, operation) ? contactsOf(inspection?.jws.payload) : account?.contacts,
    externalAccount: begins ? asked.externalAccount : account?.externalAccount,
  }
}

function changesContacts(asked: Asked | null, operation: Operation): boolean {
  return operation === 'account' && asked?.kind === 'account' && asked.contacts !== undefined
}

/** Not known where the signature is not that key's: then its name is a mere claim. */
export function signer(jws: {
  readonly verdict?: string
  readonly thumbprint: string | null
}): string | undefined {
  return jws.verdict === 'invalid' ? undefined : (jws.thumbprint ?? undefined)
}

/**
 * In relay the Host that the client uses, in lower case and without its port; in intercept the proxy user; in broker
 * `brokered`, that of the account's EAB key or of the path.
 */
export function labelOf(
  mode: Mode,
  authority: string | null,
  proxyUser: string | null,
  brokered?: string | null,
): string | null {
  if (mode === 'intercept') return proxyUser
  if (mode === 'broker') return brokered ?? null
  if (mode !== 'relay' || authority === null) return null
  return authority.toLowerCase().replace(/:\d*$/, '')
}

function userAgentOf({ request }: Inspected): string | null {
  const field = request.fields.find(([name]) => name.toLowerCase() === 'user-agent')
  return field === undefined ? null : field[1].slice(0, USER_AGENT_LIMIT)
}
