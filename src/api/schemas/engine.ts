/** The engine and reissues: what is asked of them and answered. As in `engine-operations.ts`, which is the contract. */
import { isIP } from 'node:net'
import { z } from 'zod'
import { identifier, instant, word } from '../../audit/inventory/values.ts'
import { isDnsName, network } from '../../config/values.ts'
import { CERTIFICATE_KEY_TYPES, JOB_REASONS, JOB_STEPS } from '../../engine/job.ts'
import type { IssueRequest, RenewRequest, RevokeRequest } from '../engine-operations.ts'

const micros = () => z.number().meta({ description: 'µs since 1970.' })
const fingerprint = () => z.string().meta({ description: 'SHA-256, hex.' })

export const engineAccount = z.strictObject({
  id: z.string(),
  ca: z.string(),
  tenant: z
    .string()
    .nullable()
    .meta({ description: 'Label of the clients it orders for, where they have one of their own.' }),
  directory: z.string(),
  status: z.enum(['creating', 'valid', 'deactivated', 'revoked']),
  url: z.string().nullable().meta({ description: 'Null while it is being created.' }),
  thumbprint: z.string().meta({ description: 'RFC 7638, of its key.' }),
  contact: z.array(z.string()),
  externalKeyId: z.string().nullable(),
  createdAt: instant(),
})
export const engineAccounts = z.strictObject({ accounts: z.array(engineAccount) })

export const engineJob = z.strictObject({
  id: z.string(),
  certificate: z.string(),
  reason: z.enum(JOB_REASONS),
  ca: z.string(),
  identifiers: z.array(identifier),
  step: z.enum(JOB_STEPS).meta({ description: 'How far it is; done and failed are its ends.' }),
  order: z.string().nullable().meta({ description: 'URL.' }),
  error: z.string().nullable().meta({ description: 'Why the last attempt failed, or why it ended.' }),
  failures: z.int().meta({ description: 'Attempts that failed so far.' }),
  nextAttempt: instant().nullable(),
  createdAt: instant(),
  changedAt: instant(),
})
export const engineJobs = z.strictObject({ jobs: z.array(engineJob) })

export const managedCertificate = z.strictObject({
  name: z.string(),
  names: z.array(z.string()),
  ca: z.string(),
  fingerprint: fingerprint().nullable().meta({ description: 'SHA-256, hex; null while none was obtained.' }),
  notBefore: instant().nullable(),
  notAfter: instant().nullable(),
  revokedAt: instant().nullable().meta({ description: 'When acmetap had it revoked.' }),
  renewal: z
    .strictObject({ at: instant(), by: z.enum(['ari', 'lifetime']) })
    .nullable()
    .meta({
      description: 'When it is to be renewed, and by whose word: that of the CA (RFC 9773), or ours.',
    }),
  folder: z.string().meta({ description: 'Of its files.' }),
  managed: z.boolean().meta({ description: 'Still in the configuration.' }),
  job: engineJob.nullable(),
})
export const managedCertificates = z.strictObject({ certificates: z.array(managedCertificate) })

/** Also the name of a folder. */
export const certificateName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,127}$/,
    'must be 1 to 128 lower-case letters, digits, dots, hyphens or underscores',
  )
const caName = word
  .max(64)
  .meta({ description: 'As under `cas` of the configuration.', example: 'letsencrypt' })
const contact = z
  .array(
    z
      .string()
      .regex(/^mailto:[^\s,?]+@[^\s,?]+$/, 'must be mailto: and one address')
      .max(320),
  )
  .max(10)
const agreeTerms = z.boolean().meta({ description: "You agree to the CA's terms of service." })

/** Whether a certificate can be asked for it: a DNS name in lower case, `*.name`, or an IP address. */
export function isCertifiable(text: string): boolean {
  return isIP(text) !== 0 || isDnsName(text.startsWith('*.') ? text.slice(2) : text)
}

const certifiable = z
  .string()
  .max(255)
  .refine(isCertifiable, 'must be a DNS name in lower case (U-labels as xn--), *.name, or an IP address')

export const jobsQuery = z.strictObject({
  certificate: certificateName.optional(),
  open: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .optional()
    .meta({ description: 'true: only those that have not ended.' }),
  limit: z.coerce
    .number('must be a whole number from 1 to 1000')
    .int('must be a whole number from 1 to 1000')
    .min(1, 'must be a whole number from 1 to 1000')
    .max(1000, 'must be a whole number from 1 to 1000')
    .default(50)
    .meta({ description: 'At most so many, newest first.' }),
})

export const accountWanted = z.strictObject({
  ca: caName,
  tenant: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/)
    .optional()
    .meta({ description: 'Label of clients that have an account of their own.' }),
  contact: contact.optional(),
  agreeTerms: agreeTerms.optional(),
})
export const contactWanted = z.strictObject({ contact })
export const caParams = z.strictObject({ ca: caName })

/** What is asked with a private key in it is a mistake, but for a revocation. */
const pem = (what: string) =>
  z
    .string()
    .max(64 << 10)
    .refine((text) => !/PRIVATE KEY/.test(text), `must hold ${what} only, and holds a private key`)

