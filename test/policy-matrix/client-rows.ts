import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import type { Jwk } from '../../src/acme/jwk.ts'
import { thumbprintOf } from '../support/sign-jws.ts'
import { TRUSTED_KEYS } from './external-accounts.ts'
import { order } from './npm-client.ts'
import type { Row } from './row.ts'
import { newNames, npm, npmIssue, npmOrder, program } from './steps.ts'

const NPM = 'npm acme-client'

/** Keys of accounts that the policy knows. */
function accountKey(): { pem: Buffer; thumbprint: string } {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = createPublicKey(privateKey).export({ format: 'jwk' }) as unknown as Jwk
  return {
    pem: Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    thumbprint: thumbprintOf(jwk),
  }
}
/** One for each mode, which run at the same time. */
const KNOWN = { relay: accountKey(), intercept: accountKey() }

/** With `curl --interface`: the other clients can't choose their address. */
const FROM_ELSEWHERE = ["CURL_OPTS='--interface 10.77.9.9'"]

/** Conditions on who asks. */
export const CLIENT_ROWS: readonly Row[] = [
  {
    shows: 'client.address',
    policy: () => `mode: enforce
rules:
  - { name: not-from-there, when: { operation: issuance, client: { address: 10.77.9.0/24 } }, effect: deny }`,
    cases: [
      { client: NPM, run: npmOrder('fine.test') },
      { client: 'dehydrated', run: program('dehydrated', 'fine.test') },
      {
        client: 'dehydrated',
        run: program('dehydrated', 'fine.test', { options: FROM_ELSEWHERE }),
        denied: ['newOrder', 'not-from-there'],
      },
    ],
  },
  {
    shows: 'client.label',
    policy: ({ mode }) => `mode: enforce
rules:
  - name: not-payments
    when: { operation: newOrder, client: { label: ${mode === 'relay' ? 'payments.acmetap.test' : 'payments'} } }
    effect: deny`,
    cases: [
      { client: NPM, run: npmIssue('fine.test') },
      {
        client: NPM,
        run: npmOrder('fine.test', {}, { label: 'other' }),
        denied: ['newOrder', 'not-payments'],
      },
      {
        client: 'certbot',
        run: program('certbot', 'fine.test', {}, 'other'),
        denied: ['newOrder', 'not-payments'],
      },
    ],
  },
  {
    shows: 'client.proxy_user',
    only: 'intercept',
    policy: () => `mode: enforce
rules:
  - { name: not-payments, when: { operation: newOrder, client: { proxy_user: payments } }, effect: deny }`,
    cases: [
      { client: NPM, run: npmIssue('fine.test') },
      {
        client: NPM,
        run: npmOrder('fine.test', {}, { label: 'other' }),
        denied: ['newOrder', 'not-payments'],
      },
      {
        client: 'acme-tiny',
        run: program('acme-tiny', 'fine.test', {}, 'other'),
        denied: ['newOrder', 'not-payments'],
      },
    ],
  },
  {
    shows: 'client.proxy_user: there is none in relay',
    only: 'relay',
    policy: () => `mode: enforce
rules:
  - { name: proxy-users, when: { operation: newOrder, not: { client: { proxy_user: [web] } } }, effect: deny }`,
    cases: [{ client: NPM, run: npmOrder('fine.test'), denied: ['newOrder', 'proxy-users'] }],
  },
  {
    shows: 'client.account: the thumbprint of its key',
    policy: ({ mode }) => `mode: enforce
default: deny
rules:
  - { name: accounts, when: { operation: accounts }, effect: allow }
  - { name: known, when: { client: { account: ${KNOWN[mode].thumbprint} } }, effect: allow }`,
    cases: [
      {
        client: NPM,
        run: (place) => npmOrder('fine.test', {}, { accountKey: KNOWN[place.mode].pem })(place),
      },
      { client: NPM, run: npmOrder('fine.test'), denied: ['newOrder', 'default'] },
      { client: 'uacme', run: program('uacme', 'fine.test'), denied: ['newOrder', 'default'] },
    ],
  },
  {
    shows: 'client.contact',
    policy: () => `mode: enforce
default: deny
rules:
  - { name: accounts, when: { operation: accounts }, effect: allow }
  - { name: ours, when: { client: { contact: 'mailto:*@ours.test' } }, effect: allow }`,
    cases: [
      {
        client: NPM,
        run: npm(async (client, place) => {
          await client.updateAccount({ contact: ['mailto:a@ours.test'] })
          await order(client, newNames(place, 'fine.test'))
        }),
      },
      { client: 'lego', run: program('lego', 'fine.test'), denied: ['newOrder', 'default'] },
      {
        client: 'certbot',
        run: program('certbot', 'fine.test', { options: ['--email', 'b@ours.test', '--no-eff-email'] }),
      },
      { client: NPM, run: npmOrder('fine.test'), denied: ['newOrder', 'default'] },
    ],
  },
  {
    shows: 'client.external_account',
    policy: () => `mode: enforce
default: deny
rules:
  - { name: register, when: { operation: newAccount, client: { external_account: [team-web, team-payments] } }, effect: allow }
  - { name: accounts, when: { operation: [account, keyChange] }, effect: allow }
  - { name: web, when: { names: '**.web.test', client: { external_account: team-web } }, effect: allow }`,
    cases: [
      { client: NPM, run: npmOrder('web.test', {}, { external: 'team-web' }) },
      {
        client: NPM,
        run: npmOrder('web.test', {}, { external: 'team-payments' }),
        denied: ['newOrder', 'default'],
      },
      { client: NPM, run: npmOrder('web.test'), denied: ['newAccount', 'default'] },
      {
        client: 'lego',
        run: program('lego', 'web.test', {
          options: ['--eab', '--kid', 'team-web', '--hmac', TRUSTED_KEYS['team-web']],
        }),
      },
      {
        client: 'certbot',
        run: program('certbot', 'web.test', {
          options: ['--eab-kid', 'team-payments', '--eab-hmac-key', TRUSTED_KEYS['team-payments']],
        }),
        denied: ['newOrder', 'default'],
      },
      { client: 'dehydrated', run: program('dehydrated', 'web.test'), denied: ['newAccount', 'default'] },
    ],
  },
  {
    shows: 'client.software',
    policy: () => `mode: enforce
rules:
  - { name: no-certbot, when: { operation: issuance, client: { software: certbot } }, effect: deny }`,
    cases: [
      { client: NPM, run: npmOrder('fine.test') },
      { client: 'certbot', run: program('certbot', 'fine.test'), denied: ['newOrder', 'no-certbot'] },
    ],
  },
  {
    shows: 'client.version',
    policy: () => `mode: enforce
rules:
  - { name: too-old, when: { operation: issuance, client: { software: [certbot, uacme], version: '<1.8' } }, effect: deny }`,
    cases: [
      { client: 'certbot', run: program('certbot', 'fine.test') },
      { client: 'uacme', run: program('uacme', 'fine.test'), denied: ['newOrder', 'too-old'] },
    ],
  },
  {
    shows: 'client.user_agent',
    policy: () => `mode: enforce
rules:
  - { name: no-lego, when: { operation: newOrder, client: { user_agent: 'xenolf-acme/4[.]' } }, effect: deny }`,
    cases: [
      { client: NPM, run: npmOrder('fine.test') },
      { client: 'lego', run: program('lego', 'fine.test'), denied: ['newOrder', 'no-lego'] },
    ],
  },
]
