import { chmod, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { findProgram, startDaemon } from '../../../src/cli/demo/child.ts'
import {
  type AcmeClient,
  baseName,
  clientCommand,
  HOOK,
  needs,
  proxySpeaksTls,
  type Surroundings,
  type Wish,
} from './client.ts'
import { certificateIn, watch } from './daemon-client.ts'

const MODULES = '/usr/lib/apache2/modules'
const LOADED = ['mpm_event', 'authz_core', 'watchdog', 'ssl', 'md']

function configuration(surroundings: Surroundings, wish: Wish, again: boolean): string {
  const { folder, listens, directory, trust, eab } = surroundings
  const { address, httpPort, tlsPort } = listens ?? { address: '127.0.0.1', httpPort: 80, tlsPort: 443 }
  const name = baseName(wish)
  return [
    ...LOADED.flatMap((module) => [
      `<IfModule !${module}_module>`,
      `  LoadModule ${module}_module ${MODULES}/mod_${module}.so`,
      '</IfModule>',
    ]),
    `ServerRoot ${folder}`,
    `ServerName ${name}`,
    `DocumentRoot ${folder}`,
    'User www-data',
    'Group www-data',
    `PidFile ${folder}/pid`,
    `DefaultRuntimeDir ${folder}`,
    `Mutex file:${folder}`,
    `ErrorLog ${errorLog(surroundings)}`,
    'LogLevel warn md:info',
    `Listen ${address}:${httpPort}`,
    `Listen ${address}:${tlsPort}`,
    `MDStoreDir ${folder}/md`,
    `MDCertificateAuthority ${directory}`,
    'MDCertificateAgreement accepted',
    'MDContactEmail operator@example.test',
    ...(eab === undefined ? [] : [`MDExternalAccountBinding ${eab.kid} ${eab.mac}`]),
    `MDCACertificateFile ${trust}`,
    `MDCAChallenges ${wish.method}`,
    `MDPortMap 80:${httpPort} 443:${tlsPort}`,
    'MDRenewMode always',
    'MDRetryDelay 5s',
    // Debian's may be too old to know names that only a wildcard covers; the rest is for the challenge.
    ...(wish.method === 'dns-01' ? [`MDChallengeDns01 ${folder}/dns01`] : []),
    // Longer than any certificate lives: due at once.
    ...(again ? ['MDRenewWindow 36500d'] : []),
    `<MDomain ${name}>`,
    ...(wish.name === name ? [] : [`  MDMember ${wish.name}`]),
    '  MDMembers manual',
    '</MDomain>',
    `<VirtualHost ${address}:${tlsPort}>`,
    `  ServerName ${name}`,
    '  SSLEngine on',
    ...(wish.method === 'tls-alpn-01' ? ['  Protocols http/1.1 acme-tls/1'] : []),
    '</VirtualHost>',
    `<VirtualHost ${address}:${httpPort}>`,
    `  ServerName ${name}`,
    '</VirtualHost>',
    '',
  ].join('\n')
}

const errorLog = ({ folder }: Surroundings): string => path.join(folder, 'error.log')

/** Where a certificate waits until the server starts the next time. */
const staged = ({ folder }: Surroundings, wish: Wish): string =>
  path.join(folder, 'md', 'staging', baseName(wish), 'pubcert.pem')

async function run(surroundings: Surroundings, wish: Wish, again: boolean) {
  const { folder } = surroundings
  // It makes its store itself, for root and for the account it changes to.
  await chmod(folder, 0o755)
  await writeFile(errorLog(surroundings), '')
  const hook = path.join(folder, 'dns01')
  // It hands its command no environment but PATH.
  await writeFile(hook, `#!/bin/sh\nHOOK_DNS='${surroundings.dnsManagement}' exec sh '${HOOK}' "md-$@"\n`)
  await chmod(hook, 0o755)
  const before = await certificateIn(staged(surroundings, wish))
  const config = path.join(folder, 'apache.conf')
  await writeFile(config, configuration(surroundings, wish, again))
  const command = clientCommand(
    (await findProgram('apache2')) ?? 'apache2',
    ['-f', config, '-D', 'FOREGROUND'],
    surroundings,
    {},
    { trustsSystemStore: proxySpeaksTls(surroundings) },
  )
  const daemon = startDaemon(command.program, command.args, { environment: command.environment, folder })
  const log = async () => `${daemon.log()}${await readFile(errorLog(surroundings), 'utf8').catch(() => '')}`
  return watch(daemon, () => certificateIn(staged(surroundings, wish)), before, /AH10056/, log)
}

export const modMd: AcmeClient = {
  name: 'mod_md',
  methods: ['http-01', 'dns-01', 'tls-alpn-01'],
  userAgent: /mod_md/,
  survivesBadNonce: true,
  knowsEab: true,
  ownHttpServer: true,
  names: (wish) => [...new Set([baseName(wish), wish.name])],
  missing: () => needs('apache2', 'curl'),
  issue: (surroundings, wish) => run(surroundings, wish, false),
  renew: (surroundings, wish) => run(surroundings, wish, true),
  certificate: staged,
}
