import { readFileSync } from 'node:fs'
import path from 'node:path'
import { dns, order } from './npm-client.ts'
import { opensslRequest } from './programs.ts'
import type { Case, Row } from './row.ts'
import { newNames, npm, npmIssue, npmOrder, program } from './steps.ts'

const FOLDER = path.join(import.meta.dirname, '..', '..', 'config', 'policies')
const NPM = 'npm acme-client'

/** A sample as it is, but enforced; with `changes` of texts in it, which it has to have. */
function sample(name: string, ...changes: readonly (readonly [string, string])[]): () => string {
  return () => {
    let text = readFileSync(path.join(FOLDER, `${name}.yaml`), 'utf8')
    for (const [from, to] of [
      ['version: 1\n', ''],
      ['mode: observe', 'mode: enforce'],
      ...changes,
    ] as const) {
      if (!text.includes(from)) throw new Error(`${name}.yaml has no ${from}`)
      text = text.replace(from, to)
    }
    return text
  }
}

/** The samples of config/policies, each for its main purpose. */
export const SAMPLE_ROWS: readonly Row[] = [
  {
    shows: 'sample: internal-only',
    policy: sample('internal-only', [
      './lists/internal-hosts.txt',
      path.join(FOLDER, 'lists/internal-hosts.txt'),
    ]),
    cases: [
      { client: NPM, run: npmIssue(['corp.example.com', '*.internal.example']) },
      { client: NPM, run: npm((client) => order(client, dns('vpn.example.com'))) },
      { client: NPM, run: npmOrder(['corp.example.com', 'example.org']), denied: ['newOrder', 'default'] },
      { client: 'certbot', run: program('certbot', 'corp.example.com') },
      {
        client: 'certbot',
        run: program('certbot', 'ad.corp.example.com'),
        denied: ['newOrder', 'directory-servers'],
      },
    ],
  },
  {
    shows: 'sample: team-scopes',
    policy: sample('team-scopes'),
    cases: [
      { client: NPM, run: npmOrder('web.example.com', {}, { external: 'team-web' }) },
      {
        client: NPM,
        run: npmOrder(['web.example.com', 'pay.example.com'], {}, { external: 'team-web' }),
        denied: ['newOrder', 'default'],
      },
      {
        client: NPM,
        run: npmOrder('*.pay.example.com', {}, { external: 'team-payments' }),
        denied: ['newOrder', 'payments-without-wildcards'],
      },
      { client: 'lego', run: program('lego', 'web.example.com'), denied: ['newAccount', 'default'] },
    ],
  },
  {
    shows: 'sample: key-hygiene',
    policy: sample('key-hygiene'),
    cases: [
      { client: NPM, run: npmIssue('fine.test') },
      {
        client: NPM,
        run: npmIssue('fine.test', (names) =>
          opensslRequest(
            names.map(({ value }) => value),
            ...['-newkey', 'rsa:2048'],
          ),
        ),
        denied: ['finalize', 'rsa-too-short'],
      },
      {
        client: 'certbot',
        run: program('certbot', 'fine.test', { options: ['--key-type', 'rsa', '--rsa-key-size', '2048'] }),
        denied: ['finalize', 'rsa-too-short'],
      },
    ],
  },
  {
    shows: 'sample: freeze, while it lasts',
    policy: sample('freeze', ['from: 2030-12-20, until: 2031-01-03', `from: ${day(-1)}, until: ${day(2)}`]),
    cases: [
      { client: NPM, run: npmOrder('fine.test', { replaces: 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE' }) },
      { client: NPM, run: npmOrder('fine.test'), denied: ['newOrder', 'year-end-freeze'] },
      {
        client: 'acme-tiny',
        run: program('acme-tiny', 'fine.test'),
        denied: ['newOrder', 'year-end-freeze'],
      },
    ],
  },
  {
    shows: 'sample: weekly-budget',
    policy: sample('weekly-budget'),
    cases: [
      { client: NPM, run: sameAgain(4) },
      { client: NPM, run: sameAgain(5), denied: ['newOrder', 'same-names-again'] },
    ],
  },
]

function day(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10)
}

function sameAgain(times: number): Case['run'] {
  return npm(async (client, place) => {
    const names = newNames(place, place.name('test'))
    for (let at = 0; at < times; at += 1) await order(client, names)
  })
}
