/** One example of each object of the engine, for the document. Tests hold them to their schemas. */
import type { ReissueLine } from '../engine/reissue/plan.ts'
import type {
  CreatedDnsRegistration,
  EngineEvent,
  ReissueEvent,
  ShownEngineAccount,
  ShownJob,
  ShownManagedCertificate,
  ShownPlan,
} from './engine-operations.ts'
import { pemExample } from './examples.ts'

const AT = '2026-11-22T01:20:25.000Z'
const LATER = '2026-11-22T01:20:31.000Z'
const CA = 'letsencrypt'
const NAME = 'www.example.com'
const BASE = 'https://acme-v02.api.letsencrypt.org'
const FINGERPRINT = 'f'.repeat(64)
const JOB = '019ab003-0000-7000-8000-00000000e001'

export const engineAccountExample: ShownEngineAccount = {
  id: '019ab003-0000-7000-8000-00000000a001',
  ca: CA,
  tenant: null,
  directory: `${BASE}/directory`,
  status: 'valid',
  url: `${BASE}/acme/acct/123456789`,
  thumbprint: 'qvKYxmM7gdU2ToYcFrhwnfDQIvDhSUj13cQGqWJAIx0',
  contact: ['mailto:ops@example.com'],
  externalKeyId: null,
  createdAt: AT,
}

export const engineJobExample: ShownJob = {
  id: JOB,
  certificate: NAME,
  reason: 'renewal',
  ca: CA,
  identifiers: [{ type: 'dns', value: NAME }],
  step: 'done',
  order: `${BASE}/acme/order/123456789/1`,
  error: null,
  failures: 0,
  nextAttempt: null,
  createdAt: AT,
  changedAt: LATER,
}

export const managedCertificateExample: ShownManagedCertificate = {
  name: NAME,
  names: [NAME, 'example.com'],
  ca: CA,
  fingerprint: FINGERPRINT,
  notBefore: AT,
  notAfter: '2027-02-20T01:20:24.000Z',
  revokedAt: null,
  renewal: { at: '2027-01-21T01:20:24.000Z', by: 'ari' },
  folder: '/var/lib/acmetap/certificates/live/www.example.com',
  managed: true,
  job: null,
}

export const issueExample: readonly EngineEvent[] = [
  { kind: 'step', job: JOB, certificate: NAME, step: 'ordered' },
  {
    kind: 'name',
    job: JOB,
    certificate: NAME,
    name: NAME,
    state: 'answered',
    text: 'http-01: the CA was told that the answer is there',
  },
  { kind: 'step', job: JOB, certificate: NAME, step: 'done' },
  {
    kind: 'end',
    results: [
      {
        job: JOB,
        certificate: NAME,
        outcome: 'issued',
        fingerprint: FINGERPRINT,
        notAfter: '2027-02-20T01:20:24.000Z',
        folder: managedCertificateExample.folder,
        chain: null,
        error: null,
      },
    ],
  },
]

export const reissueLineExample: ReissueLine = {
  line: 1,
  fingerprint: 'e'.repeat(64),
  names: [{ type: 'dns', value: 'shop.example.com' }],
  why: 'its renewal is 12 days overdue',
  way: 'repeat',
  cannot: null,
  ca: CA,
  certificate: 'shop.example.com',
  state: 'planned',
  job: null,
  replacedBy: null,
  error: null,
}

export const planExample: ShownPlan = {
  id: '019ab003-0000-7000-8000-00000000b001',
  where: 'name~*.example.com and expires<14d',
  madeBy: 'local',
  madeAt: Date.parse(AT) * 1000,
  state: 'planned',
  stoppedBecause: null,
  pace: 5,
  stopAt: 20,
  lines: [reissueLineExample],
}

const doneLine: ReissueLine = { ...reissueLineExample, state: 'done', job: JOB, replacedBy: FINGERPRINT }

export const applyExample: readonly ReissueEvent[] = [
  { kind: 'line', line: { ...reissueLineExample, state: 'running', job: JOB } },
  { kind: 'line', line: doneLine },
  { kind: 'end', plan: { ...planExample, state: 'done', lines: [doneLine] } },
]

export const dnsRegistrationExample: CreatedDnsRegistration = {
  registration: {
    subdomain: '8e5700ea-a4bf-41c7-8a77-e990661dcc6a',
    fullDomain: '8e5700ea-a4bf-41c7-8a77-e990661dcc6a.acme-dns.example.com',
    username: 'eabcdb41-d89f-4580-826f-3e62e9755ef2',
    allowFrom: ['192.0.2.0/24'],
    createdAt: AT,
    updatedAt: null,
  },
  password: 'p'.repeat(40),
}

export const chainExample = pemExample

/** One JSON object a line, as the interface writes them. */
export function linesExample(events: readonly object[]): string {
  return events.map((event) => `${JSON.stringify(event)}\n`).join('')
}
