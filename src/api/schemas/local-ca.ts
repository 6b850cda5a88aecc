/** Local CAs: what is asked of them and answered. As in `local-ca-operations.ts`, which is the contract. */
import { z } from 'zod'
import { identifier, instant } from '../../audit/inventory/values.ts'
import { LOCAL_REASONS } from '../local-ca-operations.ts'

const ca = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'must be a name under local_cas')

export const localCertificate = z.strictObject({
  ca: z.string(),
  issuer: z.int().meta({ description: "Which of the CA's issuers signed it." }),
  serial: z.string().meta({ description: 'Lower-case hex.' }),
  identifiers: z.array(identifier),
  fingerprint: z.string().meta({ description: 'SHA-256 of the DER, lower-case hex.' }),
  order: z.string().meta({ description: "Id of the broker's order." }),
  notBefore: instant(),
  notAfter: instant(),
  issuedAt: instant(),
  revokedAt: instant().nullable(),
  reason: z.string().nullable(),
})
export const localCertificates = z.strictObject({ certificates: z.array(localCertificate) })

export const localCertificatesQuery = z.strictObject({
  ca: ca.optional().meta({ example: 'internal' }),
  revoked: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional()
    .meta({ example: 'true' }),
  limit: z.coerce.number().int().min(1).max(1000).default(100).meta({ example: '100' }),
})

export const localRevocation = z.strictObject({
  ca,
  serial: z.string().regex(/^[0-9A-Fa-f:]{1,80}$/, 'must be a serial number in hex'),
  reason: z.enum(LOCAL_REASONS).default('unspecified'),
})
