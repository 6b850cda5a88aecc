/** Every operation of the protocol by command, and what the CA says of it. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { ShownEngineAccount } from '../../src/api/engine-operations.ts'
import { REVOCATION_REASONS } from '../../src/api/schemas/engine.ts'
import { commonNameOf, daysOf, faultsOfChain, publicKeyOf, serialOf } from './openssl.ts'
import type { Row, Stage } from './row.ts'

const onlyNewest = (stage: Stage) =>
  stage.ca.name === 'newest' ? null : 'this Pebble does not offer it; the newest one does'

const accounts = (stage: Stage, verb: string, ...words: readonly string[]) =>
  stage.ok('engine', 'accounts', verb, stage.ca.name, ...words, '--json')

function expectAccount(
  { ran, faults }: Awaited<ReturnType<typeof accounts>>,
  wanted: Partial<ShownEngineAccount>,
): string[] {
  if (faults.length > 0) return faults
  const is = JSON.parse(ran.out) as ShownEngineAccount
  return (Object.keys(wanted) as (keyof ShownEngineAccount)[])
    .filter((key) => JSON.stringify(is[key]) !== JSON.stringify(wanted[key]))
    .map((key) => `${key} is ${JSON.stringify(is[key])}, wanted ${JSON.stringify(wanted[key])}`)
}

/** Accounts that were made before. */
const seen = new Set<string>()

/** What must come before everything else at a CA. */
export const FIRST: readonly Row[] = [
  {
    title: 'account: none without agreeing to the terms',
    run: (stage) => stage.refused(/terms/, 'engine', 'accounts', 'register', stage.ca.name),
  },
  {
    title: 'account: register, with an external account and a contact',
    async run(stage) {
      const made = await accounts(stage, 'register', '--agree-terms', '--contact', 'a@lab.test')
      const faults = expectAccount(made, {
        ca: stage.ca.name,
        status: 'valid',
        contact: ['mailto:a@lab.test'],
        externalKeyId: stage.ca.eab.keyId,
      })
      if (faults.length > 0) return faults
      const { url } = JSON.parse(made.ran.out) as ShownEngineAccount
      if (url === null || seen.has(url)) faults.push(`${url} is an account of before`)
      else seen.add(url)
      return faults
    },
  },
  {
    title: 'account: update',
    run: async (stage) =>
      expectAccount(await accounts(stage, 'update', '--contact', 'b@lab.test', '--contact', 'c@lab.test'), {
        contact: ['mailto:b@lab.test', 'mailto:c@lab.test'],
      }),
  },
  {
    title: 'account: roll-over',
    async run(stage) {
      const before = await accounts(stage, 'register')
      const after = await accounts(stage, 'roll-over')
      const faults = [...before.faults, ...after.faults]
      if (faults.length > 0) return faults
      const [was, is] = [before, after].map(({ ran }) => JSON.parse(ran.out) as ShownEngineAccount)
      if (was?.thumbprint === is?.thumbprint) faults.push('the key is the one of before')
      return was?.url === is?.url ? faults : [...faults, 'the account is another one']
    },
  },
]

function revoking(title: string, reasons: readonly (string | null)[], byKey: boolean): Row {
  return {
    title,
    async run(stage) {
      const faults: string[] = []
      for (const reason of reasons) {
        const label = `rev-${byKey ? 'key' : 'acc'}-${(reason ?? 'none').toLowerCase()}`
        const issued = await stage.issue(label, [`${label}.${stage.name('http')}`])
        faults.push(...issued.faults)
        if (issued.faults.length > 0) continue
        const at = (name: string) => path.join(issued.live, name)
        const { faults: wrong } = await stage.ok(
          ...['engine', 'revoke', at('cert.pem'), '--yes', ...(reason === null ? [] : ['--reason', reason])],
          ...(byKey ? ['--key', at('privkey.pem')] : []),
        )
        faults.push(...wrong)
        const status = await stage.ca.manage(`cert-status-by-serial/${serialOf(at('cert.pem'))}`)
        const told = JSON.parse(status) as { Status: string; Reason?: number }
        const wanted = REVOCATION_REASONS[(reason ?? 'unspecified') as keyof typeof REVOCATION_REASONS]
        if (told.Status !== 'Revoked' || (told.Reason ?? 0) !== wanted)
          faults.push(`${label}: the CA says ${status.trim()}, wanted reason ${wanted}`)
      }
      return faults
    },
  }
}

