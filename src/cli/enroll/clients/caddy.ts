import { type Client, hasOwnServer } from '../client.ts'

export const caddy: Client = {
  name: 'caddy',
  title: 'Caddy',
  impossible: {},
  proxyVariables: true,
  httpsProxy: 'bundle',
  trust: { replacing: ['SSL_CERT_FILE'], adding: [], store: false },
  units: ['caddy.service'],
  crons: [],
  server: true,
  steps: (enrolment) =>
    hasOwnServer(enrolment)
      ? [
          {
            do: 'rewrite',
            paths: '/etc/caddy/Caddyfile',
            sed: globalOption(`acme_ca ${enrolment.relayed[0]}`),
            back: ['/^{ # acmetap begin$/,/^} # acmetap end$/d', '/ # acmetap$/d'],
            why: 'acme_ca is a global option: it goes into the global block where that is the first line, else into a block of its own',
          },
        ]
      : [],
  watch: (enrolment) => [
    ...(enrolment.mode === 'intercept'
      ? [
          'The proxy variables touch the whole process: reverse_proxy to https:// upstreams uses them too. List internal upstreams in NO_PROXY, and what must still go out under intercept.other_hosts (DNS provider APIs, api.zerossl.com, ocsp responders of certificates it staples).',
        ]
      : []),
    'SSL_CERT_FILE replaces the pool of the whole process; the bundle holds the system roots too.',
    ...(enrolment.mode === 'intercept'
      ? ['It never sends a CA on localhost or 127.0.0.0/8 through a proxy: give such a CA a name.']
      : []),
    'It reads variables when it starts: systemctl restart caddy.',
  ],
  schedule:
    'looks every 10 minutes; after a failure 1, 2, 2, 5, 10 … minutes, then up to every 6 hours for 30 days',
  container: { kind: 'Deployment', namespace: 'default', name: 'caddy', container: 'caddy' },
  platform: 'posix',
}

/** One option of the global block (`{` alone on the first line), or a global block where there is none. */
function globalOption(option: string): string[] {
  return [
    '1{',
    '/^{[[:space:]]*$/{',
    'a\\',
    `\\\t${option} # acmetap`,
    'b',
    '}',
    'i\\',
    '{ # acmetap begin\\',
    `\t${option}\\`,
    '} # acmetap end',
    '}',
  ]
}
