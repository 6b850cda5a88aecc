import { type CertificateRequest, readCertificateRequest } from '../acme/certificate-request.ts'
import { csrOf } from '../acme/payloads.ts'

const readings = new WeakMap<object, Promise<CertificateRequest | null>>()

/**
 * The request in the payload of a finalize, read strictly and its signature checked, once however many stages ask. Null where
 * there is none that can be read. Never rejects.
 */
export function requestedCertificate(payload: unknown): Promise<CertificateRequest | null> {
  if (typeof payload !== 'object' || payload === null) return Promise.resolve(null)
  let reading = readings.get(payload)
  if (reading === undefined) {
    const der = csrOf(payload)
    reading = der === null ? Promise.resolve(null) : readCertificateRequest(der)
    readings.set(payload, reading)
  }
  return reading
}
