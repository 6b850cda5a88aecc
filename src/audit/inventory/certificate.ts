import { z } from 'zod'
import { common, identifier, instant, objectId, paging, word } from './values.ts'

/** A certificate that a CA delivered through acmetap, or that was imported. Known by its fingerprint. */
export const certificate = z.strictObject({
  fingerprint: z.string().meta({ description: 'SHA-256 of the certificate, hex: its id.' }),
  serial: z.string().meta({ description: 'Lower-case hex, without leading zeros.' }),
  ca: z.string().nullable().meta({ description: 'Null for an imported one of no configured CA.' }),
  identifiers: z
    .array(identifier)
    .meta({ description: 'Its subjectAltName; the common name where it has none.' }),
  commonName: z.string().nullable(),
  issuer: z.string().meta({ description: 'Distinguished name, RFC 4514.' }),
  notBefore: instant(),
  notAfter: instant(),
  keyType: z.string().nullable().meta({ description: 'RSA, P-256, P-384, P-521, Ed25519 …' }),
  keyBits: z.int().nullable(),
  spki: z.string().meta({ description: 'SHA-256 of its SubjectPublicKeyInfo, hex.' }),
  ariId: z
    .string()
    .nullable()
    .meta({ description: 'RFC 9773 §4.1; null without an authority key identifier.' }),
  profile: z.string().nullable().meta({ description: 'Of its order.' }),
  chain: z
    .array(z.strictObject({ fingerprint: z.string(), subject: z.string() }))
    .meta({ description: 'What came with it, in order, itself left out.' }),
  alternates: z
    .array(z.string())
    .meta({ description: 'Subjects of the last certificate of other chains that were fetched.' }),
  order: objectId().nullable(),
  account: z
    .strictObject({ id: objectId(), url: z.string() })
    .nullable()
    .meta({ description: 'That ordered it, whoever downloaded it.' }),
  client: objectId().nullable(),
  downloadedBy: z
    .array(z.strictObject({ account: z.string().nullable(), firstAt: instant(), lastAt: instant() }))
    .meta({ description: 'Accounts (URLs) that fetched it.' }),
  replaces: z.string().nullable().meta({
    description: 'Fingerprint of the one before it for the same identifiers, or as `replaces` said.',
  }),
  replacedBy: z.string().nullable(),
  revokedAt: instant().nullable(),
  revocationReason: z
    .int()
    .nullable()
    .meta({ description: 'RFC 5280 §5.3.1; null where the request gave none.' }),
  revokedBy: z.enum(['account', 'certificateKey']).nullable(),
  renewalWindow: z
    .strictObject({
      start: instant(),
      end: instant(),
      askedAt: instant(),
      explanation: z.string().nullable(),
    })
    .nullable()
    .meta({ description: 'What the CA last answered to a request for renewal information (RFC 9773 §4.2).' }),
  source: z.enum(['observed', 'imported']),
  imported: z
    .strictObject({ host: z.string(), path: z.string(), at: instant(), unmanaged: z.boolean() })
    .nullable()
    .meta({
      description: '`unmanaged`: its client can take neither proxy nor root, so only imports tell of it.',
    }),
  exchange: z
    .string()
    .nullable()
    .meta({ description: 'The exchange that delivered it, or the event that imported it.' }),
  firstSeen: instant(),
})
export type InventoriedCertificate = z.output<typeof certificate>

export const CERTIFICATE_STATES = ['valid', 'expired', 'revoked', 'replaced'] as const

export const certificateFilter = z.strictObject({
  ...common,
  state: z
    .enum(CERTIFICATE_STATES)
    .optional()
    .meta({ description: 'valid: neither expired, revoked nor replaced.' }),
  serial: z
    .string()
    .regex(/^[0-9A-Fa-f:]{1,64}$/, 'must be hex digits')
    .optional(),
  issuer: word.optional().meta({ description: 'Words of the issuer name.' }),
  source: z.enum(['observed', 'imported']).optional(),
  unmanaged: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional(),
  expires_before: z
    .string()
    .regex(/^\d{1,5}d$|^\d{4}-\d\d-\d\d/, 'must be a number of days from now like 30d, or a time')
    .optional()
    .meta({ description: 'Expiry before: 30d from now, or a time like 2026-01-31T12:00:00Z.' }),
  ...paging,
})
export type CertificateFilter = z.output<typeof certificateFilter>
