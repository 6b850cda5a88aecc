import type { PolicyMode } from '../../src/exchange/decision.ts'
import { csrFor, dns, order, readyOrder, signed, withNpm } from './npm-client.ts'
import type { Place } from './place.ts'
import type { Case, Row, Said } from './row.ts'
import { newNames, npm, npmIssue } from './steps.ts'

const NPM = 'npm acme-client'

/** What holds beside the rules: denied where the policy is enforced; where it observes, the CA answers. */
export const BUILT_IN_ROWS: readonly Row[] = [
  row('policy:unrecognised', ['unrecognised', 'policy:unrecognised'], postToNothing),
  row('policy:unknown-order', ['order', 'policy:unknown-order'], orderMadeElsewhere),
  row(
    'policy:name',
    ['newOrder', 'policy:name'],
    npm((client) => order(client, dns('a_b.fine.test'))),
  ),
  row(
    'policy:name, a dot at the end',
    ['newOrder', 'policy:name'],
    npm((client) => order(client, dns('a.fine.test', 'b.fine.test.'))),
  ),
  row(
    'policy:identifier-type',
    ['newOrder', 'policy:identifier-type'],
    npm((client) => order(client, [...dns('a.fine.test'), { type: 'email', value: 'a@fine.test' }])),
  ),
  row(
    'policy:csr, names beside the order’s',
    ['finalize', 'policy:csr'],
    npmIssue('fine.test', (identifiers) => csrFor([...identifiers, ...dns('b.fine.test')])),
  ),
  row(
    'policy:csr, that is none',
    ['finalize', 'policy:csr'],
    npm(async (client, place) => {
      const made = await readyOrder(client, newNames(place, 'fine.test'))
      await signed(client, made.finalize, { csr: Buffer.from('no CSR').toString('base64url') })
    }),
  ),
]

function row(shows: string, denied: Said, run: Case['run']): Row {
  const policy = (mode: PolicyMode) => (): string => `mode: ${mode}`
  return {
    shows,
    policy: policy('enforce'),
    cases: [
      { client: NPM, run: npmIssue('fine.test') },
      { client: NPM, run, denied },
      // What the CA makes of it is the CA's affair: it may refuse it itself.
      {
        client: NPM,
        run: (place) => run(place).catch(() => undefined),
        would: denied,
        policy: policy('observe'),
      },
    ],
  }
}

async function postToNothing(place: Place): Promise<void> {
  await npm(async (client) => {
    const url = await client.http.getResourceUrl('newOrder')
    await signed(client, url.replace(/[^/]*$/, 'new-order-2'), { identifiers: dns('a.fine.test') })
  })(place)
}

/** By the same account, but past acmetap, which learns of it from the account's list of orders. */
async function orderMadeElsewhere(place: Place): Promise<void> {
  await withNpm(place, {}, async (client, accountKey) => {
    const account = await client.createAccount({ termsOfServiceAgreed: true })
    await withNpm(place, { straight: true, accountKey }, async (straight) => {
      // Without a member it would then ask for an update that changes nothing, which Pebble refuses.
      await straight.createAccount({ termsOfServiceAgreed: true, contact: ['mailto:a@fine.test'] })
      await order(straight, newNames(place, 'fine.test'))
    })
    const { orders } = await signed<{ orders: readonly string[] }>(client, account.orders, null)
    await client.getOrder({ url: orders[0]! } as Parameters<typeof client.getOrder>[0])
  })
}
