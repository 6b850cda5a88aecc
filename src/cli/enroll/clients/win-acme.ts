import { type Client, hasOwnServer } from '../client.ts'

export const winAcme: Client = {
  name: 'win-acme',
  title: 'win-acme',
  impossible: {},
  proxyVariables: false,
  httpsProxy: 'no',
  trust: { replacing: [], adding: [], store: true },
  units: [],
  crons: [],
  server: false,
  steps: () => [],
  watch: (enrolment) => [
    'Run as administrator, in the folder of wacs.exe. Proxy.Url in settings.json carries the proxy for win-acme alone; Windows has no other place for it.',
    'The root goes into LocalMachine\\Root, which every program of the machine reads. Its name constraints keep it to the names of the CA.',
    ...(hasOwnServer(enrolment)
      ? ['Renewals remember no server: Acme.DefaultBaseUri counts for all of them. A new account is made.']
      : []),
  ],
  schedule: 'daily by its scheduled task at 09:00, up to 4 hours later',
  container: null,
  platform: 'windows',
}
