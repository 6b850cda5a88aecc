import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readCertificateChain } from '../../acme/certificate.ts'
import type {
  EngineEvent,
  EngineOperations,
  IssueRequest,
  JobResult,
  RenewRequest,
  RevokeRequest,
} from '../../api/engine-operations.ts'
import { OperationRefused } from '../../api/operations.ts'
import type { Actor, EngineAction } from '../../audit/event.ts'
import type { InventoryReader } from '../../audit/inventory/inventory-reader.ts'
import type { EventRecorder } from '../../audit/keeping.ts'
import type { Config } from '../../config/schema.ts'
import { signerOf } from '../../engine/account-key.ts'
import type { AcmeSession } from '../../engine/acme-session.ts'
import type { Engine } from '../../engine/engine.ts'
import type { EngineAccounts } from '../../engine/engine-accounts.ts'
import { EngineError } from '../../engine/engine-error.ts'
import type { EngineStore } from '../../engine/engine-store.ts'
import type { Job, JobReason, KeptCertificate } from '../../engine/job.ts'
import type { JobRequest } from '../../engine/job-request.ts'
import { certificateFolder } from '../../engine/managed/deploy.ts'
import type { ManagedCertificates } from '../../engine/managed/managed-certificates.ts'
import type { OnProgress } from '../../engine/progress.ts'
import { revokeCertificate } from '../../engine/revocation.ts'
import type { Clock } from '../../exchange/clock.ts'
import { EventQueue } from './event-queue.ts'
import { isOver, jobResult, shownAccount, shownJob, shownManaged } from './shown.ts'
import { stagingOf } from './staging.ts'
import { jobOfRequest } from './wanted.ts'

export interface EngineOperationsParts {
  readonly config: () => Config
  readonly store: EngineStore
  readonly accounts: EngineAccounts
  readonly engine: Engine
  readonly managed: ManagedCertificates
  readonly session: (ca: string) => AcmeSession
  readonly inventory: InventoryReader
  readonly clock: Clock
  readonly events: EventRecorder
  /** A server goes on with what waits; without one nobody does before the next command. */
  readonly isServer: boolean
  /** Aborted when the process ends. */
  readonly ending: AbortSignal
}

type Own = Omit<
  EngineOperations,
  | 'plans'
  | 'plan'
  | 'makePlan'
  | 'applyPlan'
  | 'pickup'
  | 'dnsRegistrations'
  | 'registerDns'
  | 'removeDnsRegistration'
>

