import { type Client, hasOwnServer } from '../client.ts'

export const lego: Client = {
  name: 'lego',
  title: 'lego',
  impossible: {},
  proxyVariables: true,
  httpsProxy: 'bundle',
  trust: { replacing: ['LEGO_CA_CERTIFICATES', 'SSL_CERT_FILE'], adding: [], store: false },
  units: ['lego.service'],
  crons: ['/etc/cron.d/lego'],
  server: false,
  steps: () => [],
  watch: (enrolment, { run }) => [
    `By hand: ${run} lego …`,
    'LEGO_CA_CERTIFICATES replaces the pool for the CA, SSL_CERT_FILE for the proxy and DNS APIs; both get the bundle.',
    ...(hasOwnServer(enrolment)
      ? [
          `Its server is on its command line alone: use lego --server ${enrolment.relayed[0]} in the unit or cron line. It registers an account there; certificates stay.`,
        ]
      : ['It never sends a CA on localhost or 127.0.0.0/8 through a proxy: give such a CA a name.']),
    ...(enrolment.mode === 'intercept'
      ? ['DNS providers are reached through the same proxy: list their hosts under intercept.other_hosts.']
      : []),
    ...(enrolment.mode === 'broker' && enrolment.eab !== null
      ? ['It wants --eab, --kid and --hmac with every command, renew and revoke too.']
      : []),
  ],
  schedule: 'as its cron line or timer says; its documentation recommends once a day',
  container: { kind: 'CronJob', namespace: 'default', name: 'lego', container: 'lego' },
  platform: 'posix',
}
