import { createPrivateKey } from 'node:crypto'
import { readCertificateRequest } from '../acme/certificate-request.ts'
import type { Identifier } from '../acme/identifier.ts'
import type { Clock } from '../exchange/clock.ts'
import { newExchangeId } from '../exchange/exchange-id.ts'
import { makeCertificateKey } from './certificate-key.ts'
import { makeSigningRequest } from './certificate-signing-request.ts'
import type { FailPoint } from './durable-step.ts'
import type { EngineAccounts } from './engine-accounts.ts'
import { EngineError } from './engine-error.ts'
import type { EngineStore } from './engine-store.ts'
import type { Job } from './job.ts'
import type { JobRequest } from './job-request.ts'
import type { Sealing } from './sealing.ts'
import { namesOnce, namesText, sameNames, wantedNames } from './wanted-names.ts'

export interface CreateParts {
  readonly store: EngineStore
  readonly sealing: Sealing
  readonly accounts: EngineAccounts
  readonly clock: Clock
  readonly failPoint: FailPoint
}

/**
 * Makes the job durable, with its key and its request, before anything is ordered; only the account may have to be made at
 * the CA first. One for the same certificate that has not ended is given back where it is for the same, otherwise rejected
 * (EngineError, `input`), as is what no CA would issue for.
 */
export async function createJob(parts: CreateParts, request: JobRequest, signal: AbortSignal): Promise<Job> {
  const { store, accounts, clock, failPoint } = parts
  const identifiers =
    'csr' in request.key
      ? await namesOfRequest(request.key.csr, request.identifiers)
      : wantedNames(request.identifiers)
  const [open] = await store.jobs({ certificate: request.certificate, open: true, limit: 1 })
  if (open !== undefined) return sameJob(open, request, identifiers)
  const { account } = await accounts.open(request.ca, terms(request), signal)
  const id = newExchangeId()
  const now = clock.now().wall
  const job: Job = {
    id,
    certificate: request.certificate,
    reason: request.reason,
    line: request.line ?? null,
    ca: request.ca,
    account: account.id,
    identifiers,
    profile: request.profile,
    replaces: request.replaces,
    preferredChain: request.preferredChain,
    solver: request.solver,
    dryRun: request.dryRun,
    ...(await keyAndRequest(parts.sealing, request.key, identifiers, id)),
    step: 'created',
    announced: null,
    order: null,
    chain: null,
    error: null,
    failures: 0,
    notBefore: null,
    createdAt: now,
    changedAt: now,
  }
  await failPoint('job.created', 'before')
  await store.addJob(job)
  await failPoint('job.created', 'after')
  return job
}

function terms({ agreeTerms, contact }: JobRequest): { agreeTerms?: boolean; contact?: readonly string[] } {
  return {
    ...(agreeTerms === undefined ? {} : { agreeTerms }),
    ...(contact === undefined ? {} : { contact }),
  }
}

function sameJob(open: Job, request: JobRequest, identifiers: readonly Identifier[]): Job {
  const differs =
    open.ca !== request.ca
      ? `from ${open.ca}`
      : open.dryRun !== request.dryRun
        ? open.dryRun
          ? 'as a rehearsal'
          : 'in earnest'
        : open.profile !== request.profile
          ? `with ${open.profile === null ? 'no profile' : `the profile ${open.profile}`}`
          : sameNames(open.identifiers, identifiers)
            ? null
            : `for ${namesText(open.identifiers)}`
  if (differs === null) return open
  throw new EngineError(
    'input',
    `${request.certificate} is on its way already, ${differs} (job ${open.id}): wait until that has ended, or take another name`,
  )
}

async function keyAndRequest(
  sealing: Sealing,
  wanted: JobRequest['key'],
  identifiers: readonly Identifier[],
  job: string,
): Promise<Pick<Job, 'csr' | 'key'>> {
  if ('csr' in wanted) return { csr: wanted.csr.toString('base64url'), key: null }
  const key = 'type' in wanted ? await makeCertificateKey(wanted.type) : keyOf(sealing, wanted.reuse)
  const pem = key.export({ format: 'pem', type: 'pkcs8' }) as string
  return {
    csr: makeSigningRequest(key, identifiers).toString('base64url'),
    key: sealing.seal(pem, { table: 'job', id: job, column: 'key' }),
  }
}

function keyOf(sealing: Sealing, { certificate, key }: { certificate: string; key: Job['key'] }) {
  if (key === null)
    throw new EngineError(
      'input',
      `the key of ${certificate} is not here: it cannot be used again without its request`,
    )
  return createPrivateKey(sealing.open(key, { table: 'certificate', id: certificate, column: 'key' }))
}

/** Somebody else's request goes to the CA as it is: its names are the order's. */
async function namesOfRequest(csr: Buffer, asked: readonly Identifier[]): Promise<readonly Identifier[]> {
  const request = await readCertificateRequest(csr)
  if (request === null)
    throw new EngineError('input', 'the certificate request cannot be read: it must be PKCS #10')
  const [fault] = request.faults
  if (fault !== undefined) throw new EngineError('input', `the certificate request will not do: ${fault}`)
  if (request.signature.verified === false)
    throw new EngineError('input', 'the certificate request is not signed by its own key')
  const names = namesOnce(request.names)
  if (asked.length > 0 && !sameNames(names, asked))
    throw new EngineError(
      'input',
      `the certificate request is for ${namesText(names)}, not for ${namesText(asked)}: give the same names, or none`,
    )
  return names
}
