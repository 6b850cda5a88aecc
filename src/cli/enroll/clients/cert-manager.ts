import { type Client, hasOwnServer } from '../client.ts'

export const certManager: Client = {
  name: 'cert-manager',
  title: 'cert-manager',
  impossible: {
    sni: "in a cluster the CA's name is led to acmetap by CoreDNS, not by the client: set that up there, and apply --mode intercept without its Deployment for the Issuer's caBundle",
  },
  proxyVariables: true,
  httpsProxy: 'no',
  trust: { replacing: [], adding: [], store: false },
  units: [],
  crons: [],
  server: false,
  steps: () => [],
  watch: (enrolment) => [
    'The variables go to the controller only; webhook and cainjector talk to the API server and need none.',
    "NO_PROXY must hold the service network and the API server's address (kubectl cluster-info), or the controller loses the cluster. Its http-01 self-check is plain http:// and not concerned.",
    "caBundle on the Issuer replaces the pool for that Issuer's CA alone; DNS-01 providers keep the image's roots and go through the proxy: list their hosts under intercept.other_hosts.",
    ...(hasOwnServer(enrolment)
      ? ['A changed server makes cert-manager register a new account with the key in privateKeySecretRef.']
      : []),
  ],
  schedule: 'at the renewal time; after a failed issuance 1, 2, 4 … 32 hours',
  container: {
    kind: 'Deployment',
    namespace: 'cert-manager',
    name: 'cert-manager',
    container: 'cert-manager-controller',
  },
  platform: 'kubernetes',
}
