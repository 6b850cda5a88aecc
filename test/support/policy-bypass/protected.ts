/** Two policies that protect the same the other way round, and what the oracles know of them. */
import { allCases } from '../ambiguous-cases.ts'
import type { AmbiguousRequest } from '../ambiguous-requests.ts'
import type { Scope, Spelling } from '../policy-names/question.ts'
import {
  ADDRESSES,
  bypassTable,
  DNS_FAMILIES,
  HOSTS,
  ipv4Spellings,
  ipv6Spellings,
} from '../policy-names/spellings.ts'
import { attemptsOf, type CsrKey, positions, shapes } from './attempts.ts'

export interface Protection {
  readonly policy: string
  readonly scope: Scope
  /** That it grants. */
  readonly innocent: string
  readonly innocents: readonly string[]
  /** That it does not. */
  readonly evil: string
}

const numbered = (domain: string) => Array.from({ length: 100 }, (_, at) => `host-${at}.${domain}`)
/** Below these is nearly everything. */
const TOO_MUCH = ['com', 'co.uk']
const PROTECTED = [
  ...HOSTS.filter((host) => !TOO_MUCH.includes(host)),
  'evil.example.com',
  '**.secret.example.com',
]
const NETWORKS = [
  ...ADDRESSES.map((address) => `${address}/${address.includes(':') ? 128 : 32}`),
  '10.9.0.0/16',
]

/** What is protected is denied, the rest granted. */
export const DENYING: Protection = {
  policy: `version: 1
mode: enforce
default: allow
lists:
  protected: ${JSON.stringify(PROTECTED)}
  networks: ${JSON.stringify(NETWORKS)}
rules:
  - { name: protected, when: { names: '@protected' }, effect: deny }
  - { name: networks, when: { ip: '@networks' }, effect: deny }
`,
  scope: {
    denied: PROTECTED,
    allowed: ['**'],
    deniedNetworks: NETWORKS,
    allowedNetworks: ['0.0.0.0/0', '::/0'],
  },
  innocent: 'innocent.example.net',
  innocents: numbered('example.net'),
  evil: 'pay.example.com',
}

/** What a team has is granted, the rest is not. */
export const GRANTING: Protection = {
  policy: `version: 1
mode: enforce
default: deny
rules:
  - { name: accounts, when: { operation: accounts }, effect: allow }
  - { name: team, when: { names: '**.team.example' }, effect: allow }
  - { name: network, when: { ip: 192.0.2.0/24 }, effect: allow }
`,
  scope: { denied: [], allowed: ['**.team.example'], deniedNetworks: [], allowedNetworks: ['192.0.2.0/24'] },
  innocent: 'innocent.team.example',
  innocents: numbered('team.example'),
  evil: 'pay.example.com',
}

/** Hosts beside the table's: below what is protected, beside it, and what takes it in. */
const MORE_HOSTS = [
  'x.secret.example.com',
  'a.b.secret.example.com',
  'secret.example.com',
  'evil.example.com',
  'a.team.example',
  'team.example',
  'a.b.team.example',
  'team.example.attacker.example',
]
const MORE_ADDRESSES = ['10.9.8.7', '192.0.2.77']

/** The table of names and addresses, and its families for those that these policies are about. */
export function baseSpellings(): readonly Spelling[] {
  const spellings = new Map<string, Spelling>()
  const add = (spelling: Spelling) => {
    const { family, type, value, subtree } = spelling
    spellings.set(JSON.stringify([type, value, subtree]), { family, type, value, subtree })
  }
  for (const question of bypassTable().questions) add(question)
  for (const [family, make] of Object.entries(DNS_FAMILIES)) {
    for (const value of MORE_HOSTS.flatMap((host) => make(host))) {
      add({ family, type: 'dns', value, subtree: false })
      add({ family, type: 'dns', value, subtree: true })
    }
  }
  for (const address of MORE_ADDRESSES) {
    const spelt = address.includes(':')
      ? ipv6Spellings(address)
      : ipv4Spellings(address.split('.').map(Number))
    for (const value of [address, ...spelt]) {
      add({ family: 'addresses', type: 'ip', value, subtree: false })
      add({ family: 'addresses', type: 'dns', value, subtree: false })
    }
  }
  return [...spellings.values()]
}

/** All that is tried against one protection. `each`: every so many counts and positions of names. */
export function* attempts(
  { evil, innocent, innocents }: Protection,
  spellings: Iterable<Spelling>,
  key: CsrKey,
  { each = 1, cases = allCases() }: { each?: number; cases?: Iterable<AmbiguousRequest> } = {},
): Iterable<AmbiguousRequest> {
  yield* shapes(evil, innocent)
  yield* shapes('x.secret.example.com', innocent)
  yield* positions(evil, innocents, each)
  for (const request of cases) if (request.freshAccount !== true) yield request
  for (const spelling of spellings) yield* attemptsOf(spelling, innocent, key)
}
