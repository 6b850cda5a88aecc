import { isIP } from 'node:net'
import { readCsr } from '../../../src/acme/csr.ts'
import type { InventoriedCertificate } from '../../../src/audit/inventory/certificate.ts'
import type { ManagedCertificateConfig } from '../../../src/config/engine.ts'
import { makeCertificateKey } from '../../../src/engine/certificate-key.ts'
import { makeSigningRequest } from '../../../src/engine/certificate-signing-request.ts'
import { EngineError } from '../../../src/engine/engine-error.ts'
import type { Job } from '../../../src/engine/job.ts'
import type { JobRequest } from '../../../src/engine/job-request.ts'
import type { ApplyParts } from '../../../src/engine/reissue/apply-plan.ts'
import type { KeptRequest } from '../../../src/engine/reissue/kept-request.ts'
import type { PlanParts, SupposedReissue } from '../../../src/engine/reissue/make-plan.ts'
import { stillClock } from '../exchanges.ts'
import { makeServerCertificate } from '../test-ca/certificates.ts'
import { ENGINE_T0, engineJob } from './engine-values.ts'
import { MemoryEngineStore } from './memory-engine-store.ts'
import { reissueCandidate } from './reissue-values.ts'

export type Fate = 'issued' | 'failed' | 'waiting' | 'refused' | 'interrupted'

/** An inventory, a record's requests and an engine that does as it is told, for plans. Ends of certificates: 2026-06-10. */
export class ReissueWorld {
  readonly store = new MemoryEngineStore()
  readonly certificates: InventoriedCertificate[] = []
  readonly requests = new Map<string, KeptRequest>()
  readonly managed = new Map<string, ManagedCertificateConfig>()
  readonly clock = stillClock()
  /** By name of the certificate; issued without. */
  readonly fates = new Map<string, Fate>()
  readonly supposed: SupposedReissue[] = []
  policyFault: (supposed: SupposedReissue) => string | null = () => null
  solverFault: (name: string) => string | null = () => null
  /** How often a job got a certificate, by line. */
  readonly issued = new Map<number, number>()
  readonly asked: JobRequest[] = []
  readonly waits: number[] = []
  readonly stop = new AbortController()

  constructor() {
    this.clock.wall = ENGINE_T0
  }

  /** One that a client obtained, with its request in the record. */
  async observed(name: string, parts: Partial<InventoriedCertificate> = {}): Promise<InventoriedCertificate> {
    const identifiers = [{ type: isIP(name) === 0 ? 'dns' : 'ip', value: name }]
    const csr = makeSigningRequest(await makeCertificateKey('ec256'), identifiers)
    const { certificate } = reissueCandidate({
      identifiers,
      fingerprint: this.certificates.length.toString(16).padStart(64, '0'),
      notBefore: '2026-03-12T00:00:00.000Z',
      notAfter: '2026-06-10T00:00:00.000Z',
      spki: readCsr(csr)!.spki!,
      ...parts,
    })
    this.certificates.push(certificate)
    this.requests.set(certificate.fingerprint, { csr })
    return certificate
  }

  replace(changes: Partial<InventoriedCertificate> & { fingerprint: string }): void {
    const at = this.certificates.findIndex(({ fingerprint }) => fingerprint === changes.fingerprint)
    this.certificates[at] = { ...this.certificates[at]!, ...changes }
  }

  planParts(): PlanParts {
    return {
      store: this.store,
      inventory: {
        certificates: async ({ state, cursor, limit }) => {
          const all = this.certificates.filter((one) => state !== 'revoked' || one.revokedAt !== null)
          const from = Number(cursor ?? 0)
          const next = from + Math.min(limit, 2)
          return { items: all.slice(from, next), next: next < all.length ? String(next) : null }
        },
        clients: async () => ({ items: [], next: null }),
      },
      keptRequest: async ({ fingerprint }) => this.requests.get(fingerprint) ?? { cannot: 'it is not kept' },
      managed: (name) => this.managed.get(name),
      hasCa: (ca) => ca === 'pebble',
      solverFault: ({ value }) => this.solverFault(value),
      policyFault: async (supposed) => {
        this.supposed.push(supposed)
        return this.policyFault(supposed)
      },
      clock: this.clock,
    }
  }

  applyParts(): ApplyParts {
    return {
      store: this.store,
      inventory: {
        certificate: async (id) => this.certificates.find(({ fingerprint }) => fingerprint === id) ?? null,
      },
      keptRequest: async ({ fingerprint }) => this.requests.get(fingerprint) ?? { cannot: 'it is not kept' },
      renewal: async (certificate) => ({
        request: { ...requestFor(certificate), reason: 'forced' },
        fingerprint:
          (await this.store.certificates()).find((kept) => kept.certificate === certificate)?.fingerprint ??
          null,
      }),
      engine: {
        create: (request) => this.#create(request),
        run: (id) => this.#run(id),
      },
      wait: async (seconds, signal) => {
        this.waits.push(seconds)
        if (signal.aborted) throw new EngineError('aborted', 'stopped')
      },
    }
  }

  async #create(request: JobRequest): Promise<Job> {
    this.asked.push(request)
    const [open] = await this.store.jobs({ certificate: request.certificate, open: true, limit: 1 })
    if (open !== undefined) return open
    if (this.#fate(request.certificate) === 'refused') throw new EngineError('input', 'no solver')
    const { certificate, ca, identifiers, line = null, reason } = request
    const job = engineJob({ certificate, ca, identifiers, line, reason, key: null })
    await this.store.addJob(job)
    return job
  }

  async #run(id: string): Promise<Job> {
    const job = (await this.store.job(id))!
    const error = { message: 'the CA could not reach it', type: null, exchange: null }
    const put = async (changes: Partial<Job>) => {
      const changed = { ...(await this.store.job(id))!, ...changes }
      await this.store.putJob(changed)
      return changed
    }
    if (job.chain === null) {
      switch (this.#fate(job.certificate)) {
        case 'failed':
          return await put({ step: 'failed', error })
        case 'waiting':
          return await put({ step: 'ordered', error, notBefore: ENGINE_T0 + 60e6 })
        case 'interrupted':
          this.stop.abort()
          return await put({ step: 'ordered' })
      }
      await put({ step: 'finalizing' })
      const names = job.identifiers.map(({ value }) => value)
      const { pem } = makeServerCertificate({ names, issuer: 'self' })
      await put({ step: 'issued', chain: pem })
      const line = job.line?.line ?? 0
      this.issued.set(line, (this.issued.get(line) ?? 0) + 1)
    }
    return await put({ step: 'done', notBefore: null })
  }

  #fate(certificate: string): Fate {
    for (const [start, fate] of this.fates) if (certificate.startsWith(start)) return fate
    return 'issued'
  }
}

export function requestFor(certificate: string): JobRequest {
  return {
    certificate,
    reason: 'command',
    ca: 'pebble',
    identifiers: [{ type: 'dns', value: certificate }],
    profile: null,
    replaces: null,
    preferredChain: null,
    solver: null,
    dryRun: false,
    key: { type: 'ec256' },
  }
}
