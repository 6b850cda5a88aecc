import { createPrivateKey } from 'node:crypto'
import { readCertificateRequest } from '../acme/certificate-request.ts'
import type { Identifier } from '../acme/identifier.ts'
import type { Clock } from '../exchange/clock.ts'
import { newExchangeId } from '../exchange/exchange-id.ts'
import { keyTypeOfRequest, makeCertificateKey } from './certificate-key.ts'
import { makeSigningRequest } from './certificate-signing-request.ts'
import type { FailPoint } from './durable-step.ts'
import type { EngineAccounts } from './engine-accounts.ts'
import { EngineError } from './engine-error.ts'
import type { EngineStore } from './engine-store.ts'
import { type Job, NOT_BEGUN } from './job.ts'
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

/** Whether an open job for the same certificate, but not for the same, has been ended: it is nobody's any more. */
export type GiveWay = (open: Job) => Promise<boolean>

/**
 * Makes the job durable, with its key and its request, before anything is ordered; only the account may have to be made at
 * the CA first. One for the same certificate that has not ended is given back where it is for the same; where it is not and
 * does not give way this is rejected (EngineError, `input`), as is what no CA would issue for.
 */
export async function createJob(
  parts: CreateParts,
  request: JobRequest,
  signal: AbortSignal,
  giveWay: GiveWay,
): Promise<Job> {
  const { store, accounts, clock, failPoint } = parts
  const identifiers =
    'csr' in request.key
      ? await namesOfRequest(request.key.csr, request.identifiers)
      : wantedNames(request.identifiers)
  const [open] = await store.jobs({ certificate: request.certificate, open: true, limit: 1 })
  if (open !== undefined) {
    const differs = await differenceOf(open, request, identifiers)
    if (differs === null) return open
    if (!(await giveWay(open)))
      throw new EngineError(
        'input',
        `${request.certificate} is on its way already, ${differs} (job ${open.id}): wait until that has ended, or take another name`,
      )
  }
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
    ...NOT_BEGUN,
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

/** What an open job has otherwise than is asked for now; null where it is for the same. */
async function differenceOf(
  open: Job,
  request: JobRequest,
  identifiers: readonly Identifier[],
): Promise<string | null> {
  if (open.ca !== request.ca) return `from ${open.ca}`
  if (open.dryRun !== request.dryRun) return open.dryRun ? 'as a rehearsal' : 'in earnest'
  if (open.profile !== request.profile)
    return `with ${open.profile === null ? 'no profile' : `the profile ${open.profile}`}`
  if (!sameNames(open.identifiers, identifiers)) return `for ${namesText(open.identifiers)}`
  return keyDifference(open, request.key)
}

async function keyDifference(open: Job, wanted: JobRequest['key']): Promise<string | null> {
  if ('csr' in wanted)
    return open.csr === wanted.csr.toString('base64url') ? null : 'for another request (CSR)'
  if (open.key === null) return 'for the request (CSR) of somebody else'
  if ('reuse' in wanted) return null
  const type = open.csr === null ? null : await keyTypeOfRequest(open.csr)
  return type === null || type === wanted.type ? null : `with a key of type ${type}`
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
