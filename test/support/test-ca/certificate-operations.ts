import { createPublicKey } from 'node:crypto'
import { type Answer, empty, json, Refusal } from './answer.ts'
import { type Call, type CaState, owned } from './ca-state.ts'

const DAY = 86_400_000

/** RFC 8555 §7.4.2. */
export function certificate(ca: CaState, call: Call): Answer {
  const found = owned(ca.certificates, call.path, ca.accountOf(call))
  const { alternate } = ca.offers
  const isAlternate = call.query.has('alternate')
  const [leaf] = found.pem.split(/(?<=-----END CERTIFICATE-----\n)/)
  const link = `<${call.url(call.path)}${isAlternate ? '' : '?alternate=1'}>;rel="alternate"`
  return {
    status: 200,
    fields: [
      ['Content-Type', 'application/pem-certificate-chain; charset=utf-8'],
      ...(alternate === null ? [] : ([['Link', link]] as const)),
    ],
    body: Buffer.from(isAlternate && alternate !== null ? `${leaf}${alternate.pem}` : found.pem),
  }
}

/** RFC 8555 §7.6: signed by the account or by the certificate's own key. */
export function revokeCert(ca: CaState, call: Call): Answer {
  const wanted = Buffer.from(String(call.signed?.payload?.certificate), 'base64url')
  const found = [...ca.certificates.values()].find(({ der }) => der.equals(wanted))
  if (!found) throw new Refusal('malformed', 'Unable to find specified certificate.')
  if (call.signed?.kid) {
    if (ca.accountOf(call) !== found.account)
      throw new Refusal('unauthorized', 'not the account that issued it')
  } else {
    const own = createPublicKey({ key: found.spki, format: 'der', type: 'spki' })
    if (!call.signed?.key.equals(own)) throw new Refusal('unauthorized', 'not the key of the certificate')
  }
  const reason = call.signed?.payload?.reason ?? 0
  if (![0, 1, 3, 4, 5, 9].includes(Number(reason))) {
    throw new Refusal('badRevocationReason', `Invalid revocation reason: ${String(reason)}`)
  }
  if (found.revoked) throw new Refusal('alreadyRevoked', 'Certificate has already been revoked.')
  found.revoked = true
  return empty(200)
}

/** RFC 9773 §4: a revoked certificate is due now, any other two thirds into its life. */
export function renewalInfo(ca: CaState, call: Call): Answer {
  const id = call.path.slice('/renewal-info/'.length)
  const found = [...ca.certificates.values()].find((issued) => issued.id === id)
  if (!found) throw new Refusal('malformed', 'no certificate of that id', {}, 404)
  const start = Date.now() + (found.revoked ? -DAY : 60 * DAY)
  const suggestedWindow = {
    start: new Date(start).toISOString(),
    end: new Date(start + 2 * DAY).toISOString(),
  }
  return json(200, { suggestedWindow }, [['Retry-After', '21600']])
}