export const OPERATIONS: readonly Row[] = [
  ...(['ec384', 'rsa2048'] as const).map(
    (type): Row => ({
      title: `issue: a key ${type}`,
      async run(stage) {
        const { live, faults } = await stage.issue(type, [`${type}.${stage.name('http')}`], {
          words: ['--key-type', type],
        })
        const text = execFileSync('openssl', ['pkey', '-pubin', '-noout', '-text'], {
          input: publicKeyOf(path.join(live, 'cert.pem')),
          encoding: 'utf8',
        })
        return text.includes(type === 'ec384' ? '(384 bit)' : '(2048 bit)') ? faults : [...faults, text]
      },
    }),
  ),
  {
    title: 'issue: for a key of somebody else (--csr)',
    async run(stage) {
      const name = `csr.${stage.name('http')}`
      const at = (file: string) => path.join(stage.lab.folder, `${stage.prefix}-${file}`)
      const make = [
        'req',
        '-new',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-subj',
        '/',
      ]
      execFileSync(
        'openssl',
        [
          ...[
            ...make,
            '-addext',
            `subjectAltName=DNS:${name}`,
            '-keyout',
            at('csr.key'),
            '-out',
            at('csr.pem'),
          ],
        ],
        { stdio: 'ignore' },
      )
      const { faults } = await stage.ok(
        ...['engine', 'issue', '--csr', at('csr.pem'), '--ca', stage.ca.name, '--out', at('chain.pem')],
      )
      if (faults.length > 0) return faults
      const key = execFileSync('openssl', ['pkey', '-in', at('csr.key'), '-pubout'], { encoding: 'utf8' })
      if (key !== publicKeyOf(at('chain.pem'))) faults.push('the certificate has another key')
      return [...faults, ...faultsOfChain(at('chain.pem'), at('chain.pem'), [name], await stage.ca.root(0))]
    },
  },
  {
    title: 'issue: another chain (--preferred-chain), of three roots',
    async run(stage) {
      const faults: string[] = []
      for (const root of [0, 1, 2]) {
        const wanted = commonNameOf(await stage.ca.root(root))
        const name = `root-${root}`
        faults.push(
          ...(
            await stage.issue(name, [`${name}.${stage.name('http')}`], {
              words: ['--preferred-chain', wanted],
              root,
            })
          ).faults,
        )
      }
      return faults
    },
  },
  {
    title: 'issue: a profile; and one the CA does not have',
    missing: onlyNewest,
    async run(stage) {
      const { live, faults } = await stage.issue('short', [`short.${stage.name('http')}`], {
        words: ['--profile', 'shortlived'],
      })
      const days = daysOf(path.join(live, 'cert.pem'))
      if (!(days > 5 && days < 7)) faults.push(`it ends in ${days} days`)
      const words = ['engine', 'issue', `nope.${stage.name('http')}`, '--ca', stage.ca.name]
      return [...faults, ...(await stage.refused(/profile/i, ...words, '--profile', 'nope'))]
    },
  },
  {
    title: 'issue: a name the CA refuses',
    run: (stage) =>
      stage.refused(/blocked\.lab\.test/, 'engine', 'issue', 'blocked.lab.test', '--ca', stage.ca.name),
  },
  {
    title: 'managed: issue, then renew --force with another key; ARI: replaces',
    async run(stage) {
      const name = `managed-${stage.ca.name}`
      const live = stage.live(name)
      const names = [`${name}.http.lab.test`, `*.${name}.zone.lab.test`]
      const first = await stage.ok('engine', 'issue', name, '--json')
      const { faults } = await stage.checked(first.ran, first.faults, live, names, 0)
      if (faults.length > 0) return faults
      const before = readFileSync(path.join(live, 'cert.pem'))
      const key = publicKeyOf(path.join(live, 'cert.pem'))
      const idle = await stage.ok('engine', 'renew', name, '--json')
      if (!/"outcome":"skipped"/.test(idle.ran.out))
        faults.push(`it was renewed before its time: ${idle.ran.out}`)
      const again = await stage.ok('engine', 'renew', name, '--force', '--json')
      const checked = await stage.checked(again.ran, again.faults, live, names, 0)
      if (readFileSync(path.join(live, 'cert.pem')).equals(before)) faults.push('it is the one of before')
      if (publicKeyOf(path.join(live, 'cert.pem')) === key) faults.push('its key is the one of before')
      return [...faults, ...checked.faults]
    },
  },
  {
    title: 'managed: renewed because the CA says so now (ARI)',
    missing: onlyNewest,
    async run(stage) {
      const name = `managed-${stage.ca.name}`
      const live = stage.live(name)
      const file = path.join(live, 'cert.pem')
      const before = serialOf(file)
      const [start, end] = [-3 * 86_400_000, -86_400_000].map((off) =>
        new Date(Date.now() + off).toISOString(),
      )
      const window = JSON.stringify({ suggestedWindow: { start, end } })
      await stage.ca.manage('set-renewal-info/', {
        certificate: readFileSync(file, 'utf8'),
        ariResponse: window,
      })
      if (stage.way === 'server') {
        // It has asked, and asks again when the CA wants it to; after a start at once.
        await stage.lab.stopServing()
        await stage.lab.serve()
      }
      const { ran, faults } = await stage.ok('engine', 'renew', name, '--json')
      if (serialOf(file) === before) faults.push(`it was not renewed: ${ran.out.slice(-500)}`)
      return faults
    },
  },
  revoking(
    'revoke: by the account, without a reason and with each',
    [null, ...Object.keys(REVOCATION_REASONS).filter((reason) => reason !== 'keyCompromise')],
    false,
  ),
  revoking("revoke: by the certificate's own key", ['keyCompromise', 'superseded'], true),
]

/** What must come after everything else at a CA. */
export const LAST: readonly Row[] = [
  {
    title: 'account: deactivate; nothing is ordered under it any more',
    async run(stage) {
      const faults = expectAccount(await accounts(stage, 'deactivate', '--yes'), { status: 'deactivated' })
      const words = ['engine', 'issue', `late.${stage.name('http')}`, '--ca', stage.ca.name]
      return [...faults, ...(await stage.refused(/was deactivated/, ...words))]
    },
  },
]
