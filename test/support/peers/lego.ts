import path from 'node:path'
import { HOOK, needs, runClient, type Surroundings, type WholeClient, type Wish } from './client.ts'

function challenge({ webroot, listens, dnsApi, dnsServer }: Surroundings, { method }: Wish): string[] {
  if (method === 'http-01') return ['--http', '--http.webroot', webroot]
  if (method === 'tls-alpn-01') return ['--tls', '--tls.port', `${listens?.address}:${listens?.tlsPort}`]
  const provider = dnsApi === undefined ? 'exec' : 'httpreq'
  return ['--dns', provider, '--dns.disable-cp', '--dns.resolvers', dnsServer]
}

function binding({ eab }: Surroundings): string[] {
  return eab === undefined ? [] : ['--eab', '--kid', eab.kid, '--hmac', eab.mac]
}

function run(surroundings: Surroundings, wish: Wish, ...verb: string[]) {
  const { dnsApi } = surroundings
  return runClient(
    'lego',
    [
      ...['--server', surroundings.directory],
      ...['--path', path.join(surroundings.folder, 'lego')],
      ...['--accept-tos', '--email', 'operator@example.test'],
      ...binding(surroundings),
      ...challenge(surroundings, wish),
      ...['--domains', wish.name],
      ...verb,
    ],
    surroundings,
    {
      LEGO_CA_CERTIFICATES: surroundings.trust,
      EXEC_PATH: HOOK,
      // What lego trusts beside the CA; the variable above is for the CA alone.
      ...(dnsApi === undefined ? {} : { HTTPREQ_ENDPOINT: dnsApi.url, SSL_CERT_FILE: dnsApi.trust }),
    },
  )
}

export const lego: WholeClient = {
  name: 'lego',
  methods: ['http-01', 'dns-01', 'tls-alpn-01'],
  userAgent: /xenolf-acme/,
  survivesBadNonce: true,
  knowsEab: true,
  missing: () => needs('lego', 'curl'),
  issue: (surroundings, wish) => run(surroundings, wish, 'run'),
  // Without it a run without a terminal sleeps up to eight minutes first.
  renew: (surroundings, wish) => run(surroundings, wish, 'renew', '--days', '10000', '--no-random-sleep'),
  revoke: (surroundings, wish) => run(surroundings, wish, 'revoke', '--keep'),
  certificate: (surroundings, wish) =>
    path.join(surroundings.folder, 'lego', 'certificates', `${wish.name.replace('*', '_')}.crt`),
}
