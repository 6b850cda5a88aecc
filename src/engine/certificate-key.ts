import { generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { readCertificateRequest } from '../acme/certificate-request.ts'
import type { CertificateKeyType } from './job.ts'

const generate = promisify(generateKeyPair)

/** A new key for a certificate, made on the thread pool: RSA takes a while. */
export async function makeCertificateKey(type: CertificateKeyType): Promise<KeyObject> {
  switch (type) {
    case 'ec256':
    case 'ec384': {
      const { privateKey } = await generate('ec', { namedCurve: type === 'ec256' ? 'P-256' : 'P-384' })
      return privateKey
    }
    default: {
      const { privateKey } = await generate('rsa', { modulusLength: Number(type.slice('rsa'.length)) })
      return privateKey
    }
  }
}

const CURVES: Readonly<Record<string, CertificateKeyType>> = { 'P-256': 'ec256', 'P-384': 'ec384' }
const RSA: Readonly<Record<number, CertificateKeyType>> = {
  2048: 'rsa2048',
  3072: 'rsa3072',
  4096: 'rsa4096',
}

/** `type`: `RSA`, or the name of a curve. Null for a key of another kind than we make. */
export function keyTypeNamed(type: string, bits: number | null): CertificateKeyType | null {
  return (type === 'RSA' ? RSA[bits ?? 0] : CURVES[type]) ?? null
}

/** Of the key in a request (DER, base64url); null where it is of another kind than we make. */
export async function keyTypeOfRequest(csr: string): Promise<CertificateKeyType | null> {
  const request = await readCertificateRequest(Buffer.from(csr, 'base64url'))
  if (request === null) return null
  const { type, curve, size } = request.key
  return keyTypeNamed(curve ?? type, size)
}
