import path from 'node:path'
import { type AcmeClient, HOOK, needs, runClient, type Surroundings, type Wish } from './client.ts'

function run(surroundings: Surroundings, wish: Wish, ...verb: string[]) {
  const challenge =
    wish.method === 'http-01'
      ? ['--http', '--http.webroot', surroundings.webroot]
      : ['--dns', 'exec', '--dns.disable-cp']
  return runClient(
    'lego',
    [
      ...['--server', surroundings.directory],
      ...['--path', path.join(surroundings.folder, 'lego')],
      ...['--accept-tos', '--email', 'operator@example.test'],
      ...challenge,
      ...['--domains', wish.name],
      ...verb,
    ],
    surroundings,
    { LEGO_CA_CERTIFICATES: surroundings.trust, EXEC_PATH: HOOK },
  )
}

export const lego: AcmeClient = {
  name: 'lego',
  survivesBadNonce: true,
  missing: () => needs('lego', 'curl'),
  issue: (surroundings, wish) => run(surroundings, wish, 'run'),
  // Without it a run without a terminal sleeps up to eight minutes first.
  renew: (surroundings, wish) => run(surroundings, wish, 'renew', '--days', '10000', '--no-random-sleep'),
  revoke: (surroundings, wish) => run(surroundings, wish, 'revoke', '--keep'),
  certificate: (surroundings, wish) =>
    path.join(surroundings.folder, 'lego', 'certificates', `${wish.name.replace('*', '_')}.crt`),
}