/** What is asked of accounts, certificates and jobs. */
export function engineOperations(parts: EngineOperationsParts): Own {
  const { store, accounts, engine, managed, events, ending } = parts
  const asked = (actor: Actor, action: EngineAction, subject: string) =>
    events.record(actor, { event: 'engineAsked', action, subject: subject.slice(0, 300) })
  const onAccount = async (
    ca: string,
    actor: Actor,
    action: EngineAction,
    change: () => Promise<unknown>,
    tenant: string | null = null,
  ) => {
    knownCa(parts.config(), ca)
    await asked(actor, action, ca)
    await change()
    const own = (await store.accounts()).filter((account) => account.ca === ca && account.tenant === tenant)
    return shownAccount(own.reduce((newest, one) => (one.createdAt >= newest.createdAt ? one : newest)))
  }
  return {
    accounts: async () => (await accounts.all()).map(shownAccount),
    register: ({ ca, tenant = null, contact, agreeTerms }, actor) =>
      onAccount(
        ca,
        actor,
        'register',
        () =>
          accounts.of(tenant).open(
            ca,
            {
              anew: true,
              ...(contact === undefined ? {} : { contact }),
              ...(agreeTerms === undefined ? {} : { agreeTerms }),
            },
            ending,
          ),
        tenant,
      ),
    updateContact: (ca, contact, actor) =>
      onAccount(ca, actor, 'updateContact', () => accounts.updateContact(ca, contact, ending)),
    rollOver: (ca, actor) => onAccount(ca, actor, 'rollOver', () => accounts.rollOver(ca, ending)),
    deactivate: (ca, actor) => onAccount(ca, actor, 'deactivate', () => accounts.deactivate(ca, ending)),
    certificates: async () =>
      (await managed.status()).map((one) => shownManaged(one, folderOf(parts.config(), one.name))),
    jobs: async (filter) => (await store.jobs(filter)).map(shownJob),
    issue: (request, actor, signal) => issue(parts, asked, request, actor, signal),
    renew: (request, actor, signal) => renew(parts, asked, request, actor, signal),
    revoke: async (request, actor) => {
      await asked(actor, 'revoke', request.certificate)
      return revoke(parts, request)
    },
  }

  async function* issue(
    { config }: EngineOperationsParts,
    note: typeof asked,
    given: IssueRequest,
    actor: Actor,
    signal: AbortSignal,
  ): AsyncGenerator<EngineEvent> {
    const wanted = await jobWanted(config(), given)
    await note(actor, 'issue', wanted.certificate)
    yield* watched(signal, async (watch, onProgress) => [await obtained(wanted, watch, onProgress)])
  }

  async function* renew(
    { config }: EngineOperationsParts,
    note: typeof asked,
    { certificates, force = false, dryRun = false }: RenewRequest,
    actor: Actor,
    signal: AbortSignal,
  ): AsyncGenerator<EngineEvent> {
    for (const name of certificates) managedCertificate(config(), name)
    await note(actor, 'renew', certificates.length === 0 ? 'all' : certificates.join(' '))
    const names =
      certificates.length === 0 ? config().engine.certificates.map(({ name }) => name) : certificates
    yield* watched(signal, async (watch, onProgress) => {
      const due = new Set((await managed.due(watch)).map(({ settings }) => settings.name))
      const results: JobResult[] = []
      // One after the other: what fails for one, a limit say, is told before the next is begun.
      for (const name of names) {
        if (watch.aborted) break
        if (!force && !dryRun && !due.has(name)) results.push(skipped(name))
        else
          results.push(
            await obtained(
              await request(name, due.has(name) ? 'renewal' : 'forced', dryRun),
              watch,
              onProgress,
            ),
          )
      }
      return results
    })
  }

  async function jobWanted(config: Config, given: IssueRequest): Promise<JobRequest> {
    const { certificate, dryRun = false } = given
    if (certificate !== undefined) {
      managedCertificate(config, certificate)
      return request(certificate, 'command', dryRun)
    }
    const wanted = await jobOfRequest(config, given)
    knownCa(config, wanted.ca)
    return rehearsed(config, wanted, dryRun)
  }

  async function request(name: string, reason: JobReason, dryRun: boolean): Promise<JobRequest> {
    return rehearsed(parts.config(), await managed.request(name, reason), dryRun)
  }

  async function obtained(
    wanted: JobRequest,
    signal: AbortSignal,
    onProgress: OnProgress,
  ): Promise<JobResult> {
    let job: Job
    try {
      job = await engine.create(wanted, signal)
      job = await engine.run(job.id, { signal, onProgress, early: true })
      // Without a server nobody tries again: what a command began ends with it, and is told.
      if (!parts.isServer && !isOver(job) && job.failures > 0 && !signal.aborted) await engine.tidy()
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      return failed(wanted.certificate, error)
    }
    return jobResult(job, await keptOf(store, job), folderOf(parts.config(), job.certificate))
  }

  function watched(
    signal: AbortSignal,
    work: (watch: AbortSignal, onProgress: OnProgress) => Promise<readonly JobResult[]>,
  ): AsyncGenerator<EngineEvent> {
    const queue = new EventQueue<EngineEvent>()
    const watch = AbortSignal.any([signal, ending])
    return queue.during(
      work(watch, (progress) => queue.push(progress)).then((results) => ({ kind: 'end', results })),
    )
  }
}

