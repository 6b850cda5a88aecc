import { dns, order } from './npm-client.ts'
import type { Row } from './row.ts'
import { npm, npmIssue, npmOrder, program } from './steps.ts'

const NPM = 'npm acme-client'

const FORBIDDEN = `mode: enforce
rules:
  - { name: forbidden, when: { names: ['**.bad.test'] }, effect: deny }`

/** Conditions on what is asked for. */
export const NAME_ROWS: readonly Row[] = [
  {
    shows: 'names',
    policy: () => FORBIDDEN,
    cases: [
      { client: NPM, run: npmIssue(['fine.test', 'fine.test']) },
      {
        client: NPM,
        run: npmOrder(['fine.test', 'bad.test', 'fine.test']),
        denied: ['newOrder', 'forbidden'],
      },
      ...(['certbot', 'lego', 'dehydrated', 'uacme', 'acme-tiny', 'python3-acme'] as const).flatMap(
        (client) => [
          { client, run: program(client, ['fine.test', 'fine.test']) },
          {
            client,
            run: program(client, ['fine.test', 'bad.test', 'fine.test']),
            denied: ['newOrder', 'forbidden'] as const,
          },
        ],
      ),
    ],
  },
  {
    shows: 'names: a wildcard that touches what is denied',
    policy: () => `mode: enforce
rules:
  - { name: payments, when: { names: pay.bad.test }, effect: deny }`,
    cases: [
      { client: NPM, run: npm((client) => order(client, dns('*.fine.test', 'a.bad.test'))) },
      {
        client: NPM,
        run: npm((client) => order(client, dns('*.bad.test'))),
        denied: ['newOrder', 'payments'],
      },
    ],
  },
  {
    shows: 'names: a list',
    policy: () => `mode: enforce
default: deny
lists: { ours: [fine.test, '**.fine.test'] }
rules:
  - { name: accounts, when: { operation: accounts }, effect: allow }
  - { name: ours, when: { names: '@ours' }, effect: allow }`,
    cases: [
      { client: NPM, run: npmIssue('fine.test') },
      { client: NPM, run: npmOrder(['fine.test', 'else.test']), denied: ['newOrder', 'default'] },
      { client: 'python3-acme', run: program('python3-acme', 'else.test'), denied: ['newOrder', 'default'] },
    ],
  },
  {
    shows: 'wildcard',
    policy: () => `mode: enforce
rules:
  - { name: no-wildcards, when: { wildcard: true }, effect: deny }`,
    cases: [
      { client: NPM, run: npmOrder('fine.test') },
      {
        client: NPM,
        run: npmOrder('*.fine.test'),
        denied: ['newOrder', 'no-wildcards'],
      },
      {
        client: 'lego',
        run: program('lego', '*.fine.test'),
        denied: ['newOrder', 'no-wildcards'],
      },
    ],
  },
  {
    shows: 'registered_domain',
    policy: () => `mode: enforce
rules:
  - { name: not-theirs, when: { registered_domain: theirs.co.uk }, effect: deny }`,
    cases: [
      { client: NPM, run: npmOrder('a.ours.co.uk') },
      { client: NPM, run: npmOrder('a.theirs.co.uk'), denied: ['newOrder', 'not-theirs'] },
    ],
  },
  {
    shows: 'public_suffix',
    policy: () => `mode: enforce
rules:
  - { name: no-uk, when: { public_suffix: co.uk }, effect: deny }`,
    cases: [
      { client: NPM, run: npmOrder('ours.de') },
      { client: NPM, run: npmOrder('ours.co.uk'), denied: ['newOrder', 'no-uk'] },
      { client: 'lego', run: program('lego', 'ours.co.uk'), denied: ['newOrder', 'no-uk'] },
    ],
  },
  {
    shows: 'ip',
    policy: () => `mode: enforce
rules:
  - { name: no-addresses-there, when: { ip: 10.1.0.0/16 }, effect: deny }`,
    cases: [
      { client: NPM, run: npmIssue('10.2.0.1') },
      {
        client: NPM,
        run: npmOrder(['fine.test', '10.1.2.3']),
        denied: ['newOrder', 'no-addresses-there'],
      },
      { client: 'uacme', run: program('uacme', '10.2.0.2') },
      {
        client: 'uacme',
        run: program('uacme', '10.1.0.2'),
        denied: ['newOrder', 'no-addresses-there'],
      },
    ],
  },
  {
    shows: 'identifier_type',
    policy: () => `mode: enforce
rules:
  - { name: no-addresses, when: { identifier_type: ip }, effect: deny }`,
    cases: [
      { client: NPM, run: npmOrder('fine.test') },
      {
        client: NPM,
        run: npmOrder('10.2.0.1'),
        denied: ['newOrder', 'no-addresses'],
      },
    ],
  },
]
