import { localCertificateExample as example } from '../broker-examples.ts'
import { type Route, route } from '../route.ts'
import {
  localCertificate,
  localCertificates,
  localCertificatesQuery,
  localRevocation,
} from '../schemas/local-ca.ts'

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
