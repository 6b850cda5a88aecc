import type { PolicyMode } from '../../src/exchange/decision.ts'
import type { Case, Row } from './row.ts'
import { npmIssue, npmOrder, program } from './steps.ts'

const NPM = 'npm acme-client'
const MODES: readonly PolicyMode[] = ['observe', 'warn', 'enforce']

/** What a case is where `mode` is in force for what would deny it. */
function under(mode: PolicyMode, denied: NonNullable<Case['denied']>, run: Case['run'], client = NPM): Case {
  if (mode === 'enforce') return { client, run, denied }
  return { client, run, would: denied, ...(mode === 'warn' ? { warned: denied } : {}) }
}

/** Effects, modes and defaults. */
export const EFFECT_ROWS: readonly Row[] = [
  ...MODES.map(
    (mode): Row => ({
      shows: `effect: deny, mode: ${mode}`,
      policy: () => `mode: ${mode}
rules:
  - { name: forbidden, when: { operation: newOrder, names: '**.bad.test' }, effect: deny }`,
      cases: [
        { client: NPM, run: npmIssue('fine.test') },
        under(mode, ['newOrder', 'forbidden'], npmIssue(['fine.test', 'bad.test'])),
        under(mode, ['newOrder', 'forbidden'], program('certbot', ['fine.test', 'bad.test']), 'certbot'),
      ],
    }),
  ),
  ...MODES.map(
    (mode): Row => ({
      shows: `default: deny, mode: ${mode}`,
      policy: () => `mode: ${mode}
default: deny
rules:
  - { name: accounts, when: { operation: accounts }, effect: allow }
  - { name: ours, when: { names: '**.fine.test' }, effect: allow }`,
      cases: [
        ...(mode === 'enforce' ? [{ client: NPM, run: npmIssue('fine.test') }] : []),
        under(mode, ['newOrder', 'default'], npmIssue(['fine.test', 'else.test'])),
      ],
    }),
  ),
  ...MODES.map(
    (mode): Row => ({
      shows: `a rule's own mode: ${mode}, where the policy's is another`,
      policy: () => `mode: ${mode === 'enforce' ? 'observe' : 'enforce'}
rules:
  - { name: forbidden, when: { operation: newOrder, names: '**.bad.test' }, effect: deny, mode: ${mode} }`,
      cases: [
        { client: NPM, run: npmIssue('fine.test') },
        under(mode, ['newOrder', 'forbidden'], npmIssue('bad.test')),
      ],
    }),
  ),
  {
    shows: 'effect: allow, before a rule that denies',
    policy: () => `mode: enforce
rules:
  - { name: exception, when: { names: '**.good.bad.test' }, effect: allow }
  - { name: forbidden, when: { names: '**.bad.test' }, effect: deny }`,
    cases: [
      { client: NPM, run: npmIssue('good.bad.test') },
      { client: NPM, run: npmOrder('bad.test'), denied: ['newOrder', 'forbidden'] },
      { client: 'uacme', run: program('uacme', 'good.bad.test') },
    ],
  },
  {
    shows: 'effect: allow, which has expired',
    policy: () => `mode: enforce
rules:
  - { name: exception, when: { names: '**.good.bad.test' }, effect: allow, expires: 2026-01-01 }
  - { name: forbidden, when: { names: '**.bad.test' }, effect: deny }`,
    cases: [{ client: NPM, run: npmOrder('good.bad.test'), denied: ['newOrder', 'forbidden'] }],
  },
  {
    shows: 'effect: warn',
    policy: () => `mode: enforce
rules:
  - { name: soon-forbidden, when: { operation: newOrder, names: '**.bad.test' }, effect: warn }`,
    cases: [
      { client: NPM, run: npmIssue('bad.test'), warned: ['newOrder', 'soon-forbidden'] },
      { client: 'lego', run: program('lego', 'bad.test'), warned: ['newOrder', 'soon-forbidden'] },
    ],
  },
  {
    shows: 'default: allow',
    policy: () => 'mode: enforce',
    cases: [
      { client: NPM, run: npmIssue(['fine.test', 'else.test']) },
      { client: 'dehydrated', run: program('dehydrated', 'fine.test') },
    ],
  },
]
