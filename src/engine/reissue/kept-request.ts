import { decodeBase64url } from '../../acme/base64url.ts'
import { readCertificateRequest } from '../../acme/certificate-request.ts'
import { asObject } from '../../acme/json.ts'
import type { InventoriedCertificate } from '../../audit/inventory/certificate.ts'
import type { InventoryReader } from '../../audit/inventory/inventory-reader.ts'
import type { RecordReader } from '../../audit/record-store.ts'
import { isExchangeId } from '../../exchange/exchange-id.ts'
import { parseJson } from '../../exchange/parse-json.ts'
import { sameNames } from '../wanted-names.ts'

/** The request (PKCS #10, DER) that a client sent for a certificate, or why there is none to be sent again. */
export type KeptRequest = { readonly csr: Buffer } | { readonly cannot: string }

export type FindKeptRequest = (certificate: InventoriedCertificate) => Promise<KeptRequest>

/**
 * Finds it in the record: the finalize exchange of the certificate's order. What is found is held against the certificate:
 * it must be for the same key and names, signed by that key, and without fault.
 */
export function keptRequests(
  reader: Pick<RecordReader, 'exchange' | 'body'>,
  inventory: Pick<InventoryReader, 'order'>,
): FindKeptRequest {
  return async (certificate) => {
    const order = certificate.order === null ? null : await inventory.order(certificate.order)
    if (order === null)
      return {
        cannot: `its order did not come through acmetap, so its request is not here. ${BY_ITS_CLIENT}`,
      }
    if (order.csr === null)
      return { cannot: `its request (finalize) did not come through acmetap. ${BY_ITS_CLIENT}` }
    const csr = await recordedRequest(reader, order.csr.exchange)
    if (csr === null)
      return { cannot: `its request is no longer kept (retention, or it was erased). ${BY_ITS_CLIENT}` }
    const fault = await faultOf(csr, certificate)
    return fault === null ? { csr } : { cannot: fault }
  }
}

const BY_ITS_CLIENT = 'Let its client renew it, or make it a managed certificate.'

async function recordedRequest(
  reader: Pick<RecordReader, 'exchange' | 'body'>,
  finalize: string,
): Promise<Buffer | null> {
  if (!isExchangeId(finalize)) return null
  const exchange = await reader.exchange(finalize)
  const digest = exchange?.intent.jws?.payload ?? exchange?.intent.personal.payload
  const payload = digest == null ? null : await reader.body(finalize, digest)
  const csr = payload === null ? undefined : asObject(parseJson(payload))?.csr
  return typeof csr === 'string' ? decodeBase64url(csr) : null
}

async function faultOf(csr: Buffer, { spki, identifiers }: InventoriedCertificate): Promise<string | null> {
  const request = await readCertificateRequest(csr)
  if (request === null) return `its request cannot be read. ${BY_ITS_CLIENT}`
  const [fault] = request.faults
  if (fault !== undefined) return `its request will not do: ${fault}. ${BY_ITS_CLIENT}`
  if (request.signature.verified !== true) return `its request is not signed by its own key. ${BY_ITS_CLIENT}`
  if (request.key.spki !== spki) return `the request of its order is for another key. ${BY_ITS_CLIENT}`
  if (!sameNames(request.names, identifiers))
    return `its request asks for other names than it has. ${BY_ITS_CLIENT}`
  return null
}
