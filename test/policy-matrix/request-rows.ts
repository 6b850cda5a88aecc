import acme from 'acme-client'
import type { Operation } from '../../src/acme/operation.ts'
import { dns, issue, type NpmClient, order, signed } from './npm-client.ts'
import type { Place } from './place.ts'
import type { Case, Row } from './row.ts'
import { newNames, npm, npmIssue, npmOrder, program } from './steps.ts'

const NPM = 'npm acme-client'
const HOUR = 3_600_000
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const

const rule = (when: string, more = ''): string => `mode: enforce
rules:
  - { name: the-rule, when: ${when}, effect: deny${more} }`

const ago = (hours: number): string => new Date(Date.now() - hours * HOUR).toISOString()
const other = ({ mode }: Place): string => (mode === 'relay' ? 'intercept' : 'relay')

/** Everything that an account can be asked to do but to register. */
async function everything(client: NpmClient, place: Place): Promise<void> {
  await client.updateAccount({ contact: ['mailto:a@fine.test'] })
  const pem = await issue(client, newNames(place, 'fine.test'))
  await client.revokeCertificate(pem)
  await client.updateAccountKey(await acme.crypto.createPrivateEcdsaKey())
}

const OPERATIONS: readonly (readonly [Operation, Case['run'], ...Case[]])[] = [
  ['newAccount', npm(async () => undefined), { client: 'lego', run: program('lego', 'fine.test') }],
  ['account', npm((client) => client.updateAccount({ contact: ['mailto:a@fine.test'] }))],
  ['newOrder', npmOrder('fine.test')],
  ['authorization', npmIssue('fine.test'), { client: 'certbot', run: program('certbot', 'fine.test') }],
  ['challenge', npmIssue('fine.test'), { client: 'uacme', run: program('uacme', 'fine.test') }],
  ['finalize', npmIssue('fine.test'), { client: 'dehydrated', run: program('dehydrated', 'fine.test') }],
  [
    'order',
    npm(async (client, place) => client.getOrder(await order(client, newNames(place, 'fine.test')))),
    { client: 'acme-tiny', run: program('acme-tiny', 'fine.test') },
  ],
  [
    'certificate',
    npmIssue('fine.test'),
    { client: 'python3-acme', run: program('python3-acme', 'fine.test') },
  ],
  ['revokeCert', npm(everything)],
  ['keyChange', npm(everything)],
]

