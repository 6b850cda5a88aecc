/** Libraries: the program that uses one is the operator's, so its unit is named with ACMETAP_UNITS. */
import { type Client, hasOwnServer } from '../client.ts'

const program = (run: string) =>
  `By hand: ${run} your-program … For a service: ACMETAP_UNITS=your-program.service before sh.`

export const nodeAcmeClient: Client = {
  name: 'node-acme-client',
  title: 'acme-client for Node',
  impossible: {},
  proxyVariables: true,
  httpsProxy: 'bundle',
  trust: { replacing: [], adding: ['NODE_EXTRA_CA_CERTS'], store: false },
  units: [],
  crons: [],
  server: true,
  steps: () => [],
  watch: (enrolment, { run }) => [
    program(run),
    'NODE_EXTRA_CA_CERTS adds to the roots that Node carries; the system store is not read. Node reads it when it starts.',
    "The variables touch the whole process: axios honours them for every request, Node's own fetch does not.",
    ...(hasOwnServer(enrolment) ? [`Set directoryUrl to ${enrolment.relayed[0]}.`] : []),
  ],
  schedule: 'as the program says',
  container: { kind: 'Deployment', namespace: 'default', name: 'your-program', container: 'your-program' },
  platform: 'posix',
}

export const pythonAcme: Client = {
  ...nodeAcmeClient,
  name: 'python3-acme',
  title: 'acme for Python',
  trust: { replacing: ['REQUESTS_CA_BUNDLE'], adding: [], store: false },
  watch: (enrolment, { run }) => [
    program(run),
    'REQUESTS_CA_BUNDLE replaces the whole pool for every use of requests in the process; the bundle holds the system roots too.',
    ...(hasOwnServer(enrolment) ? [`Give the directory ${enrolment.relayed[0]}.`] : []),
  ],
}

export const rubyAcmeClient: Client = {
  ...nodeAcmeClient,
  name: 'ruby-acme-client',
  title: 'acme-client for Ruby',
  httpsProxy: 'no',
  trust: { replacing: ['SSL_CERT_FILE'], adding: [], store: false },
  watch: (enrolment, { run }) => [
    program(run),
    'SSL_CERT_FILE replaces the whole pool of the process; the bundle holds the system roots too.',
    "Net::HTTP resolves the CA's name itself and passes the proxy by, silently, where that gives 127.0.0.0/8 or ::1.",
    ...(hasOwnServer(enrolment) ? [`Set directory: to ${enrolment.relayed[0]}.`] : []),
  ],
}
