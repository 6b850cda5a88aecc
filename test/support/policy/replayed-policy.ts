import type { PolicyBundle } from '../../../src/policy/bundle.ts'

/** A candidate of which every kind of condition that reads history, accounts or the CSR denies something. */
export const REPLAYED_POLICY: PolicyBundle = {
  file: '/policies/candidate.yaml',
  files: {},
  text: `version: 1
mode: enforce
default: allow
rules:
  - name: no-pay
    when: { names: '**.secret.example.com' }
    effect: deny
    message: ask the payments team for {name}
  - name: shortlived-only
    when: { all: [{ validity: '>200d' }, { not: { profile: shortlived } }] }
    effect: deny
  - name: bound-accounts
    when: { all: [{ operation: newOrder }, { client: { external_account: team-2, contact: 'mailto:*@other.example' } }] }
    effect: deny
  - name: old-client
    when: { client: { software: client1, version: '<1.2' } }
    effect: warn
  - name: twice
    when: { duplicates: { within: 7d, count: '>=4' } }
    effect: deny
  - name: budget
    when: { orders: { per: account, within: 3d, count: '>=9' } }
    effect: deny
  - name: busy-place
    when: { all: [{ client: { address: 192.0.1.0/24 } }, { orders: { per: label, within: 1d, count: '>40' } }] }
    effect: deny
    mode: observe
  - name: weak
    when: { key: { type: RSA, size: '<2048' } }
    effect: deny
  - name: shared-key
    when: { key: { reused: true } }
    effect: deny
  - name: own-key
    when: { key: { account_key: true } }
    effect: deny
`,
}
