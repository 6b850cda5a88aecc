/** How the engine answers challenges: each solver has a name and is one of these kinds. */
import { z } from 'zod'
import { key } from './key.ts'
import { duration, httpUrl, ipAddress, isDnsName, path, port, resolver, secret } from './values.ts'

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: examples show this very syntax
const name = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,31}$/, 'must be 1 to 32 lower-case letters, digits or hyphens, first a letter')

const dnsName = (what: string) => z.string().refine(isDnsName, `must be ${what}: a DNS name in lower case`)

const trust = key(
  path().optional(),
  'PEM file of the roots that may sign its TLS certificate.',
  './dns-api.pem',
)

/** `what` and `what_file`. */
function secretKey<Name extends string>(name: Name, description: string, example: string) {
  return {
    [name]: key(
      secret().optional(),
      `${description} Write it as \${NAME} to take it from the environment.`,
      example,
    ),
    [`${name}_file`]: key(path().optional(), `File whose first line is that ${name}.`, `./${name}`),
  } as Record<Name, z.ZodOptional<z.ZodString>> & Record<`${Name}_file`, z.ZodOptional<z.ZodString>>
}

const endpoint = (usual: string) =>
  key(httpUrl().default(usual), 'Where its API is, where that is not the usual place.')

/** What a command may have in its environment beside a clean one; values are secrets. */
const environment = key(
  z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be a name of a variable'), secret())
    .default({}),
  'Variables for it, beside PATH and HOME. Everything else is left out.',
  'TOKEN: ${TOKEN}',
)

const timeout = (usual: string) =>
  key(duration('1s', '1h').prefault(usual), 'How long one call of it may take.')

const listener = (what: string, number: number) =>
  z.strictObject({
    address: key(ipAddress().default('127.0.0.1'), `IP address to listen on for ${what}.`),
    port: key(port(0).default(number), `TCP port. The CA connects to port ${number}: lead that here.`),
  })

const http = z.strictObject({
  ...listener('http-01', 80).shape,
  redirect: key(
    httpUrl().optional(),
    'Where other requests are sent to, path and query added. Without it they get 404.',
    'https://www.example.net',
  ),
})

