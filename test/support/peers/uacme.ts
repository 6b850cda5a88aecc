import { once } from 'node:events'
import { chmod } from 'node:fs/promises'
import { connect } from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cleanEnvironment, startDaemon } from '../../../src/cli/demo/child.ts'
import { baseName, HOOK, needs, runClient, type Surroundings, type WholeClient, type Wish } from './client.ts'
import { reasonWithoutSystemStore } from './overlay.ts'

function run(surroundings: Surroundings, wish: Wish, ...args: string[]) {
  return runClient(
    'uacme',
    [
      ...['--verbose', '--acme-url', surroundings.directory],
      ...['--confdir', path.join(surroundings.folder, 'uacme'), '--hook', HOOK],
      ...args,
    ],
    surroundings,
    { HOOK_METHOD: wish.method, HOOK_ALPN: alpnSocket(surroundings) },
    { trustsSystemStore: true },
  )
}

const alpnSocket = (surroundings: Surroundings): string => path.join(surroundings.folder, 'ualpn.sock')

/** Issue, for tls-alpn-01 beside ualpn: uacme's own responder. */
async function sign(surroundings: Surroundings, wish: Wish, ...options: string[]) {
  const issue = () => run(surroundings, wish, ...options, 'issue', wish.name)
  if (wish.method !== 'tls-alpn-01' || surroundings.listens === undefined) return issue()
  const { folder, listens } = surroundings
  // It gives up root's rights before it makes its socket, and by default one pid file lets no second one run.
  await chmod(folder, 0o777)
  const bind = `${listens.address}@${listens.tlsPort}`
  const responder = startDaemon(
    'ualpn',
    [
      '--bind',
      bind,
      '--connect',
      `${listens.address}@9`,
      '--sock',
      alpnSocket(surroundings),
      '--pidfile',
      path.join(folder, 'ualpn.pid'),
      '--sock-mode',
      '666',
    ],
    { environment: cleanEnvironment(folder), folder },
  )
  try {
    if (!(await listening(alpnSocket(surroundings)))) return { code: 1, output: `ualpn: ${responder.log()}` }
    return await issue()
  } finally {
    await responder.stop()
  }
}

/** True when something listens at that socket, false when nothing does for 30 seconds. */
async function listening(socketPath: string): Promise<boolean> {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    const socket = connect(socketPath)
    const open = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (open) return true
    await sleep(50)
  }
  return false
}

export const uacme: WholeClient = {
  name: 'uacme',
  methods: ['http-01', 'dns-01', 'tls-alpn-01'],
  userAgent: /^uacme/,
  survivesBadNonce: true,
  knowsEab: true,
  missing: async () => (await needs('uacme', 'curl', 'unshare')) ?? reasonWithoutSystemStore('uacme'),
  async issue(surroundings, wish) {
    const { eab } = surroundings
    const binding = eab === undefined ? [] : ['--eab', `${eab.kid}:${eab.mac}`]
    const registered = await run(surroundings, wish, '--yes', ...binding, 'new')
    // Made by an earlier run that ended later on.
    const known = registered.output.includes('Account already exists')
    if (registered.code !== 0 && !known) return registered
    return sign(surroundings, wish)
  },
  renew: (surroundings, wish) => sign(surroundings, wish, '--force'),
  revoke: (surroundings, wish) => run(surroundings, wish, 'revoke', uacme.certificate(surroundings, wish)),
  rollKey: (surroundings, wish) => run(surroundings, wish, 'newkey'),
  deactivate: (surroundings, wish) => run(surroundings, wish, 'deactivate'),
  certificate: (surroundings, wish) => path.join(surroundings.folder, 'uacme', baseName(wish), 'cert.pem'),
}