export const issueWanted = z
  .strictObject({
    certificate: certificateName.optional().meta({ description: 'A managed certificate, and nothing else.' }),
    names: z.array(certifiable).min(1).max(100).optional(),
    name: certificateName
      .optional()
      .meta({ description: 'Under which it is kept; without it the first of its names.' }),
    ca: caName.optional(),
    profile: word.max(256).optional(),
    keyType: z.enum(CERTIFICATE_KEY_TYPES).optional(),
    solver: word.max(32).optional(),
    preferredChain: word.max(256).optional(),
    agreeTerms: agreeTerms.optional(),
    contact: contact.optional(),
    csr: pem('a request').optional().meta({ description: 'PEM: sent instead of a request of our own.' }),
    dryRun: z.boolean().optional().meta({ description: "Against the CA's staging; nothing is kept." }),
  })
  .superRefine((given, context) => {
    const complain = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message })
    if (given.certificate === undefined) {
      if (given.names === undefined && given.csr === undefined)
        complain('names', 'is missing: give names, a csr, or the name of a managed certificate')
      if (given.csr !== undefined && given.names !== undefined)
        complain('names', 'excludes csr: the request says what it is for')
      if (given.csr !== undefined && given.keyType !== undefined)
        complain('keyType', 'excludes csr: the request has its key')
      return
    }
    for (const key of ISSUE_ONLY) {
      if (given[key] !== undefined) complain(key, 'excludes certificate: the configuration says it')
    }
  })
  .transform((given) => given as IssueRequest)

/** What the configuration says of a managed certificate. */
export const ISSUE_ONLY = [
  'names',
  'name',
  'ca',
  'profile',
  'keyType',
  'solver',
  'preferredChain',
  'csr',
] as const satisfies readonly (keyof IssueRequest)[]

export const renewWanted = z
  .strictObject({
    certificates: z.array(certificateName).max(1000).default([]).meta({ description: 'Empty: all.' }),
    force: z.boolean().optional().meta({ description: 'Due or not.' }),
    dryRun: z.boolean().optional(),
  })
  .transform((given) => given as RenewRequest)

/** RFC 5280 §5.3.1, as far as RFC 8555 §7.6 and CAs know them from clients. */
export const REVOCATION_REASONS = {
  unspecified: 0,
  keyCompromise: 1,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  privilegeWithdrawn: 9,
} as const

export const revokeWanted = z
  .strictObject({
    certificate: z
      .string()
      .min(1)
      .max(64 << 10)
      .refine((text) => !/PRIVATE KEY/.test(text), 'must be no private key')
      .meta({ description: 'Name of a managed certificate, a fingerprint, a serial number, or PEM.' }),
    reason: z
      .int()
      .refine(
        (code) => Object.values<number>(REVOCATION_REASONS).includes(code),
        'must be 0, 1, 3, 4, 5 or 9 (RFC 5280 §5.3.1)',
      )
      .optional(),
    ca: caName.optional(),
    key: z
      .string()
      .max(64 << 10)
      .optional()
      .meta({ description: "PEM of the certificate's key (RFC 8555 §7.6). On the control socket only." }),
  })
  .transform((given) => given as RevokeRequest)

export const revoked = z.strictObject({ fingerprint: fingerprint(), ca: z.string() })

const subdomain = z.string().regex(/^[0-9a-f-]{1,64}$/, 'must be the subdomain of a registration')

export const dnsRegistration = z.strictObject({
  subdomain: z.string(),
  fullDomain: z.string().meta({ description: 'Target for the CNAME of _acme-challenge.' }),
  username: z.string(),
  allowFrom: z
    .array(z.string())
    .meta({ description: 'Networks it may be set from; empty: from everywhere.' }),
  createdAt: instant(),
  updatedAt: instant().nullable(),
})
export const dnsRegistrations = z.strictObject({ registrations: z.array(dnsRegistration) })
export const createdDnsRegistration = z.strictObject({
  registration: dnsRegistration,
  password: z.string().meta({ description: 'Told in this answer and never again.' }),
})
export const registrationWanted = z.strictObject({
  allowFrom: z.array(network()).max(100).default([]).meta({ description: 'Networks, like 192.0.2.0/24.' }),
})
export const registrationParams = (example: string) =>
  z.strictObject({ subdomain: subdomain.meta({ example }) })

export const reissueLine = z.strictObject({
  line: z.int().meta({ description: 'From 1.' }),
  fingerprint: fingerprint().meta({ description: 'Of the certificate that is to be replaced.' }),
  names: z.array(identifier),
  why: z.string(),
  way: z.enum(['renew', 'repeat']).nullable().meta({
    description:
      'renew: a managed certificate. repeat: the request that acmetap saw, under its own account, so that the key stays. Null where it cannot be done.',
  }),
  cannot: z.string().nullable().meta({ description: 'Why not, and what to do.' }),
  ca: z.string().nullable(),
  certificate: z.string().nullable(),
  state: z.enum(['planned', 'running', 'done', 'failed', 'skipped']),
  job: z.string().nullable(),
  replacedBy: z.string().nullable().meta({ description: 'Fingerprint.' }),
  error: z.string().nullable(),
})

const planMembers = {
  id: z.string(),
  where: z.string(),
  madeBy: z.string(),
  madeAt: micros(),
  state: z.enum(['planned', 'running', 'stopped', 'done']),
  stoppedBecause: z.string().nullable(),
  pace: z.number().meta({ description: 'Seconds between two lines.' }),
  stopAt: z.number().meta({ description: 'Percentage of failed lines at which it stops.' }),
}
export const reissuePlans = z.strictObject({ plans: z.array(z.strictObject(planMembers)) })
export const shownPlan = z.strictObject({ ...planMembers, lines: z.array(reissueLine) })
export const planWanted = z.strictObject({
  where: z
    .string()
    .min(1)
    .max(4096)
    .meta({ description: 'Which certificates: docs/engine.md has the words.' }),
})
export const planId = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, 'must be the id of a plan')
export const lineNumber = z
  .string()
  .regex(/^[1-9]\d{0,6}$/, 'must be the number of a line')
  .transform(Number)
