import { type Client, hasOwnServer, proxyUrl } from '../client.ts'

export const modMd: Client = {
  name: 'mod_md',
  title: 'Apache mod_md',
  impossible: {},
  proxyVariables: false,
  httpsProxy: 'store',
  trust: { replacing: [], adding: [], store: false, bundle: true },
  units: [],
  crons: [],
  server: true,
  steps: (enrolment, { bundle }) => [
    {
      do: 'file',
      path: '/etc/apache2/conf-enabled/acmetap.conf',
      text: [
        '# Made by acmetap enroll.',
        '<IfModule md_module>',
        ...(enrolment.mode === 'intercept' ? [`  MDHttpProxy ${proxyUrl(enrolment.proxy)}`] : []),
        ...(hasOwnServer(enrolment) ? [`  MDCertificateAuthority ${enrolment.relayed[0]}`] : []),
        `  MDCACertificateFile ${bundle}`,
        '</IfModule>',
        '',
      ].join('\n'),
    },
  ],
  watch: (enrolment) => [
    'MDHttpProxy carries the proxy for mod_md alone; nothing else of Apache is touched.',
    'MDCACertificateFile replaces the pool, so the bundle holds the system roots too. It does not cover an https:// proxy: that root goes into the system store.',
    ...(enrolment.proxy.user === null
      ? []
      : [
          'MDHttpProxy has no place for a password: let the source network of this server identify it instead of a proxy user.',
        ]),
    ...(hasOwnServer(enrolment)
      ? ['An MDCertificateAuthority inside a <MDomain> wins over this one.']
      : ['MDCertificateAuthority stays as it is.']),
    'Apache reads it at a restart: apachectl graceful.',
  ],
  schedule: 'looks twice a day; after a failure 5 s, doubling, up to once a day',
  container: null,
  platform: 'posix',
}
