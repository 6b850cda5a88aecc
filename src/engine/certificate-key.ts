import { generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
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
