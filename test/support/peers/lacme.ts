import { chmod, writeFile } from 'node:fs/promises'
import path from 'node:path'
import {
  baseName,
  needs,
  openFolder,
  runClient,
  type Surroundings,
  type WholeClient,
  type Wish,
} from './client.ts'
import { reasonWithoutSystemStore } from './overlay.ts'

/** Writes its files: the account's key is made by openssl, the rest by lacme. */
async function configure(surroundings: Surroundings, wish: Wish): Promise<string> {
  const folder = await openFolder(surroundings, 'lacme')
  const file = (name: string): string => path.join(folder, name)
  await writeFile(file('accountd.conf'), `privkey = file:${file('account.key')}\n`, { mode: 0o600 })
  await writeFile(
    file('lacme.conf'),
    [
      `config-certs = ${file('certs.conf')}`,
      '[client]',
      'user =',
      'group =',
      `server = ${surroundings.directory}`,
      '[webserver]',
      `listen = ${surroundings.listens?.address}:${surroundings.listens?.httpPort}`,
      'user =',
      'group =',
      '[accountd]',
      `config = ${file('accountd.conf')}`,
      '',
    ].join('\n'),
  )
  await writeFile(
    file('certs.conf'),
    [
      `[${baseName(wish)}]`,
      `certificate-key = ${file('domain.key')}`,
      `certificate-chain = ${lacme.certificate(surroundings, wish)}`,
      // Its default is Let's Encrypt's own roots, which it verifies what it got against.
      'CAfile =',
      `subject = /CN=${wish.name}`,
      `subjectAltName = DNS:${wish.name}`,
      '',
    ].join('\n'),
  )
  return folder
}

async function run(surroundings: Surroundings, wish: Wish, ...args: string[]) {
  const folder = await configure(surroundings, wish)
  return runClient(
    'lacme',
    ['--config', path.join(folder, 'lacme.conf'), ...args],
    surroundings,
    {},
    {
      trustsSystemStore: true,
    },
  )
}

export const lacme: WholeClient = {
  name: 'lacme',
  methods: ['http-01'],
  userAgent: /^lacme/,
  survivesBadNonce: false,
  ownHttpServer: true,
  missing: async () => (await needs('lacme', 'openssl', 'unshare')) ?? reasonWithoutSystemStore('lacme'),
  async issue(surroundings, wish) {
    const folder = await openFolder(surroundings, 'lacme')
    for (const key of ['account.key', 'domain.key']) {
      await runClient('openssl', ['genrsa', '-out', path.join(folder, key), '2048'], surroundings, {})
      await chmod(path.join(folder, key), 0o600)
    }
    const registered = await run(
      surroundings,
      wish,
      'account',
      '--register',
      '--tos-agreed',
      'mailto:operator@example.test',
    )
    if (registered.code !== 0) return registered
    return run(surroundings, wish, 'newOrder', '--force')
  },
  renew: (surroundings, wish) => run(surroundings, wish, 'newOrder', '--force'),
  revoke: (surroundings, wish) =>
    run(surroundings, wish, 'revokeCert', lacme.certificate(surroundings, wish)),
  certificate: ({ folder }, wish) => path.join(folder, 'lacme', `${baseName(wish)}.pem`),
}
