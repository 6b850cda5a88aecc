import type { EngineAccount } from '../../../src/engine/account.ts'
import type { Job, KeptCertificate, PresentedChallenge } from '../../../src/engine/job.ts'
import type { ReissueLine, ReissuePlan } from '../../../src/engine/reissue/plan.ts'
import type { Sealed } from '../../../src/engine/sealing.ts'
import { newExchangeId } from '../../../src/exchange/exchange-id.ts'

/** 2026-06-01, in µs. */
export const ENGINE_T0 = Date.UTC(2026, 5, 1) * 1000

export function engineAccount(changes: Partial<EngineAccount> = {}): EngineAccount {
  return {
    id: 'a1',
    ca: 'pebble',
    tenant: null,
    directory: 'https://ca.test/dir',
    status: 'valid',
    url: 'https://ca.test/acct/1',
    key: 'v1.account-key' as Sealed,
    thumbprint: 'thumbprint',
    nextKey: null,
    contact: ['mailto:ops@example.com'],
    externalKeyId: null,
    lostAt: null,
    orders: null,
    createdAt: ENGINE_T0,
    ...changes,
  }
}

export function engineJob(changes: Partial<Job> = {}): Job {
  return {
    id: newExchangeId(),
    certificate: 'www.example.com',
    reason: 'first',
    line: null,
    ca: 'pebble',
    account: 'a1',
    identifiers: [{ type: 'dns', value: 'www.example.com' }],
    profile: null,
    replaces: null,
    preferredChain: null,
    solver: null,
    dryRun: false,
    csr: 'MIIB',
    key: 'v1.job-key' as Sealed,
    step: 'created',
    announced: null,
    order: null,
    chain: null,
    error: null,
    failures: 0,
    notBefore: null,
    createdAt: ENGINE_T0,
    changedAt: ENGINE_T0,
    ...changes,
  }
}

export function keptCertificate(changes: Partial<KeptCertificate> = {}): KeptCertificate {
  return {
    certificate: 'www.example.com',
    ca: 'pebble',
    account: 'a1',
    identifiers: [{ type: 'dns', value: 'www.example.com' }],
    profile: null,
    chain: '-----BEGIN CERTIFICATE-----\n',
    key: 'v1.certificate-key' as Sealed,
    ariId: null,
    fingerprint: 'ab'.repeat(32),
    notBefore: ENGINE_T0,
    notAfter: ENGINE_T0 + 90 * 86_400_000_000,
    job: 'j1',
    issuedAt: ENGINE_T0,
    ...changes,
  }
}

export function presentedChallenge(changes: Partial<PresentedChallenge> = {}): PresentedChallenge {
  return {
    job: 'j1',
    attempt: {
      identifier: { type: 'dns', value: 'www.example.com' },
      wildcard: false,
      type: 'http-01',
      url: 'https://ca.test/chall/1',
      token: 'token',
      keyAuthorization: 'token.thumbprint',
      accountUrl: 'https://ca.test/acct/1',
      issuerDomainNames: [],
    },
    solver: 'web',
    presentedAt: ENGINE_T0,
    ...changes,
  }
}

export function reissuePlan(changes: Partial<ReissuePlan> = {}): ReissuePlan {
  return {
    id: newExchangeId(),
    where: 'expires<14d',
    madeBy: 'cli',
    madeAt: ENGINE_T0,
    state: 'planned',
    stoppedBecause: null,
    pace: 0,
    stopAt: 20,
    ...changes,
  }
}

export function reissueLine(changes: Partial<ReissueLine> = {}): ReissueLine {
  return {
    line: 1,
    fingerprint: 'cd'.repeat(32),
    names: [{ type: 'dns', value: 'www.example.com' }],
    why: 'expires in 10 days',
    way: 'repeat',
    cannot: null,
    ca: 'pebble',
    certificate: 'reissue-1',
    state: 'planned',
    job: null,
    replacedBy: null,
    error: null,
    ...changes,
  }
}
