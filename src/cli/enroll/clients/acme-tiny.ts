import { type Client, hasOwnServer } from '../client.ts'

export const acmeTiny: Client = {
  name: 'acme-tiny',
  title: 'acme-tiny',
  impossible: {},
  proxyVariables: true,
  httpsProxy: 'no',
  trust: { replacing: ['SSL_CERT_FILE'], adding: [], store: false },
  units: ['acme-tiny.service'],
  crons: ['/etc/cron.d/acme-tiny'],
  server: false,
  steps: () => [],
  watch: (enrolment, { run }) => [
    `By hand: ${run} acme-tiny …`,
    'SSL_CERT_FILE replaces the whole pool, so the bundle holds the system roots too.',
    'It fetches its own challenge file over http:// before it asks the CA; NO_PROXY does not matter for that, HTTP_PROXY would.',
    ...(hasOwnServer(enrolment)
      ? [`Its server is on its command line: acme-tiny --directory-url ${enrolment.relayed[0]}`]
      : []),
  ],
  schedule: 'as its cron line says; its documentation recommends once a month',
  container: { kind: 'CronJob', namespace: 'default', name: 'acme-tiny', container: 'acme-tiny' },
  platform: 'posix',
}
