import { type Client, hasOwnServer, hostOf } from '../client.ts'

export const haproxy: Client = {
  name: 'haproxy',
  title: 'HAProxy (its own ACME)',
  impossible: {
    intercept: "HAProxy's ACME client honours no proxy: use --mode sni, or --mode relay",
  },
  proxyVariables: false,
  httpsProxy: 'no',
  trust: { replacing: [], adding: [], store: false, bundle: true },
  units: [],
  crons: [],
  server: true,
  steps: (enrolment, { bundle }) => [
    {
      do: 'rewrite',
      paths: '/etc/haproxy/haproxy.cfg',
      sed: [
        `/^global/a \\    httpclient.ssl.ca-file ${bundle} # acmetap`,
        ...(hasOwnServer(enrolment)
          ? enrolment.directories.map(
              (directory, at) =>
                `s#^\\( *directory \\)${directory.replace(/[.]/g, '\\.')}$#\\1${enrolment.relayed[at]}#`,
            )
          : []),
      ],
      back: [
        '/ # acmetap$/d',
        ...(hasOwnServer(enrolment)
          ? enrolment.directories.map(
              (directory, at) =>
                `s#^\\( *directory \\)${enrolment.relayed[at]!.replace(/[.]/g, '\\.')}$#\\1${directory}#`,
            )
          : []),
      ],
      why: 'httpclient.ssl.ca-file replaces the pool of its HTTP client, so the bundle holds the system roots too',
    },
  ],
  watch: (enrolment) => [
    ...(enrolment.mode === 'sni'
      ? [
          `It asks the name servers of its own resolvers section and ignores /etc/hosts: those must answer ${enrolment.directories.map(hostOf).join(', ')} with acmetap's address.`,
        ]
      : []),
    'It verifies names only: a CA or relay named by an IP address fails.',
    'HAProxy reads it at a reload: systemctl reload haproxy.',
  ],
  schedule: 'at 1/12 of life left, then every 12 hours; within an attempt 5 tries',
  container: null,
  platform: 'posix',
}
