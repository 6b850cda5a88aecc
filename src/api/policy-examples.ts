/** One example of each object about policies, for the document. Tests hold them to their schemas. */
import type { Explanation } from '../policy/explanation.ts'
import type { ReplayEvent } from '../policy/replay-report.ts'
import type { PolicyTestReport } from '../policy/test-cases/result.ts'
import { exchangeExample } from './examples.ts'
import type { PolicyCheck, PolicyInForce } from './policy-operations.ts'

const AT = '2026-11-22T01:20:25.000Z'
const DIGEST = 'd'.repeat(64)
const FILE = '/etc/acmetap/policies/internal.yaml'
const NAME = { type: 'dns', value: 'pay.example.com' }
const URN = 'urn:ietf:params:acme:error:rejectedIdentifier'
const LINK = 'https://wiki.example.com/tls'
const MESSAGE = 'certificates for pay.example.com are ordered by the payments team'

const TEXT = `version: 1
mode: enforce
default: allow
rules:
  - name: payments
    when: { names: pay.example.com }
    effect: deny
    message: certificates for {name} are ordered by the payments team
    owner: payments@example.com
    link: ${LINK}
`

export const bundleExample = { file: 'internal.yaml', text: TEXT, files: {} }

export const policyExample: PolicyInForce = {
  file: FILE,
  digest: DIGEST,
  since: AT,
  mode: 'enforce',
  default: 'allow',
  rules: [
    {
      name: 'payments',
      effect: 'deny',
      mode: 'enforce',
      unknown: 'match',
      when: 'names: pay.example.com',
      owner: 'payments@example.com',
      link: LINK,
      expires: null,
      expired: false,
      line: 5,
    },
  ],
  lists: [],
  webhooks: [],
  text: TEXT,
}

export const checkExample: PolicyCheck = {
  ok: true,
  file: 'internal.yaml',
  digest: DIGEST,
  rules: 1,
  problems: [],
  remarks: [],
}

const DENIES = { effect: 'deny', rule: 'payments' } as const

export const explanationExample: Explanation = {
  policy: { file: FILE, digest: DIGEST, mode: 'enforce', default: 'allow' },
  request: { at: AT, operation: 'newOrder', mode: 'relay', ca: 'letsencrypt', identifiers: [NAME] },
  decided: DENIES,
  would: DENIES,
  elsewhere: [],
  warnings: [],
  told: {
    inForce: true,
    status: 403,
    type: URN,
    detail: `rule payments: ${MESSAGE}; ask payments@example.com; see ${LINK}`,
    help: LINK,
    subproblems: [{ type: URN, detail: MESSAGE, identifier: NAME }],
  },
  names: [
    {
      identifier: NAME,
      normalised: 'pay.example.com',
      fault: null,
      decided: DENIES,
      would: DENIES,
      rules: [
        {
          rule: 'payments',
          effect: 'deny',
          mode: 'enforce',
          owner: 'payments@example.com',
          matched: 'true',
          role: 'decides',
          because: null,
          conditions: { text: 'names: pay.example.com', truth: 'true', parts: [] },
        },
      ],
    },
  ],
  moreNames: 0,
  read: {},
  recorded: null,
}

export const recordedExplanationExample: Explanation = {
  ...explanationExample,
  recorded: {
    exchange: exchangeExample.id,
    digest: DIGEST,
    by: 'then',
    effect: 'deny',
    verdict: null,
    differs: [],
    unknown: [],
  },
}

export const casesExample = {
  file: 'internal.test.yaml',
  text: `cases:
  - name: others may not order for payments
    request: { names: pay.example.com }
    expect: deny
    rule: payments
`,
}

export const testReportExample: PolicyTestReport = {
  file: 'internal.yaml',
  digest: DIGEST,
  passed: 1,
  failed: 0,
  results: [
    {
      name: 'others may not order for payments',
      file: 'internal.test.yaml',
      line: 2,
      passed: true,
      effect: 'deny',
      rule: 'payments',
      detail: MESSAGE,
      failures: [],
    },
  ],
  untested: [],
}

const NONE = { groups: [], others: 0 }
export const replayExample: readonly ReplayEvent[] = [
  { kind: 'progress', done: 1000, total: 1000, decided: 120, at: AT },
  {
    kind: 'report',
    report: {
      candidate: { file: 'internal.yaml', digest: DIGEST, mode: 'enforce', rules: 1 },
      before: [{ digest: null, requests: 120 }],
      range: { since: '2026-10-23T01:20:25.000Z', until: AT, countedFrom: AT, incomplete: false },
      totals: {
        decided: 120,
        orders: 60,
        same: 119,
        deniedNow: 1,
        allowedNow: 0,
        deniedInForce: 1,
        warned: 0,
        unknown: 0,
        follows: 1,
        notAsked: 0,
        withoutAsked: 0,
      },
      rules: {
        groups: [
          {
            key: 'payments',
            deniedNow: 1,
            allowedNow: 0,
            warned: 0,
            unknown: 0,
            samples: [
              {
                exchange: exchangeExample.id,
                at: AT,
                operation: 'newOrder',
                ca: 'letsencrypt',
                client: 'certbot 192.0.2.7',
                names: [NAME.value],
                was: { effect: 'allow', rule: null },
                now: { ...DENIES, message: MESSAGE },
              },
            ],
          },
        ],
        others: 0,
      },
      clients: NONE,
      names: NONE,
      unknown: NONE,
      notes: [],
    },
  },
]

/** As it is sent: one object a line. */
export const replayTextExample = replayExample.map((event) => `${JSON.stringify(event)}\n`).join('')
