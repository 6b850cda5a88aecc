/** What a certificate and a request for one say of themselves, in a few members. Null where they can't be read. */
import 'reflect-metadata'
import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { Pkcs10CertificateRequest, SubjectAlternativeNameExtension } from '@peculiar/x509'

export interface CertificateFacts {
  /** Hexadecimal, lower case. */
  readonly serial: string
  readonly notBefore: string
  readonly notAfter: string
  readonly names: readonly string[]
  readonly issuer: string
  /** SHA-256 of the DER, hexadecimal. */
  readonly sha256: string
  readonly key: string
}

export interface RequestFacts {
  readonly names: readonly string[]
  readonly key: string
}

/** The first certificate of a PEM chain, or one in DER. */
export function certificateFacts(bytes: Buffer | null): CertificateFacts | null {
  if (bytes === null) return null
  try {
    const certificate = new X509Certificate(bytes)
    return {
      serial: certificate.serialNumber.toLowerCase(),
      notBefore: certificate.validFromDate.toISOString(),
      notAfter: certificate.validToDate.toISOString(),
      names: alternativeNames(certificate.subjectAltName ?? ''),
      issuer: certificate.issuer.replaceAll('\n', ', '),
      sha256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
      key: keyText(certificate.publicKey),
    }
  } catch {
    return null
  }
}

/** Names of the subjectAltName and the common name of a CSR (RFC 2986), in DER. */
export function requestFacts(der: Buffer | null): RequestFacts | null {
  if (der === null) return null
  try {
    const request = new Pkcs10CertificateRequest(der)
    const alternative = request.extensions.find((one) => one instanceof SubjectAlternativeNameExtension)
    const names = alternative?.names.items.map(({ value }) => value) ?? []
    const common = request.subjectName.getField('CN')
    const key = createPublicKey({ key: Buffer.from(request.publicKey.rawData), format: 'der', type: 'spki' })
    return { names: [...new Set([...common, ...names])], key: keyText(key) }
  } catch {
    return null
  }
}

/** `EC prime256v1`, `RSA 2048`, `ED25519`. */
function keyText({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string {
  const size = asymmetricKeyDetails?.namedCurve ?? asymmetricKeyDetails?.modulusLength
  return [asymmetricKeyType?.toUpperCase(), size].filter((part) => part !== undefined).join(' ')
}

/** Node writes `DNS:a.example, IP Address:192.0.2.1`, and a value that holds a comma as a JSON string. */
function alternativeNames(text: string): string[] {
  return [...text.matchAll(/[A-Za-z ]+:("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g)].map(([, value = '']) =>
    value.startsWith('"') ? String(JSON.parse(value)) : value,
  )
}