/** Conditions on the request as a whole. */
export const REQUEST_ROWS: readonly Row[] = [
  ...OPERATIONS.map(
    ([operation, run, ...programs]): Row => ({
      shows: `operation: ${operation}`,
      policy: () => rule(`{ operation: ${operation} }`),
      cases: [
        { client: NPM, run: npm(everything), policy: () => 'mode: enforce' },
        { client: NPM, run, denied: [operation, 'the-rule'] },
        ...programs.map((each): Case => ({ ...each, denied: [operation, 'the-rule'] })),
      ],
    }),
  ),
  {
    shows: 'operation: newAuthz',
    policy: () => rule(`{ operation: newAuthz, names: '**.bad.test' }`),
    cases: [
      { client: 'npm acme-client, signing only', run: newAuthz('fine.test') },
      {
        client: 'npm acme-client, signing only',
        run: newAuthz('bad.test'),
        denied: ['newAuthz', 'the-rule'],
      },
    ],
  },
  {
    shows: 'mode',
    policy: (place) => rule(`{ operation: newOrder, mode: ${place.mode} }`),
    cases: [
      {
        client: NPM,
        run: npmIssue('fine.test'),
        policy: (place) => rule(`{ operation: newOrder, mode: ${other(place)} }`),
      },
      { client: NPM, run: npmOrder('fine.test'), denied: ['newOrder', 'the-rule'] },
    ],
  },
  {
    shows: 'ca',
    policy: () => rule('{ operation: newOrder, ca: test }'),
    cases: [
      {
        client: NPM,
        run: npmIssue('fine.test'),
        policy: () => rule('{ operation: newOrder, ca: authz }'),
      },
      { client: NPM, run: npmOrder('fine.test'), denied: ['newOrder', 'the-rule'] },
    ],
  },
  {
    shows: 'count',
    policy: () => rule(`{ operation: newOrder, count: '>2' }`),
    cases: [
      { client: NPM, run: npmIssue(['fine.test', 'fine.test']) },
      {
        client: NPM,
        run: npmOrder(['fine.test', 'fine.test', 'fine.test']),
        denied: ['newOrder', 'the-rule'],
      },
      {
        client: 'uacme',
        run: program('uacme', ['fine.test', 'fine.test', 'fine.test']),
        denied: ['newOrder', 'the-rule'],
      },
    ],
  },
  {
    shows: 'profile',
    policy: () => rule('{ operation: issuance, profile: shortlived }'),
    cases: [
      { client: NPM, run: npmOrder('fine.test', { profile: 'classic' }) },
      {
        client: NPM,
        run: npmOrder('fine.test', { profile: 'shortlived' }),
        denied: ['newOrder', 'the-rule'],
      },
    ],
  },
  {
    shows: 'validity',
    policy: () => rule(`{ operation: issuance, validity: '>30d' }`),
    cases: [
      { client: NPM, run: npmOrder('fine.test', { notAfter: ago(-24 * 20) }) },
      {
        client: NPM,
        run: npmOrder('fine.test', { notAfter: ago(-24 * 60) }),
        denied: ['newOrder', 'the-rule'],
      },
    ],
  },
  {
    shows: 'replaces',
    policy: () => rule('{ operation: newOrder, replaces: false }'),
    cases: [
      { client: NPM, run: npmOrder('fine.test', { replaces: 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE' }) },
      { client: NPM, run: npmOrder('fine.test'), denied: ['newOrder', 'the-rule'] },
      { client: 'acme-tiny', run: program('acme-tiny', 'fine.test'), denied: ['newOrder', 'the-rule'] },
    ],
  },
  {
    shows: 'time: from and until',
    policy: () => rule(`{ operation: newOrder, time: { from: '${ago(1)}', until: '${ago(-1)}' } }`),
    cases: [
      {
        client: NPM,
        run: npmIssue('fine.test'),
        policy: () => rule(`{ operation: newOrder, time: { from: '${ago(-1)}', until: '${ago(-2)}' } }`),
      },
      { client: NPM, run: npmOrder('fine.test'), denied: ['newOrder', 'the-rule'] },
      { client: 'python3-acme', run: program('python3-acme', 'fine.test'), denied: ['newOrder', 'the-rule'] },
    ],
  },
  {
    shows: 'time: days',
    policy: () => rule(`{ operation: newOrder, time: { days: [${around(0)}, ${around(1)}] } }`),
    cases: [
      {
        client: NPM,
        run: npmOrder('fine.test'),
        policy: () => rule(`{ operation: newOrder, time: { days: [${around(3)}] } }`),
      },
      { client: NPM, run: npmOrder('fine.test'), denied: ['newOrder', 'the-rule'] },
    ],
  },
  {
    shows: 'time: hours',
    policy: () => rule(`{ operation: newOrder, time: { hours: '${clock(-2)}-${clock(2)}' } }`),
    cases: [
      {
        client: NPM,
        run: npmOrder('fine.test'),
        policy: () => rule(`{ operation: newOrder, time: { hours: '${clock(3)}-${clock(5)}' } }`),
      },
      { client: NPM, run: npmOrder('fine.test'), denied: ['newOrder', 'the-rule'] },
    ],
  },
  {
    shows: 'duplicates',
    policy: () => rule(`{ operation: newOrder, duplicates: { within: 7d, count: '>=2' } }`),
    cases: [
      { client: NPM, run: ordersOf('the same', 2) },
      { client: NPM, run: ordersOf('the same', 3), denied: ['newOrder', 'the-rule'] },
    ],
  },
  ...(['account', 'client', 'domain'] as const).map(
    (per): Row => ({
      shows: `orders: per ${per}`,
      policy: () => rule(`{ operation: newOrder, orders: { per: ${per}, within: 7d, count: '>=2' } }`),
      cases: [
        { client: NPM, run: ordersOf('of one', 2) },
        { client: NPM, run: ordersOf('of one', 3), denied: ['newOrder', 'the-rule'] },
      ],
    }),
  ),
  ...(['address', 'label', 'all'] as const).map(
    (per): Row => ({
      shows: `orders: per ${per}`,
      policy: () => rule(`{ operation: newOrder, orders: { per: ${per}, within: 7d, count: '>=1' } }`),
      cases: [
        {
          client: NPM,
          run: npmOrder('fine.test'),
          policy: () =>
            rule(`{ operation: newOrder, orders: { per: ${per}, within: 7d, count: '>100000' } }`),
        },
        { client: NPM, run: npmOrder('fine.test'), denied: ['newOrder', 'the-rule'] },
      ],
    }),
  ),
  {
    shows: 'cel',
    policy: () => rule(`{ operation: newOrder, cel: 'name.endsWith(".bad.test") && size(names) > 1' }`),
    cases: [
      { client: NPM, run: npmIssue('bad.test') },
      { client: NPM, run: npmOrder(['fine.test', 'bad.test']), denied: ['newOrder', 'the-rule'] },
      { client: 'lego', run: program('lego', ['fine.test', 'bad.test']), denied: ['newOrder', 'the-rule'] },
    ],
  },
  {
    shows: 'webhook',
    policy: ({ world }) => `${webhooks(world.webhook.url)}
mode: enforce
rules:
  - { name: the-rule, when: { operation: newOrder, not: { webhook: cmdb } }, effect: deny, message: 'the CMDB says: {reason}' }`,
    cases: [
      { client: NPM, run: npmIssue('fine.test') },
      {
        client: NPM,
        run: npm((client) => order(client, dns('denied.fine.test'))),
        denied: ['newOrder', 'the-rule'],
      },
    ],
  },
  ...(['match', 'skip'] as const).map(
    (unknown): Row => ({
      shows: `a webhook that is down, unknown: ${unknown}`,
      policy: () => `${webhooks('http://127.0.0.1:9/')}
mode: enforce
rules:
  - { name: the-rule, when: { operation: newOrder, not: { webhook: cmdb } }, effect: deny, unknown: ${unknown} }`,
      cases: [
        unknown === 'match'
          ? { client: NPM, run: npmOrder('fine.test'), denied: ['newOrder', 'the-rule'] }
          : { client: NPM, run: npmIssue('fine.test') },
      ],
    }),
  ),
  {
    shows: 'all, any, not',
    policy: () =>
      rule(
        `{ all: [{ operation: newOrder }, { any: [{ names: '**.bad.test' }, { count: '>2' }] }, { not: { names: '**.good.bad.test' } }] }`,
      ),
    cases: [
      { client: NPM, run: npmOrder(['fine.test', 'good.bad.test']) },
      { client: NPM, run: npmOrder('bad.test'), denied: ['newOrder', 'the-rule'] },
      {
        client: NPM,
        run: npmOrder(['fine.test', 'fine.test', 'fine.test']),
        denied: ['newOrder', 'the-rule'],
      },
    ],
  },
]

const webhooks = (url: string): string => `webhooks: { cmdb: { url: '${url}', cache: 0s } }`

/** Now and then of a day by UTC: two days are named where it may be midnight meanwhile. */
const around = (days: number): string => DAYS[(new Date().getUTCDay() + days) % 7]!

const clock = (hours: number): string => new Date(Date.now() + hours * HOUR).toISOString().slice(11, 16)

/** Orders of one account, under a registrable domain of its own. */
function ordersOf(what: 'the same' | 'of one', count: number): Case['run'] {
  return npm(async (client, place) => {
    const domain = place.name('test')
    const same = newNames(place, domain)
    for (let at = 0; at < count; at += 1)
      await order(client, what === 'the same' ? same : newNames(place, domain))
  })
}

function newAuthz(parent: string): Case['run'] {
  return npm(
    async (client, place) => {
      const url = await client.http.getResourceUrl('newAuthz')
      await signed(client, url, { identifier: newNames(place, parent)[0] })
    },
    { authz: true },
  )
}
