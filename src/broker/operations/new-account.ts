import { booleanMember, member } from '../../acme/members.ts'
import { externalAccountBindingOf } from '../../acme/payloads.ts'
import { AcmeProblem } from '../../acme/problem.ts'
import type { BrokerAnswer, BrokeredRequest } from '../brokered-request.ts'
import { newObjectId } from '../object-id.ts'
import type { BrokerAccount } from '../objects.ts'
import { problemWith } from '../problem-answer.ts'
import { urlOf } from '../url-map.ts'
import { notRegisteredUnder } from './asking.ts'
import { contactsAsked } from './contacts.ts'
import { EabBindings, notAccepted } from './eab-binding.ts'
import { labelCounts } from './name-scope.ts'
import type { OperationHandler, OperationParts } from './operation-parts.ts'
import { showAccount } from './show-account.ts'

/** RFC 8555 §7.3. */
export function newAccount({ store, sealing }: OperationParts): OperationHandler {
  const bindings = new EabBindings(store, sealing)

  return async (request) => {
    const { endpoint, payload } = request
    const { jwk, thumbprint } = keyOf(request)
    const existing = await store.accountByKey(endpoint.name, thumbprint)
    if (existing) return known(existing, request)
    if (booleanMember(payload, 'onlyReturnExisting'))
      throw new AcmeProblem('accountDoesNotExist', 'No account exists with the provided key')
    const contact = contactsAsked(payload) ?? []
    const termsAgreed = agreed(request)
    const account: BrokerAccount = {
      id: newObjectId(),
      endpoint: endpoint.name,
      status: 'valid',
      jwk,
      thumbprint,
      contact,
      termsAgreed,
      ...(await whose(request, thumbprint)),
      createdAt: request.at,
    }
    const refusal = await store.addAccount(account)
    if (refusal === null) return answer(201, account, request)
    if (refusal !== 'keyInUse') throw notAccepted()
    // Registered by another request since.
    const first = await store.accountByKey(endpoint.name, thumbprint)
    if (first === null) throw new Error('a key is in use by an account that is not there')
    return known(first, request)
  }

  async function whose(request: BrokeredRequest, thumbprint: string) {
    const { endpoint, payload, label, at } = request
    const binding = externalAccountBindingOf(payload)
    if (binding !== null) {
      const url = urlOf(endpoint, 'newAccount', [], label)
      const key = await bindings.verify(binding, { endpoint, url, thumbprint, at })
      if (label !== null && label !== key.label) throw notOfLabel(label)
      return { label: key.label, eabKey: key.id }
    }
    if (endpoint.eab === 'required')
      throw new AcmeProblem(
        'externalAccountRequired',
        'this server makes accounts with an external account binding only: ask its operator for an EAB key',
      )
    if (label !== null && !labelCounts(endpoint, label, request.clientAddress)) throw notOfLabel(label)
    return { label, eabKey: null }
  }
}

function keyOf({ key }: BrokeredRequest) {
  if (key === null) throw new Error('newAccount came without a key')
  return key
}

/** RFC 8555 §7.3.3: asked for where there are terms. */
function agreed({ endpoint: { terms }, payload }: BrokeredRequest): boolean {
  const asked = member(payload, 'termsOfServiceAgreed')
  if (asked !== undefined && asked !== null && typeof asked !== 'boolean')
    throw new AcmeProblem('malformed', 'termsOfServiceAgreed must be true or false')
  if (terms !== null && asked !== true)
    throw problemWith(
      [['link', `<${terms}>;rel="terms-of-service"`]],
      'userActionRequired',
      `must agree to terms of service: ${terms}`,
      { instance: terms },
    )
  return asked === true
}

function notOfLabel(label: string): AcmeProblem {
  return new AcmeProblem(
    'unauthorized',
    `the label ${JSON.stringify(label)} is not for this client: use its EAB key, or the networks it is meant for`,
  )
}

/** RFC 8555 §7.3.1. A label in the path does not become that of an account which has another, or none. */
function known(account: BrokerAccount, request: BrokeredRequest): BrokerAnswer {
  if (account.status !== 'valid')
    throw new AcmeProblem(
      'unauthorized',
      `An account with the provided public key exists but is ${account.status}`,
    )
  if (request.label !== null && request.label !== account.label) throw notRegisteredUnder(request.label)
  return answer(200, account, request)
}

function answer(
  status: 200 | 201,
  account: BrokerAccount,
  { endpoint, payload }: BrokeredRequest,
): BrokerAnswer {
  const binding = status === 201 && account.eabKey !== null ? member(payload, 'externalAccountBinding') : null
  return {
    status,
    fields: [
      ['location', urlOf(endpoint, 'account', [account.id])],
      ...(endpoint.terms === null ? [] : ([['link', `<${endpoint.terms}>;rel="terms-of-service"`]] as const)),
    ],
    // RFC 8555 §7.3.4: the binding is in the account that it made.
    body: {
      json: {
        ...showAccount(account, endpoint),
        ...(binding === null ? {} : { externalAccountBinding: binding }),
      },
    },
  }
}
