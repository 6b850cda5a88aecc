import { type Client, hasOwnServer } from '../client.ts'

export const uacme: Client = {
  name: 'uacme',
  title: 'uacme',
  impossible: {},
  proxyVariables: true,
  httpsProxy: 'store',
  trust: { replacing: [], adding: [], store: true },
  units: ['uacme.service'],
  crons: ['/etc/cron.d/uacme'],
  server: false,
  steps: () => [],
  watch: (enrolment, { run }) => [
    // Elsewhere it gets no variables, and so no wrapper.
    ...(enrolment.mode === 'intercept' ? [`By hand: ${run} uacme …`] : []),
    "It trusts the system's store and nothing else, so the root goes there, for every program of this machine. Its name constraints keep it to the CA's names.",
    ...(hasOwnServer(enrolment)
      ? [
          `Its server is on its command line: uacme --acme-url ${enrolment.relayed[0]}; run uacme new there once.`,
        ]
      : []),
  ],
  schedule: 'as its cron line says; its documentation recommends once a day',
  container: { kind: 'CronJob', namespace: 'default', name: 'uacme', container: 'uacme' },
  platform: 'posix',
}
