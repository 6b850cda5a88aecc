import { type Client, hasOwnServer } from '../client.ts'

export const dehydrated: Client = {
  name: 'dehydrated',
  title: 'dehydrated',
  impossible: {},
  proxyVariables: true,
  httpsProxy: 'store',
  trust: { replacing: ['CURL_CA_BUNDLE'], adding: [], store: false },
  units: [],
  crons: [],
  server: false,
  steps: (enrolment, { env }) => [
    {
      do: 'file',
      path: '/etc/dehydrated/conf.d/acmetap.sh',
      text: [
        '# Made by acmetap enroll: dehydrated reads this beside its config.',
        'set -a',
        `. ${env}`,
        'set +a',
        ...(hasOwnServer(enrolment) ? [`CA="${enrolment.relayed[0]}"`] : []),
        '',
      ].join('\n'),
    },
  ],
  watch: (enrolment) => [
    'Its config must name the folder: CONFIG_D=/etc/dehydrated/conf.d, as the Debian package has it.',
    'CURL_CA_BUNDLE replaces the whole pool, so the bundle holds the system roots too. Its hooks inherit the variables.',
    ...(hasOwnServer(enrolment)
      ? ['It keeps accounts by CA: run once dehydrated --register --accept-terms.']
      : ['CA= in its config stays as it is.']),
  ],
  schedule: 'as its cron line says; its documentation recommends once a day',
  container: { kind: 'CronJob', namespace: 'default', name: 'dehydrated', container: 'dehydrated' },
  platform: 'posix',
}