/** Against the CA's staging. Nothing is replaced there, and profiles may be others. */
function rehearsed(config: Config, wanted: JobRequest, dryRun: boolean): JobRequest {
  if (!dryRun) return wanted
  return { ...wanted, ca: stagingOf(config, wanted.ca), replaces: null, dryRun }
}

function folderOf({ engine, data }: Config, name: string): string {
  return certificateFolder(engine, data, name)
}

async function keptOf(store: EngineStore, job: Job): Promise<KeptCertificate | null> {
  return (await store.certificates()).find(({ certificate }) => certificate === job.certificate) ?? null
}

function skipped(certificate: string): JobResult {
  return { ...NOTHING, job: null, certificate, outcome: 'skipped' }
}

function failed(certificate: string, error: EngineError): JobResult {
  return { ...NOTHING, job: null, certificate, outcome: 'failed', error: error.message }
}

const NOTHING = { fingerprint: null, notAfter: null, folder: null, chain: null, error: null } as const

function knownCa({ cas }: Config, ca: string): void {
  if (Object.hasOwn(cas, ca)) return
  throw new OperationRefused(`no CA is called ${JSON.stringify(ca)}; see acmetap ca list`, 404)
}

function managedCertificate({ engine }: Config, name: string): void {
  if (engine.certificates.some((one) => one.name === name)) return
  throw new OperationRefused(
    `no managed certificate is called ${JSON.stringify(name)}; see acmetap engine certificates`,
    404,
  )
}

async function revoke(
  { store, accounts, managed, session, inventory, config, clock, isServer, ending }: EngineOperationsParts,
  { certificate, reason = 0, ca, key }: RevokeRequest,
) {
  const found = await certificateToRevoke(store, inventory, certificate)
  const leaf = new X509Certificate(found.pem)
  const name = ca ?? found.ca
  if (name === null) throw new OperationRefused('which CA issued it is not known here: say so with --ca', 400)
  knownCa(config(), name)
  const signer = key === undefined ? (await accounts.open(name, {}, ending)).signer : keySigner(leaf, key)
  const fingerprint = readCertificateChain(Buffer.from(found.pem))?.leaf.fingerprint ?? ''
  await revokeCertificate(session(name), signer, leaf.raw, reason, ending)
  await store.markRevoked(fingerprint, clock.now().wall)
  // A server obtains another at once; without one the next renew does.
  if (isServer) managed.wake()
  return { fingerprint, ca: name }
}

/** A key that signs is one that the certificate is for: another would only be refused by the CA. */
function keySigner(leaf: X509Certificate, pem: string) {
  let own: ReturnType<typeof createPrivateKey>
  try {
    own = createPrivateKey(pem)
  } catch {
    throw new OperationRefused('the key is not a private key in PEM without a password')
  }
  if (!leaf.checkPrivateKey(own)) throw new OperationRefused('the key is not that of the certificate')
  return signerOf(pem, null)
}

async function certificateToRevoke(
  store: EngineStore,
  inventory: InventoryReader,
  wanted: string,
): Promise<{ readonly pem: string; readonly ca: string | null }> {
  if (wanted.includes('-----BEGIN CERTIFICATE-----')) {
    const fingerprint = readCertificateChain(Buffer.from(wanted))?.leaf.fingerprint
    if (fingerprint === undefined) throw new OperationRefused('the certificate can not be read')
    const known = await inventory.certificate(fingerprint)
    return { pem: wanted, ca: known?.ca ?? null }
  }
  const kept = (await store.certificates()).find((one) => one.certificate === wanted)
  if (kept !== undefined) return { pem: kept.chain, ca: kept.ca }
  const known = await inventory.certificate(wanted.toLowerCase().replaceAll(':', ''))
  const pem = known === null ? null : await inventory.certificatePem(known.fingerprint)
  if (known === null || pem === null)
    throw new OperationRefused(
      `${JSON.stringify(wanted)} is no certificate of the engine, and the inventory has none of this fingerprint or serial number; see acmetap certificates`,
      404,
    )
  return { pem, ca: known.ca }
}
