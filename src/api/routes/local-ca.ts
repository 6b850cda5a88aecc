import type { ShownLocalCertificate } from '../local-ca-operations.ts'
import { type Route, route } from '../route.ts'
import {
  localCertificate,
  localCertificates,
  localCertificatesQuery,
  localRevocation,
} from '../schemas/local-ca.ts'

const example: ShownLocalCertificate = {
  ca: 'internal',
  issuer: 1,
  serial: '5f3a9c0b7d214e6f8a1b2c3d4e5f6071',
  identifiers: [{ type: 'dns', value: 'db.internal.example.net' }],
  fingerprint: '6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b',
  order: 'Zk1c0nV5b0tQd3R4eWFiYw',
  notBefore: '2026-11-22T01:19:25.000Z',
  notAfter: '2026-12-22T01:20:24.000Z',
  issuedAt: '2026-11-22T01:20:25.000Z',
  revokedAt: '2026-11-23T08:00:00.000Z',
  reason: 'keyCompromise',
}

/** The files of a local CA are for commands on its machine; what it signed is asked for here. */
export const localCaRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/local-ca/certificates',
    id: 'listLocalCertificates',
    tag: 'broker',
    summary: 'Certificates that local CAs signed, newest first',
    role: 'viewer',
    noted: 'local-ca/certificates',
    query: localCertificatesQuery,
    answer: localCertificates,
    example: { certificates: [example] },
    refuses: [409],
    handle: async ({ localCa }, { query: { ca, revoked, limit } }) => ({
      certificates: await localCa.certificates({
        limit,
        ...(ca === undefined ? {} : { ca }),
        ...(revoked === undefined ? {} : { revoked }),
      }),
    }),
  }),
  route({
    method: 'POST',
    path: '/local-ca/revoke',
    id: 'revokeLocalCertificate',
    tag: 'broker',
    summary: 'Revoke a certificate of a local CA; it is in the revocation list when this answers',
    role: 'operator',
    body: localRevocation,
    bodyExample: { ca: 'internal', serial: example.serial, reason: 'keyCompromise' },
    answer: localCertificate,
    example,
    refuses: [404, 409],
    handle: ({ localCa }, { body, actor }) => localCa.revoke(body, actor),
  }),
]
