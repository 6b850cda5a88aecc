import { type Client, type Enrolment, hasOwnServer, type Step, toRelay } from '../client.ts'

/** `server =` of every lineage; the account belongs to the server, so certbot must look for another. */
export function lineages(enrolment: Enrolment): Step[] {
  if (!hasOwnServer(enrolment)) return []
  const { sed, back } = toRelay(enrolment, '^\\(server *= *\\)', '\\( *\\)$')
  return [
    {
      do: 'rewrite',
      paths: '/etc/letsencrypt/renewal/*.conf',
      sed: [...sed, 's/^account *= */# acmetap kept: &/'],
      back: [...back, '/^account *=/d', 's/^# acmetap kept: //'],
      why: 'existing lineages renew at the server in their renewal file; an account belongs to one server',
    },
    {
      do: 'block',
      path: '/etc/letsencrypt/cli.ini',
      at: 'end',
      text: `server = ${enrolment.relayed[0]}\nagree-tos = true\n`,
    },
  ]
}

export function watchCertbot(run: string, enrolment: Enrolment): string[] {
  return [
    `By hand: ${run} certbot certonly … (sudo drops variables: put the wrapper after sudo).`,
    'REQUESTS_CA_BUNDLE replaces the whole pool, so the bundle holds the system roots too.',
    ...(hasOwnServer(enrolment)
      ? [
          'Without an account at the new server certbot registers one at the next renewal; with --email or --register-unsafely-without-email in cli.ini it does so unattended.',
        ]
      : ['Renewal files stay as they are: the CA keeps its URL.']),
    ...(enrolment.mode === 'intercept'
      ? ['DNS plug-ins reach their API through the same proxy: list it under intercept.other_hosts.']
      : []),
  ]
}

export const certbot: Client = {
  name: 'certbot',
  title: 'certbot (distribution package)',
  impossible: {},
  proxyVariables: true,
  httpsProxy: 'bundle',
  trust: { replacing: ['REQUESTS_CA_BUNDLE'], adding: [], store: false },
  units: ['certbot.service'],
  crons: ['/etc/cron.d/certbot'],
  server: false,
  steps: lineages,
  watch: (enrolment, { run }) => watchCertbot(run, enrolment),
  schedule: 'twice a day by its timer or cron line',
  container: { kind: 'CronJob', namespace: 'default', name: 'certbot', container: 'certbot' },
  platform: 'posix',
}
