import { asObject } from '../../acme/json.ts'
import type { Jwk } from '../../acme/jwk.ts'
import type { Jws } from '../../acme/jws.ts'
import { innerJws } from '../../acme/payloads.ts'
import { AcmeProblem } from '../../acme/problem.ts'
import { thumbprintOf } from '../../acme/thumbprint.ts'
import { verifySignature } from '../../exchange/verify-signature.ts'
import type { BrokeredRequest } from '../brokered-request.ts'
import type { BrokerAccount } from '../objects.ts'
import { type ProblemAnswer, problemWith } from '../problem-answer.ts'
import { urlOf } from '../url-map.ts'
import { accountOf } from './asking.ts'
import type { OperationHandler, OperationParts } from './operation-parts.ts'
import { showAccount } from './show-account.ts'

/** RFC 8555 §7.3.5. The keys that acmetap itself has at CAs are no client's to change. */
export function keyChange({ store }: OperationParts): OperationHandler {
  return async (request) => {
    const { endpoint } = request
    const account = accountOf(request)
    const jwk = await newKeyOf(request, account)
    const changed = { ...account, jwk, thumbprint: thumbprintOf(jwk) }
    const other = await store.accountByKey(endpoint.name, changed.thumbprint)
    if (other !== null) throw inUse(request, other)
    const refusal = await store.putAccount(changed, account)
    if (refusal === 'changed')
      throw new AcmeProblem('unauthorized', 'the account was changed by another request meanwhile')
    if (refusal === 'keyInUse') {
      const since = await store.accountByKey(endpoint.name, changed.thumbprint)
      throw since === null
        ? new Error('a key is in use by an account that is not there')
        : inUse(request, since)
    }
    return {
      status: 200,
      fields: [['location', urlOf(endpoint, 'account', [account.id])]],
      body: { json: showAccount(changed, endpoint) },
    }
  }
}

/** Checked as RFC 8555 §7.3.5 lists it. Rejects with AcmeProblem. */
async function newKeyOf({ endpoint, label, payload }: BrokeredRequest, account: BrokerAccount): Promise<Jwk> {
  const reading = innerJws(payload)
  if (reading?.jws == null || reading.ambiguities.length > 0)
    throw malformed('its payload is no flattened JWS that can be read')
  const { jws } = reading
  const { jwk, kid, nonce, url } = jws.header
  if (jwk === undefined || kid !== undefined) throw malformed('it must have a jwk and no kid')
  if (nonce !== undefined) throw malformed('it must have no nonce')
  if (url !== urlOf(endpoint, 'keyChange', [], label)) throw malformed('its url is not that of the outer JWS')
  await checkSigned(jws, jwk)
  const members = asObject(jws.payload)
  if (members?.account !== urlOf(endpoint, 'account', [account.id]))
    throw malformed('its account is not the one that signed the outer JWS')
  const oldKey = asObject(members.oldKey)
  if (oldKey === null || thumbprintOf(oldKey as unknown as Jwk) !== account.thumbprint)
    throw malformed('its oldKey is not the key of the account')
  if (thumbprintOf(jwk) === account.thumbprint)
    throw new AcmeProblem('malformed', 'New key specified by rollover request is the same as the old key')
  return jwk
}

async function checkSigned(jws: Jws, jwk: Jwk): Promise<void> {
  const verdict = await verifySignature(jws, jwk)
  if (verdict === 'unverifiable')
    throw new AcmeProblem(
      'badPublicKey',
      'the new key is none that this server takes: RSA of 2048 to 8192 bits, P-256, P-384, P-521 or Ed25519',
    )
  if (verdict !== 'verified') throw malformed('it is not signed by the key in its jwk')
}

/** RFC 8555 §7.3.5: with the URL of the account that has it. Only who has the key itself gets here. */
function inUse({ endpoint }: BrokeredRequest, { id }: BrokerAccount): ProblemAnswer {
  return problemWith(
    [['location', urlOf(endpoint, 'account', [id])]],
    'malformed',
    'New key is already in use for a different account',
    { status: 409 },
  )
}

function malformed(what: string): AcmeProblem {
  return new AcmeProblem('malformed', `the inner JWS can't be accepted: ${what} (RFC 8555 §7.3.5)`)
}
