import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { certbotArguments } from '../../src/cli/demo/certbot.ts'
import type { Finished } from '../../src/cli/demo/child.ts'
import { acmeTiny } from '../support/peers/acme-tiny.ts'
import { caddy } from '../support/peers/caddy.ts'
import { certbot } from '../support/peers/certbot.ts'
import { type AcmeClient, HOOK, runClient, type Surroundings } from '../support/peers/client.ts'
import { dehydrated } from '../support/peers/dehydrated.ts'
import { lego } from '../support/peers/lego.ts'
import { pythonAcme } from '../support/peers/python-acme.ts'
import { uacme } from '../support/peers/uacme.ts'

/** What a program is told beside the names. */
export interface Told {
  /** Options of its own; for dehydrated lines of its configuration. */
  readonly options?: readonly string[]
  /** PEM of a request that it shall use; acme-tiny needs one. */
  readonly csr?: Buffer
}

export interface Program {
  readonly peer: AcmeClient
  /** Registers where it has not, and gets one certificate for these names. */
  get(around: Surroundings, names: readonly string[], told?: Told): Promise<Finished>
  /** Where it writes what it does not print. */
  readonly logFile?: (around: Surroundings) => string
}

const run = promisify(execFile)

/** An openssl of this machine, for requests as a person makes them. Returns the PEM of the request. */
export async function opensslRequest(names: readonly string[], ...more: readonly string[]): Promise<Buffer> {
  const given = more.includes('-newkey') || more.includes('-key')
  const key = given ? [] : ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
  const subjectAltName = `subjectAltName=${names.map(altName).join(',')}`
  const { stdout } = await run('openssl', [
    ...['req', '-new', ...key, '-nodes', '-keyout', '/dev/null', '-subj', '/'],
    ...['-addext', subjectAltName, ...more],
  ])
  return Buffer.from(stdout)
}

const altName = (name: string): string =>
  name.includes('@') ? `email:${name}` : /^[\d.]+$/.test(name) ? `IP:${name}` : `DNS:${name}`

const each = (option: string, names: readonly string[]): string[] => names.flatMap((name) => [option, name])

export const PROGRAMS = {
  certbot: {
    peer: certbot,
    logFile: ({ folder }) => path.join(folder, 'logs', 'letsencrypt.log'),
    get(around, names, { options = [] } = {}) {
      const own = options.some((option) => option === '--email' || option === '--no-eff-email')
      const { folder, directory: server } = around
      const args = [
        ...['certonly', '--webroot', '--webroot-path', around.webroot, '--agree-tos'],
        ...(own ? [] : ['--register-unsafely-without-email']),
        ...each('-d', names),
        ...options,
      ]
      return runClient('certbot', certbotArguments({ folder, server, arguments: args }), around, {
        REQUESTS_CA_BUNDLE: around.trust,
      })
    },
  },
  lego: {
    peer: lego,
    get(around, names, { options = [] } = {}) {
      const args = [
        ...['--server', around.directory, '--path', path.join(around.folder, 'lego')],
        ...['--accept-tos', '--email', 'operator@example.test', '--http', '--http.webroot', around.webroot],
        ...each('--domains', names),
        ...options,
      ]
      return runClient('lego', [...args, 'run'], around, { LEGO_CA_CERTIFICATES: around.trust })
    },
  },
  dehydrated: {
    peer: dehydrated,
    async get(around, names, { options = [] } = {}) {
      const config = path.join(around.folder, 'config')
      const settings = [
        `CA='${around.directory}'`,
        `BASEDIR='${around.folder}'`,
        `WELLKNOWN='${path.join(around.webroot, '.well-known', 'acme-challenge')}'`,
        "ACCOUNT_KEYSIZE='2048'",
        ...options,
      ]
      await writeFile(config, settings.join('\n'))
      const go = (...args: readonly string[]) =>
        runClient('dehydrated', ['--config', config, ...args], around, { CURL_CA_BUNDLE: around.trust })
      const registered = await go('--register', '--accept-terms')
      return registered.code === 0
        ? go('--cron', ...each('--domain', [names.join(' ')]), '--alias', 'own')
        : registered
    },
  },
  uacme: {
    peer: uacme,
    async get(around, names, { options = [] } = {}) {
      const common = ['--verbose', '--acme-url', around.directory]
      const go = (...args: readonly string[]) =>
        runClient(
          'uacme',
          [...common, '--confdir', path.join(around.folder, 'uacme'), '--hook', HOOK, ...args],
          around,
          { HOOK_METHOD: 'http-01' },
          { trustsSystemStore: true },
        )
      const eab = options.indexOf('--eab')
      const forNew = eab === -1 ? [] : options.slice(eab, eab + 2)
      const forIssue = eab === -1 ? options : options.toSpliced(eab, 2)
      const registered = await go('--yes', ...forNew, 'new')
      return registered.code === 0 ? go(...forIssue, 'issue', ...names) : registered
    },
  },
  'acme-tiny': {
    peer: acmeTiny,
    async get(around, names, { csr } = {}) {
      const file = (name: string): string => path.join(around.folder, name)
      await writeFile(file('domain.csr'), csr ?? (await opensslRequest(names)))
      await run('openssl', ['genrsa', '-out', file('account.key'), '2048'])
      return runClient(
        'acme-tiny',
        [
          ...['--account-key', file('account.key'), '--csr', file('domain.csr')],
          ...['--acme-dir', path.join(around.webroot, '.well-known', 'acme-challenge')],
          ...['--directory-url', around.directory, '--disable-check'],
        ],
        around,
        { SSL_CERT_FILE: around.trust },
      )
    },
  },
  'python3-acme': {
    peer: pythonAcme,
    get: (around, names) => pythonAcme.issue(around, { name: names.join(','), method: 'http-01' }),
  },
  caddy: {
    peer: caddy,
    get: (around, names) => caddy.issue(around, { name: names[0]!, method: 'http-01' }),
  },
} satisfies Readonly<Record<string, Program>> as Readonly<Record<ProgramName, Program>>

export type ProgramName = 'certbot' | 'lego' | 'dehydrated' | 'uacme' | 'acme-tiny' | 'python3-acme' | 'caddy'

/** Rejects with what the program said where it ended with an error. */
export async function succeed(running: Promise<Finished>): Promise<void> {
  const { code, output } = await running
  if (code !== 0) throw new Error(`it ended with ${code}: ${output}`)
}