export const solver = z.strictObject({
  name: key(name, 'Its name, for challenges and certificates to refer to.', 'web'),
  http: key(http.optional(), 'http-01: answers on a port of its own, for nothing but open challenges.'),
  webroot: key(
    z
      .strictObject({
        folder: key(
          path(),
          'Root of the web site; files go to .well-known/acme-challenge below it.',
          './html',
        ),
      })
      .optional(),
    'http-01: writes files that a web server serves.',
  ),
  stateless: key(
    z
      .strictObject({
        probe: key(
          z.boolean().default(true),
          'Ask the site for an answer first, so that a missing line is told before an attempt is spent.',
        ),
      })
      .optional(),
    'http-01: the site answers by one line in its configuration (acmetap engine accounts stateless).',
  ),
  tls_alpn: key(listener('tls-alpn-01', 443).optional(), 'tls-alpn-01: answers on a port of its own.'),
  rfc2136: key(
    z
      .strictObject({
        server: key(
          z
            .string()
            .regex(
              /^(?:\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::\d{1,5})?$/,
              'must be a name or address, with :port where it is not 53',
            ),
          'Primary DNS server that takes updates.',
          'ns1.example.net',
        ),
        zone: key(
          dnsName('a zone').optional(),
          'Zone to update; without it the one that holds the name is looked up.',
          'example.net',
        ),
        key_name: key(
          dnsName('the name of a key').optional(),
          'Name of the TSIG key (RFC 8945).',
          'acmetap.example.net',
        ),
        key_algorithm: key(
          z
            .enum(['hmac-sha224', 'hmac-sha256', 'hmac-sha384', 'hmac-sha512', 'hmac-sha1'])
            .default('hmac-sha256'),
          'Its algorithm.',
        ),
        ...secretKey('secret', 'The TSIG key, base64.', '${TSIG_SECRET}'),
        timeout: timeout('15s'),
      })
      .optional(),
    'DNS updates (RFC 2136): BIND, Knot, PowerDNS.',
  ),
  responder: key(
    z.strictObject({}).optional(),
    'The DNS responder of engine.dns: for names whose _acme-challenge is a CNAME into its zone.',
  ),
  exec: key(
    z
      .strictObject({
        command: key(
          path(),
          'Program that is called with present or cleanup, the name and the value.',
          './dns-update',
        ),
        mode: key(
          z.enum(['default', 'raw']).default('default'),
          'default: name and value of the record. raw: domain, token and key authorization.',
        ),
        environment,
        timeout: timeout('2m'),
      })
      .optional(),
    "A program of yours, called as lego's exec provider calls it.",
  ),
  httpreq: key(
    z
      .strictObject({
        endpoint: key(
          httpUrl(),
          'Base URL; /present and /cleanup are added.',
          'https://dns.example.net/acme',
        ),
        mode: key(
          z.enum(['default', 'raw']).default('default'),
          'default: fqdn and value. raw: domain, token and keyAuth.',
        ),
        username: key(z.string().min(1).optional(), 'User name (Basic).', 'acmetap'),
        ...secretKey('password', 'Its password.', '${HTTPREQ_PASSWORD}'),
        trust,
        timeout: timeout('30s'),
      })
      .optional(),
    "A service of yours, called as lego's httpreq provider calls it.",
  ),
  acme_sh: key(
    z
      .strictObject({
        script: key(
          z.string().regex(/^dns_[a-z0-9_]+$/, 'must be the name of a script, like dns_cf'),
          'Script of its dnsapi folder, without .sh.',
          'dns_cf',
        ),
        folder: key(
          path().optional(),
          'Where acme.sh is installed. Without it ~/.acme.sh and the usual places are looked at.',
          './acme.sh',
        ),
        environment,
        timeout: timeout('5m'),
      })
      .optional(),
    'A dnsapi script of acme.sh: 150 DNS providers.',
  ),
  cloudflare: key(
    z
      .strictObject({
        ...secretKey('token', 'API token that may edit DNS of the zone.', '${CLOUDFLARE_TOKEN}'),
        endpoint: endpoint('https://api.cloudflare.com/client/v4'),
        trust,
      })
      .optional(),
    'Cloudflare.',
  ),
  route53: key(
    z
      .strictObject({
        access_key_id: key(z.string().min(1).optional(), 'Access key id.', 'AKIAIOSFODNN7EXAMPLE'),
        ...secretKey('secret_access_key', 'Its secret.', '${AWS_SECRET_ACCESS_KEY}'),
        ...secretKey('session_token', 'Token of a temporary key.', '${AWS_SESSION_TOKEN}'),
        hosted_zone: key(
          z
            .string()
            .regex(/^[A-Z0-9]{1,32}$/, 'must be the id of a hosted zone')
            .optional(),
          'Id of the hosted zone; without it the one that holds the name is looked up.',
          'Z3M3LMPEXAMPLE',
        ),
        endpoint: endpoint('https://route53.amazonaws.com'),
        trust,
      })
      .optional(),
    'Amazon Route 53.',
  ),
  google: key(
    z
      .strictObject({
        credentials: key(
          path(),
          'JSON file of a service account that may change DNS records.',
          './google.json',
        ),
        project: key(
          z.string().min(1).optional(),
          'Project; without it that of the service account.',
          'my-project',
        ),
        endpoint: endpoint('https://dns.googleapis.com'),
        trust,
      })
      .optional(),
    'Google Cloud DNS.',
  ),
  azure: key(
    z
      .strictObject({
        tenant: key(z.string().min(1), 'Tenant id.', '11111111-1111-1111-1111-111111111111'),
        client_id: key(z.string().min(1), 'Application id.', '22222222-2222-2222-2222-222222222222'),
        ...secretKey('client_secret', 'Secret of the application.', '${AZURE_CLIENT_SECRET}'),
        subscription: key(z.string().min(1), 'Subscription id.', '33333333-3333-3333-3333-333333333333'),
        resource_group: key(z.string().min(1), 'Resource group of the zone.', 'dns'),
        login: key(httpUrl().default('https://login.microsoftonline.com'), 'Where tokens come from.'),
        endpoint: endpoint('https://management.azure.com'),
        trust,
      })
      .optional(),
    'Azure DNS.',
  ),
  digitalocean: key(
    z
      .strictObject({
        ...secretKey('token', 'API token.', '${DIGITALOCEAN_TOKEN}'),
        endpoint: endpoint('https://api.digitalocean.com/v2'),
        trust,
      })
      .optional(),
    'DigitalOcean.',
  ),
  hetzner: key(
    z
      .strictObject({
        ...secretKey('token', 'API token.', '${HETZNER_TOKEN}'),
        api: key(
          z.enum(['cloud', 'dns']).default('cloud'),
          'cloud: DNS of the Cloud console. dns: the older DNS console.',
        ),
        endpoint: key(
          httpUrl().optional(),
          'Where its API is, where that is not the usual place.',
          'https://api.hetzner.cloud/v1',
        ),
        trust,
      })
      .optional(),
    'Hetzner.',
  ),
  ovh: key(
    z
      .strictObject({
        application_key: key(z.string().min(1), 'Application key.', 'xxxxxxxxxxxxxxxx'),
        ...secretKey('application_secret', 'Its secret.', '${OVH_APPLICATION_SECRET}'),
        ...secretKey('consumer_key', 'Consumer key.', '${OVH_CONSUMER_KEY}'),
        endpoint: endpoint('https://eu.api.ovh.com/1.0'),
        trust,
      })
      .optional(),
    'OVHcloud.',
  ),
  desec: key(
    z
      .strictObject({
        ...secretKey('token', 'API token.', '${DESEC_TOKEN}'),
        endpoint: endpoint('https://desec.io/api/v1'),
        trust,
      })
      .optional(),
    'deSEC.',
  ),
  persist: key(
    z.strictObject({}).optional(),
    'dns-persist-01: one record that stays (acmetap engine accounts persist). It is checked before an attempt is spent.',
  ),
  type: key(
    z.enum(['dns-01', 'dns-account-01']).default('dns-01'),
    'What solvers that write DNS records answer: dns-01, or dns-account-01 where the CA offers it.',
  ),
  ttl: key(
    z.int('must be a whole number').min(1, 'must be 1 to 86400').max(86400, 'must be 1 to 86400').default(60),
    'Seconds that DNS records may be kept by others.',
  ),
  propagation: key(
    z
      .strictObject({
        check: key(
          z.enum(['authoritative', 'resolvers', 'none']).default('authoritative'),
          'Whom to ask before the CA is told: every authoritative server, the resolvers, or nobody.',
        ),
        resolvers: key(
          z.array(resolver()).default([]),
          "DNS servers that find the authoritative ones, or are asked themselves. Empty: the system's.",
          ['192.0.2.53'],
        ),
        timeout: key(duration('1s', '1d').prefault('5m'), 'How long to wait for it.'),
        interval: key(duration('100ms', '10m').prefault('2s'), 'How often to ask.'),
        delay: key(
          duration('0s', '1h').prefault('0s'),
          'How long to wait beyond that, for servers that nobody can ask.',
        ),
      })
      .prefault({}),
    'Waiting until DNS records can be seen.',
  ),
})
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: examples show this very syntax

