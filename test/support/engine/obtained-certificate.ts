import { X509Certificate } from 'node:crypto'
import { readCertificateChain } from '../../../src/acme/certificate.ts'
import type { KeptCertificate } from '../../../src/engine/job.ts'
import { type Issuer, makeRoot, makeServerCertificate } from '../test-ca/certificates.ts'
import { keptCertificate } from './engine-values.ts'

export interface Obtained {
  readonly kept: KeptCertificate
  /** PKCS #8 PEM. */
  readonly key: string
  readonly leaf: string
  /** PEM: what signs it. */
  readonly root: string
}

/** A real certificate with its key, as the engine keeps one. */
export function obtained(changes: Partial<KeptCertificate> = {}, issuer: Issuer = makeRoot()): Obtained {
  const names = (changes.identifiers ?? [{ type: 'dns', value: 'www.example.com' }]).map(({ value }) => value)
  const from = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 86_400_000
  const { pem, keyPem, key } = makeServerCertificate({
    names,
    notBefore: new Date(changes.notBefore === undefined ? from : changes.notBefore / 1000),
    notAfter: new Date(changes.notAfter === undefined ? from + 90 * 86_400_000 : changes.notAfter / 1000),
    issuer,
  })
  const chain = `${pem.trim()}\n${issuer.pem.trim()}\n`
  const { leaf } = readCertificateChain(Buffer.from(chain))!
  if (!new X509Certificate(pem).checkPrivateKey(key)) throw new Error('the key does not fit')
  return {
    kept: keptCertificate({
      chain,
      fingerprint: leaf.fingerprint,
      notBefore: leaf.notBefore,
      notAfter: leaf.notAfter,
      issuedAt: leaf.notBefore,
      ariId: leaf.ariId,
      ...changes,
    }),
    key: keyPem,
    leaf: `${pem.trim()}\n`,
    root: issuer.pem,
  }
}
