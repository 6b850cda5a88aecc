import { type Client, hasOwnServer } from '../client.ts'

export const lacme: Client = {
  name: 'lacme',
  title: 'lacme',
  impossible: {
    intercept: 'lacme clears its environment and honours no proxy: use --mode sni, or --mode relay',
  },
  proxyVariables: false,
  httpsProxy: 'no',
  trust: { replacing: [], adding: [], store: true },
  units: [],
  crons: [],
  server: false,
  steps: (enrolment) =>
    hasOwnServer(enrolment)
      ? [
          {
            do: 'rewrite',
            paths: '/etc/lacme/lacme.conf',
            sed: [`/^\\[client\\]/a server = ${enrolment.relayed[0]}`, 's/^server *=/# acmetap kept: &/'],
            back: [
              `/^server = ${enrolment.relayed[0]!.replace(/[./]/g, '\\$&')}$/d`,
              's/^# acmetap kept: //',
            ],
            why: 'its server is in its configuration',
          },
        ]
      : [],
  watch: () => [
    "It trusts the system's store and nothing else, so the root goes there, for every program of this machine. Its name constraints keep it to the CA's names.",
    'lacme newOrder reads its account from the server: run lacme account --register once where the server is new.',
  ],
  schedule: 'as its cron line says; its documentation recommends once a day',
  container: null,
  platform: 'posix',
}
