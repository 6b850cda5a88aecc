import type { BrokeredRequest } from '../brokered-request.ts'
import { urlOf } from '../url-map.ts'
import type { OperationHandler } from './operation-parts.ts'

/** RFC 8555 §7.1.1. A label in its path is in the paths of its members. */
export function directory(): OperationHandler {
  return async (request) => ({
    status: 200,
    fields: [['cache-control', 'public, max-age=0, no-cache']],
    body: { json: showDirectory(request) },
  })
}

function showDirectory({ endpoint, label }: BrokeredRequest) {
  const { terms, website, caaIdentities, profiles } = endpoint
  const url = (operation: Parameters<typeof urlOf>[1]) => urlOf(endpoint, operation, [], label)
  return {
    newNonce: url('newNonce'),
    newAccount: url('newAccount'),
    newOrder: url('newOrder'),
    ...(endpoint.preAuthorization ? { newAuthz: url('newAuthz') } : {}),
    revokeCert: url('revokeCert'),
    keyChange: url('keyChange'),
    renewalInfo: url('renewalInfo'),
    meta: {
      ...(terms === null ? {} : { termsOfService: terms }),
      ...(website === null ? {} : { website }),
      ...(caaIdentities.length === 0 ? {} : { caaIdentities }),
      externalAccountRequired: endpoint.eab === 'required',
      ...(profiles.length === 0
        ? {}
        : { profiles: Object.fromEntries(profiles.map(({ name, description }) => [name, description])) }),
    },
  }
}
