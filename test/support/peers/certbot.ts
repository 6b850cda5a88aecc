import path from 'node:path'
import { certbotArguments } from '../../../src/cli/demo/certbot.ts'
import { baseName, HOOK, needs, runClient, type Surroundings, type WholeClient, type Wish } from './client.ts'

function run(surroundings: Surroundings, args: readonly string[]) {
  const { folder, directory } = surroundings
  return runClient(
    'certbot',
    certbotArguments({ folder, server: directory, arguments: args }),
    surroundings,
    {
      REQUESTS_CA_BUNDLE: surroundings.trust,
      HOOK,
    },
  )
}

function challenge(surroundings: Surroundings, wish: Wish): string[] {
  if (wish.method === 'http-01') return ['--webroot', '--webroot-path', surroundings.webroot]
  return [
    ...['--manual', '--preferred-challenges', 'dns'],
    ...['--manual-auth-hook', 'sh "$HOOK" certbot-auth'],
    ...['--manual-cleanup-hook', 'sh "$HOOK" certbot-cleanup'],
  ]
}

function binding({ eab }: Surroundings): string[] {
  return eab === undefined ? [] : ['--eab-kid', eab.kid, '--eab-hmac-key', eab.mac]
}

function obtain(surroundings: Surroundings, wish: Wish, ...more: string[]) {
  return run(surroundings, [
    'certonly',
    ...challenge(surroundings, wish),
    ...['--agree-tos', '--register-unsafely-without-email'],
    ...binding(surroundings),
    ...['--cert-name', baseName(wish), '-d', wish.name],
    ...more,
  ])
}

export const certbot: WholeClient = {
  name: 'certbot',
  methods: ['http-01', 'dns-01'],
  userAgent: /^CertbotACMEClient/,
  survivesBadNonce: true,
  knowsEab: true,
  missing: () => needs('certbot', 'curl'),
  issue: (surroundings, wish) => obtain(surroundings, wish),
  renew: (surroundings, wish) =>
    run(surroundings, [
      'renew',
      ...['--force-renewal', '--no-random-sleep-on-renew'],
      ...['--cert-name', baseName(wish)],
    ]),
  revoke: (surroundings, wish) =>
    run(surroundings, [
      'revoke',
      ...['--cert-path', certbot.certificate(surroundings, wish)],
      ...['--no-delete-after-revoke', '--reason', 'superseded'],
    ]),
  deactivate: (surroundings) => run(surroundings, ['unregister']),
  certificate: (surroundings, wish) =>
    path.join(surroundings.folder, 'config', 'live', baseName(wish), 'cert.pem'),
}
