import { type Client, hasOwnServer, toRelay } from '../client.ts'

export const acmeSh: Client = {
  name: 'acme.sh',
  title: 'acme.sh',
  impossible: {},
  proxyVariables: true,
  httpsProxy: 'store',
  trust: { replacing: ['CURL_CA_BUNDLE', 'CA_BUNDLE', 'SSL_CERT_FILE'], adding: [], store: false },
  units: [],
  crons: [],
  server: false,
  steps: (enrolment, { env }) => [
    {
      do: 'block',
      path: '$HOME/.acme.sh/account.conf',
      at: 'end',
      text: `set -a\n. ${env}\nset +a\n`,
    },
    ...(hasOwnServer(enrolment)
      ? [
          {
            do: 'rewrite' as const,
            paths: '$HOME/.acme.sh/*/*.conf',
            ...toRelay(enrolment, "^\\(Le_API='\\)", "\\('\\)$"),
            why: 'existing certificates renew at the Le_API of their own file',
          },
        ]
      : []),
  ],
  watch: (enrolment) => [
    'It sources account.conf at every run, so its cron line stays as it is. Run this as the user whose ~/.acme.sh it is (sudo -H for root).',
    'Where it uses wget instead of curl, it needs the root in the system store.',
    ...(hasOwnServer(enrolment)
      ? [`New certificates: acme.sh --issue --server ${enrolment.relayed[0]} …`]
      : ['Le_API of existing certificates stays as it is: the CA keeps its URL.']),
    ...(enrolment.mode === 'intercept'
      ? [
          'DNS APIs are reached through the same proxy, and api.zerossl.com for ZeroSSL: list them under intercept.other_hosts.',
        ]
      : []),
  ],
  schedule: 'daily by its cron line',
  container: { kind: 'CronJob', namespace: 'default', name: 'acme-sh', container: 'acme-sh' },
  platform: 'posix',
}