export type SolverConfig = z.output<typeof solver>

/** What a solver can be; exactly one of them. */
export const SOLVER_KINDS = [
  'http',
  'webroot',
  'stateless',
  'tls_alpn',
  'rfc2136',
  'responder',
  'exec',
  'httpreq',
  'acme_sh',
  'cloudflare',
  'route53',
  'google',
  'azure',
  'digitalocean',
  'hetzner',
  'ovh',
  'desec',
  'persist',
] as const
export type SolverKind = (typeof SOLVER_KINDS)[number]

/** Of each kind its secrets: `key` or `key_file`. */
export const SOLVER_SECRETS = [
  { kind: 'rfc2136', key: 'secret', needed: false },
  { kind: 'httpreq', key: 'password', needed: false },
  { kind: 'cloudflare', key: 'token', needed: true },
  { kind: 'route53', key: 'secret_access_key', needed: true },
  { kind: 'route53', key: 'session_token', needed: false },
  { kind: 'azure', key: 'client_secret', needed: true },
  { kind: 'digitalocean', key: 'token', needed: true },
  { kind: 'hetzner', key: 'token', needed: true },
  { kind: 'ovh', key: 'application_secret', needed: true },
  { kind: 'ovh', key: 'consumer_key', needed: true },
  { kind: 'desec', key: 'token', needed: true },
] as const satisfies readonly { kind: SolverKind; key: string; needed: boolean }[]
