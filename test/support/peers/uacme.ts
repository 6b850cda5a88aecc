import { access } from 'node:fs/promises'
import path from 'node:path'
import { type AcmeClient, baseName, HOOK, needs, runClient, type Surroundings, type Wish } from './client.ts'

/** What libcurl-gnutls on Debian trusts; no variable or option changes it. */
const SYSTEM_BUNDLE = '/etc/ssl/certs/ca-certificates.crt'

/** Lays the test's root over the system's bundle in a mount namespace of its own, then becomes uacme. */
const IN_NAMESPACE = `mount --bind "$TRUST" ${SYSTEM_BUNDLE} && exec uacme "$@"`

function run(surroundings: Surroundings, wish: Wish, ...args: string[]) {
  return runClient(
    'unshare',
    [
      ...['--mount', '--propagation', 'private', 'sh', '-c', IN_NAMESPACE, 'uacme'],
      ...['--verbose', '--acme-url', surroundings.directory],
      ...['--confdir', path.join(surroundings.folder, 'uacme'), '--hook', HOOK],
      ...args,
    ],
    surroundings,
    { TRUST: surroundings.trust, HOOK_METHOD: wish.method },
  )
}

export const uacme: AcmeClient = {
  name: 'uacme',
  survivesBadNonce: true,
  async missing() {
    const program = await needs('uacme', 'curl', 'unshare')
    if (program !== null) return program
    if (process.getuid?.() !== 0)
      return 'uacme trusts the system store only; a private one needs root (unshare --mount)'
    return access(SYSTEM_BUNDLE).then(
      () => null,
      () => `there is no ${SYSTEM_BUNDLE} to lay the test's root over`,
    )
  },
  async issue(surroundings, wish) {
    const registered = await run(surroundings, wish, '--yes', 'new')
    // Made by an earlier run that ended later on.
    const known = registered.output.includes('Account already exists')
    if (registered.code !== 0 && !known) return registered
    return run(surroundings, wish, 'issue', wish.name)
  },
  renew: (surroundings, wish) => run(surroundings, wish, '--force', 'issue', wish.name),
  revoke: (surroundings, wish) => run(surroundings, wish, 'revoke', uacme.certificate(surroundings, wish)),
  certificate: (surroundings, wish) => path.join(surroundings.folder, 'uacme', baseName(wish), 'cert.pem'),
}
