import { X509Certificate } from 'node:crypto'
import { type LeafFacts, readLeaf } from '../../acme/certificate.ts'
import type { Jwk } from '../../acme/jwk.ts'
import { member } from '../../acme/members.ts'
import { certificateOf } from '../../acme/payloads.ts'
import { AcmeProblem } from '../../acme/problem.ts'
import { REVOCATION_REASONS } from '../../acme/revocation-reasons.ts'
import { thumbprintOf } from '../../acme/thumbprint.ts'
import type { BrokeredRequest } from '../brokered-request.ts'
import { IssuerError } from '../issuer.ts'
import type { BrokerCertificate } from '../objects.ts'
import { problemOfIssuer } from '../problem-answer.ts'
import { notFound, ownerOf } from './asking.ts'
import { wantedOf } from './authorizations-for.ts'
import { namesOf } from './identifiers-asked.ts'
import { outsideScope, scopeOf } from './name-scope.ts'
import type { OperationHandler, OperationParts } from './operation-parts.ts'

/**
 * RFC 8555 §7.6, by the account that has the certificate, by one that is authorized for all its names, or by the certificate's
 * own key. At the CA it is revoked under acmetap's account. A certificate of another's is answered as if it were unknown.
 */
export function revokeCert({ store, issuer, clock }: OperationParts): OperationHandler {
  return async (request) => {
    const der = certificateOf(request.payload)
    const leaf = der && readLeaf(der)
    if (!der || !leaf) throw new AcmeProblem('malformed', 'Unable to parse certificate DER')
    const reason = reasonAsked(request.payload)
    const found = await store.certificateByFingerprint(request.endpoint.name, leaf.fingerprint)
    const may =
      request.account === null ? isByItsKey(der, request) : await isByItsAccount(found, leaf, request)
    if (found === null || !may) throw notFound('certificate that this key may revoke')
    if (found.revokedAt !== null) throw new AcmeProblem('alreadyRevoked', 'Certificate already revoked')
    if ((await revoked(found, der, reason, request)) === 'alreadyRevoked')
      throw new AcmeProblem('alreadyRevoked', 'Certificate already revoked')
    return { status: 200, fields: [], body: null }
  }

  async function isByItsAccount(
    found: BrokerCertificate | null,
    leaf: LeafFacts,
    request: BrokeredRequest,
  ): Promise<boolean> {
    const owner = ownerOf(request)
    if (found?.account === owner.account) return true
    const names = namesOf(leaf.identifiers)
    if (names.length === 0 || names.length < leaf.identifiers.length) return false
    // What was proved may have been taken back since, as in finalize: who may not order it any more ends it for nobody else.
    const { proof } = request.endpoint
    if (outsideScope(names, await scopeOf(request, store), proof).length > 0) return false
    const held = await store.reusable(owner, names.map(wantedOf), request.at)
    const good = held.filter(
      (one) => one.status === 'valid' && (proof === 'policy' || one.proof === 'challenge'),
    )
    return good.length === names.length
  }

  async function revoked(
    certificate: BrokerCertificate,
    der: Buffer,
    reason: number,
    { id, signal }: BrokeredRequest,
  ): Promise<'revoked' | 'alreadyRevoked'> {
    const { ca, upstreamAccount } = certificate
    const from = issuer(ca)
    if (from === null)
      throw new AcmeProblem(
        'serverInternal',
        `the certificate is of the CA ${JSON.stringify(ca)}, which is not configured any more: ask the operator of this server`,
      )
    const outcome = await from.revoke(der, upstreamAccount, reason, id, signal).catch((error: unknown) => {
      throw error instanceof IssuerError ? problemOfIssuer(error, id) : error
    })
    await store.putCertificate({ ...certificate, revokedAt: clock.now().wall })
    return outcome
  }
}

function isByItsKey(der: Buffer, { key }: BrokeredRequest): boolean {
  if (key === null) return false
  try {
    const jwk = new X509Certificate(der).publicKey.export({ format: 'jwk' }) as unknown as Jwk
    return thumbprintOf(jwk) === key.thumbprint
  } catch {
    return false
  }
}

function reasonAsked(payload: unknown): number {
  const reason = member(payload, 'reason') ?? 0
  if (typeof reason === 'number' && Object.hasOwn(REVOCATION_REASONS, reason)) return reason
  const known = Object.entries(REVOCATION_REASONS).map(([code, word]) => `${word} (${code})`)
  throw new AcmeProblem(
    'badRevocationReason',
    `unsupported revocation reason code provided: ${JSON.stringify(reason)?.slice(0, 40)}. Supported reasons: ${known.join(', ')}`,
  )
}
