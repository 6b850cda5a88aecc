import { isIP } from 'node:net'
import { readCertificateRequest } from '../../acme/certificate-request.ts'
import type { Identifier } from '../../acme/identifier.ts'
import type { IssueRequest } from '../../api/engine-operations.ts'
import { OperationRefused } from '../../api/operations.ts'
import type { Config } from '../../config/schema.ts'
import type { JobRequest } from '../../engine/job-request.ts'
import { isFolderName } from '../../engine/managed/deploy.ts'

const CSR =
  /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]+)-----END (?:NEW )?CERTIFICATE REQUEST-----/

/** A DNS name, a wildcard or an IP address as an identifier (RFC 8738). */
export function identifierOf(text: string): Identifier {
  return { type: isIP(text) === 0 ? 'dns' : 'ip', value: text }
}

/** What a command asks for that is no managed certificate. Rejects with OperationRefused. */
export async function jobOfRequest(config: Config, request: IssueRequest): Promise<JobRequest> {
  const { names = [], csr } = request
  if (csr !== undefined && names.length > 0)
    throw new OperationRefused('a request (CSR) names what it is for: give no names beside it')
  const der = csr === undefined ? null : derOf(csr)
  const identifiers =
    der === null ? names.map(identifierOf) : ((await readCertificateRequest(der))?.names ?? [])
  if (identifiers.length === 0)
    throw new OperationRefused(
      der === null
        ? 'name at least one name, or a managed certificate'
        : 'the request (CSR) can not be read, or names nothing',
    )
  const name = request.name ?? folderName(identifiers[0]!.value)
  // Found when it is put there, the certificate would have been issued for nothing.
  if (!isFolderName(name))
    throw new OperationRefused(
      `${JSON.stringify(name.slice(0, 150))} can not be the name of a folder: give it another with --name, 1 to 128 lower-case letters, digits, dots, hyphens or underscores`,
    )
  if (config.engine.certificates.some((managed) => managed.name === name))
    throw new OperationRefused(
      `${name} is a managed certificate: issue it by that name alone, or give this one another with --name`,
      409,
    )
  return {
    certificate: name,
    reason: 'command',
    ca: request.ca ?? onlyCa(config),
    identifiers,
    profile: request.profile ?? null,
    replaces: null,
    preferredChain: request.preferredChain ?? null,
    solver: request.solver ?? null,
    dryRun: request.dryRun ?? false,
    key: der === null ? { type: request.keyType ?? 'ec256' } : { csr: der },
    ...(request.agreeTerms === undefined ? {} : { agreeTerms: request.agreeTerms }),
    ...(request.contact === undefined ? {} : { contact: request.contact }),
  }
}

/** Of a name or an address; what a folder can not be called by is a hyphen there. */
function folderName(value: string): string {
  return value
    .toLowerCase()
    .replace(/^\*\./, '')
    .replace(/[^a-z0-9._-]/g, '-')
    .replace(/^[^a-z0-9]+/, '')
}

function derOf(pem: string): Buffer {
  const [, text] = CSR.exec(pem) ?? []
  if (text === undefined) throw new OperationRefused('the request (CSR) is not PEM')
  return Buffer.from(text, 'base64')
}

function onlyCa({ cas }: Config): string {
  const known = Object.keys(cas)
  if (known.length === 1) return known[0]!
  throw new OperationRefused(
    known.length === 0
      ? 'no CA is configured: add one under cas'
      : `say which CA with --ca: ${known.slice(0, 10).join(', ')}`,
  )
}
