import { type Client, hasOwnServer } from '../client.ts'

export const traefik: Client = {
  name: 'traefik',
  title: 'Traefik',
  impossible: {},
  proxyVariables: true,
  httpsProxy: 'bundle',
  trust: { replacing: ['LEGO_CA_CERTIFICATES', 'SSL_CERT_FILE'], adding: [], store: false },
  units: ['traefik.service'],
  crons: [],
  server: true,
  steps: () => [],
  watch: (enrolment) => [
    ...(enrolment.mode === 'intercept'
      ? [
          'The proxy variables touch the whole process: its forwarding to https:// services and its providers (Docker, Consul, Kubernetes, HTTP) use them too. List those in NO_PROXY, and DNS provider APIs under intercept.other_hosts.',
        ]
      : []),
    'LEGO_CA_CERTIFICATES replaces the pool for the CA, SSL_CERT_FILE for the whole process; both get the bundle with the system roots.',
    ...(hasOwnServer(enrolment)
      ? [
          `Set certificatesResolvers.<name>.acme.caServer to ${enrolment.relayed[0]} in its static configuration; remove the resolver's account from acme.json, or it will not register anew.`,
        ]
      : ['acme.json stays as it is: the CA keeps its URL.']),
    'It reads variables when it starts: systemctl restart traefik.',
  ],
  schedule: 'every 24 hours for 90-day certificates, more often for shorter ones; and at each start',
  container: { kind: 'Deployment', namespace: 'traefik', name: 'traefik', container: 'traefik' },
  platform: 'posix',
}
