/**
 * src/config declares the configuration once: type, defaults, descriptions, examples and refusals all come
 * from this schema. Keys are spelt in the program as in the file. It reads files and knows no other folder.
 *
 * Every key carries a description; a key without a default carries an example.
 */
import { z } from 'zod'
import { alerts, watch } from './alerts.ts'
import { broker, localCas } from './broker.ts'
import { engine } from './engine.ts'
import { key } from './key.ts'
import { OTHER_HOST_PRESET_NAMES } from './other-host-presets.ts'
import { PACED, PRESET_NAMES } from './presets.ts'
import {
  byteSize,
  directories,
  duration,
  host,
  hostPattern,
  ipAddress,
  nameOrAddress,
  network,
  otherHost,
  path,
  port,
  proxyUrl,
  resolver,
  secret,
  syslogUrl,
} from './values.ts'

const egressProxy = {
  proxy: key(
    proxyUrl().optional(),
    'Proxy on the way out: http://host:port, or https://host:port for TLS to the proxy itself.',
    'http://proxy.example.net:3128',
  ),
  username: key(z.string().min(1).optional(), 'User name for that proxy.', 'acmetap'),
  password: key(
    secret().optional(),
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text is about this very syntax
    'Password for that proxy; write it as ${NAME} to take it from the environment.',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text is about this very syntax
    '${EGRESS_PASSWORD}',
  ),
  password_file: key(path().optional(), 'File whose first line is that password.', './egress.password'),
  no_proxy: key(
    z.array(hostPattern()).default([]),
    'Hosts reached without it: names, *.names (every name below) and networks.',
    ['*.example.net', '10.0.0.0/8'],
  ),
  trust: key(
    path().optional(),
    'PEM file of the roots that may sign the certificate of an https:// proxy.',
    './egress-proxy.pem',
  ),
}

const caEgress = z.strictObject({
  direct: key(z.boolean().default(false), 'Reach this CA without any proxy.'),
  ...egressProxy,
})

const egress = z.strictObject({
  ...egressProxy,
  addresses: key(
    z.array(ipAddress()).default([]),
    'Addresses of this machine to send from. CAs count requests by address, so several carry more. Empty: the system chooses.',
    ['192.0.2.10', '192.0.2.11'],
  ),
  resolvers: key(
    z.array(resolver()).default([]),
    "DNS servers to ask instead of the system's: needed where the system's lead a CA's name to acmetap itself.",
    ['192.0.2.53'],
  ),
})

const rate = z.strictObject({
  rate: key(z.number().positive('must be more than 0'), 'Requests a second from one address.', 20),
  burst: key(z.int('must be a whole number').min(1, 'must be 1 or more'), 'Requests at once.', 10),
})

const ca = z.strictObject({
  directory: key(
    directories(),
    "Directory URL, or a list of them where one host serves several (step-ca's provisioners). A preset can fill it in.",
    'https://localhost:14000/dir',
  ),
  preset: key(
    z.enum(PRESET_NAMES).optional(),
    `What kind of CA it is: ${PRESET_NAMES.join(', ')}.`,
    'pebble',
  ),
  trust: key(
    path().optional(),
    "PEM file of the roots that may sign the CA's TLS certificate. Without it: the roots that Node carries.",
    './pebble.minica.pem',
  ),
  timeout: key(duration('1s', '10m').prefault('60s'), 'How long one request to the CA may take.'),
  addresses: key(
    z.array(ipAddress()).default([]),
    "Addresses to connect to instead of resolving the CA's name: for networks whose DNS leads that name to acmetap.",
    ['192.0.2.80'],
  ),
  pacing: key(
    z.partialRecord(z.enum(PACED), rate).optional(),
    `Rates the CA allows to one address, by endpoint: ${PACED.join(', ')}. Without it: what the preset knows. {} paces nothing.`,
    'newNonce',
  ),
  egress: key(caEgress.optional(), 'How to reach this CA, where that differs from egress.'),
})

const log = z.strictObject({
  level: key(z.enum(['debug', 'info', 'warn', 'error']).default('info'), 'debug, info, warn or error.'),
  format: key(z.enum(['json', 'pretty']).default('json'), 'json: one object per line. pretty: for people.'),
})

const certificate = z.strictObject({
  chain: key(
    path().optional(),
    'PEM file: the certificate of the listener, then its intermediates.',
    './acmetap.chain.pem',
  ),
  key: key(path().optional(), 'PEM file: its private key.', './acmetap.key.pem'),
  managed: key(
    z.string().optional(),
    'Instead of files: the name of a certificate under engine.certificates. Until it is there, one of the listener root serves.',
    'acmetap.example.net',
  ),
})

const clientAddress = z.strictObject({
  from: key(
    z.enum(['connection', 'proxy_protocol', 'x_forwarded_for']).default('connection'),
    'Where the address of a client is read: connection, proxy_protocol or x_forwarded_for.',
  ),
  trusted: key(
    z.array(network()).default([]),
    'Networks of the load balancers that are believed. Needed where from is not connection.',
    ['10.0.0.0/8'],
  ),
})

const acmeListener = z.strictObject({
  address: key(
    ipAddress().default('127.0.0.1'),
    'IP address to listen on; 0.0.0.0 or :: for every interface.',
  ),
  port: key(port(0).default(8443), 'TCP port; 0 takes a free one.'),
  names: key(
    z.array(nameOrAddress()).min(1, 'must hold at least one name').default(['localhost']),
    'DNS names and IP addresses that clients call it by. They go into its certificate.',
  ),
  certificate: key(
    certificate.optional(),
    'Certificate files, read again when they change. Without them: a certificate of its own listener root (acmetap root show).',
  ),
  client_address: key(clientAddress.prefault({}), "Whose word counts for a client's address."),
})

const tunnelledAddress = z.strictObject({
  from: key(
    z.enum(['connection', 'proxy_protocol']).default('connection'),
    'Where the address of a client is read: connection or proxy_protocol.',
  ),
  trusted: key(
    z.array(network()).default([]),
    'Networks of the load balancers that are believed. Needed where from is not connection.',
    ['10.0.0.0/8'],
  ),
})

const proxyUser = z.strictObject({
  name: key(
    z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/, 'must be 1 to 64 letters, digits or ._@-'),
    'User name, which is the label of this group of clients in the record.',
    'cluster-a',
  ),
  password: key(
    secret().optional(),
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text is about this very syntax
    'Its password; write it as ${NAME} to take it from the environment.',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text is about this very syntax
    '${CLUSTER_A_PASSWORD}',
  ),
  password_file: key(path().optional(), 'File whose first line is the password.', './cluster-a.password'),
})

const clients = key(
  z.array(network()).default([]),
  'Networks whose clients are served; all others are turned away. Empty: every network that reaches the port.',
  ['10.0.0.0/8'],
)

const proxyListener = z.strictObject({
  address: key(
    ipAddress().default('127.0.0.1'),
    'IP address to listen on; 0.0.0.0 or :: for every interface.',
  ),
  port: key(port(0).default(3128), 'TCP port; 0 takes a free one. It takes http:// and https:// proxy URLs.'),
  names: key(
    z.array(nameOrAddress()).min(1, 'must hold at least one name').default(['localhost']),
    'DNS names and IP addresses in the certificate for https:// proxy URLs.',
  ),
  certificate: key(
    certificate.optional(),
    'Certificate files for https:// proxy URLs. Without them: a certificate of the listener root.',
  ),
  client_address: key(tunnelledAddress.prefault({}), "Whose word counts for a client's address."),
  clients,
  users: key(z.array(proxyUser).optional(), 'Proxy users. With any, every client must authenticate (Basic).'),
})

const sniListener = z.strictObject({
  address: key(
    ipAddress().default('127.0.0.1'),
    'IP address to listen on; 0.0.0.0 or :: for every interface.',
  ),
  port: key(port(0).default(443), "TCP port: the CA's own, for clients take it from the CA's URL."),
  client_address: key(tunnelledAddress.prefault({}), "Whose word counts for a client's address."),
  clients,
})

const clientCertificates = z.strictObject({
  trust: key(path(), 'PEM file of the roots that sign them.', './operators.pem'),
  required: key(
    z.boolean().default(false),
    'Turn away connections without one. Either way a token is asked for beside it.',
  ),
})

const adminListener = z.strictObject({
  address: key(
    ipAddress().default('127.0.0.1'),
    'IP address to listen on. With another than loopback, switch TLS on.',
  ),
  port: key(port(0).default(9080), 'TCP port; 0 takes a free one.'),
  tls: key(
    z.boolean().default(false),
    'Speak TLS with a certificate of the listener root for names. With certificate it always speaks TLS.',
  ),
  names: key(
    z.array(nameOrAddress()).min(1, 'must hold at least one name').default(['localhost']),
    'DNS names and IP addresses it is called by. They go into its certificate.',
  ),
  certificate: key(certificate.optional(), 'Certificate files, read again when they change.'),
  client_certificates: key(clientCertificates.optional(), 'Certificates of those who connect.'),
  metrics: key(
    z.enum(['open', 'token']).default('open'),
    'Who may read /metrics: everybody who reaches the port, or holders of a token.',
  ),
})

const listeners = z.strictObject({
  acme: key(acmeListener.prefault({}), 'For ACME clients, over TLS.'),
  proxy: key(
    proxyListener.prefault({}),
    'For clients with HTTPS_PROXY. Opened when intercept.cas names a CA.',
  ),
  sni: key(
    sniListener.optional(),
    "For networks that lead a CA's name to acmetap by DNS or routing: takes TLS for the CAs of intercept.cas.",
  ),
  admin: key(adminListener.prefault({}), 'For the API, health and metrics.'),
})

const relay = z.strictObject({
  host: key(
    host(),
    'What clients send as Host, byte for byte: the name, and the port where it is not 443.',
    'localhost:8443',
  ),
  ca: key(z.string(), 'The CA it stands for: a name under cas.', 'pebble'),
})

const intercept = z.strictObject({
  cas: key(
    z.array(z.string()).default([]),
    'CAs whose connections are taken over: names under cas. Their hosts go into the interception root (acmetap root show).',
    ['letsencrypt'],
  ),
  other_hosts: key(
    z.union([z.enum(['refuse', 'tunnel']), z.array(otherHost())]).default('refuse'),
    `What else clients may reach through listener proxy: refuse, tunnel (any public host on 443, blindly), or a list of names, name:port, *.names and presets (${OTHER_HOST_PRESET_NAMES.join(', ')}).`,
    ['api.example.net', 'dns-providers'],
  ),
})

const SINK_FORMATS = ['json', 'amp', 'amp+'] as const

const syslog = z.strictObject({
  url: key(
    syslogUrl(),
    'Where to: udp://host:port, tcp://host:port or tls://host:port (RFC 5424, framed as RFC 6587 counts octets).',
    'tls://logs.example.net:6514',
  ),
  trust: key(path().optional(), 'PEM file of the roots that may sign the server of tls://.', './logs.pem'),
  facility: key(
    z.int('must be a whole number').min(0, 'must be 0 to 23').max(23, 'must be 0 to 23').default(16),
    'Facility number (RFC 5424 §6.2.1); 16 is local0.',
  ),
})

const sinkFile = z.strictObject({
  path: key(path(), 'File that lines are appended to; opened again on SIGHUP.', './audit.json'),
  rotate: key(byteSize('1KiB', '100GiB').prefault('100MiB'), 'Begin a new file at this size.'),
  keep: key(
    z.int('must be a whole number').min(1, 'must be 1 to 1000').max(1000, 'must be 1 to 1000').default(10),
    'How many old files stay: path.1 is the youngest.',
  ),
})

const sink = z.strictObject({
  name: key(
    z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'must be 1 to 32 lower-case letters, digits or hyphens'),
    'Its name: the position it has reached is kept under it.',
    'siem',
  ),
  format: key(
    z.enum(SINK_FORMATS).default('json'),
    "json: everything. amp: KeyChest Amp's lines. amp+: the same with what Amp left out.",
  ),
  from: key(
    z.enum(['now', 'start']).default('now'),
    'Where a sink without a position begins: with the next exchange, or with the first of the record.',
  ),
  file: key(sinkFile.optional(), 'Write to a file.'),
  syslog: key(syslog.optional(), 'Send to a syslog server.'),
  stdout: key(z.literal(true).optional(), 'Write to standard output, where the log goes too.', true),
})

const limits = z.strictObject({
  in_flight: key(
    z
      .int('must be a whole number')
      .min(1, 'must be 1 to 65536')
      .max(65536, 'must be 1 to 65536')
      .default(512),
    'Exchanges at the same time; what comes above it waits for a moment, then gets 503 with Retry-After.',
  ),
  tunnels: key(
    z
      .int('must be a whole number')
      .min(1, 'must be 1 to 65536')
      .max(65536, 'must be 1 to 65536')
      .default(256),
    'Blind tunnels at the same time; what comes above it gets 503.',
  ),
  tunnel_idle: key(duration('1s', '1d').prefault('5m'), 'A tunnel without a byte for so long is closed.'),
  wait: key(
    duration('0s', '25s').prefault('20s'),
    "How long a request may wait for its turn under a CA's rates. Some clients give up after 30 s.",
  ),
})

const kept = (description: string, prefault: string) =>
  key(z.union([z.literal('forever'), duration('1d', '36500d')]).prefault(prefault), description)

const retention = z.strictObject({
  exchanges: kept(
    'Facts of exchanges. Counts of them, and the inventory, stay. forever keeps everything.',
    '400d',
  ),
  bodies: kept('Payloads, signatures and answers, where they are not needed for the inventory.', '400d'),
  personal: kept('Addresses, contacts, proxy users.', '400d'),
})

const handling = (description: string) => key(z.enum(['keep', 'hash', 'drop']).default('keep'), description)

const privacy = z.strictObject({
  address: handling("Clients' addresses."),
  contact: handling('Contacts of accounts; with hash or drop the payloads that hold them are not kept.'),
  proxy_user: handling('Proxy users.'),
  user_agent: handling('User-Agent fields. With hash and drop clients are told apart by less.'),
})

const shutdown = z.strictObject({
  drain: key(duration('0s', '10m').prefault('30s'), 'How long running exchanges may go on after SIGTERM.'),
})

export const configSchema = z.strictObject({
  version: key(z.literal(1), 'Version of this format. Must be the first key.', 1),
  instance: key(
    z
      .string()
      .regex(
        /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
        'must be 1 to 64 letters, digits, dots, hyphens or underscores',
      )
      .default('acmetap'),
    'Label of this installation in logs and in the record.',
  ),
  data: key(
    path().prefault('./data'),
    'Folder for the record, keys and the control socket. Created with mode 0700.',
  ),
  store: key(z.enum(['sqlite']).default('sqlite'), 'Where the record is kept: sqlite.'),
  log: key(log.prefault({}), 'The log, on standard output.'),
  cas: key(
    z
      .record(
        z
          .string()
          .regex(
            /^[a-z][a-z0-9-]{0,31}$/,
            'must be 1 to 32 lower-case letters, digits or hyphens, first a letter',
          ),
        ca,
      )
      .default({}),
    'Certificate authorities, each under a name of your choice.',
    'pebble',
  ),
  listeners: key(listeners.prefault({}), 'Where acmetap listens.'),
  relay: key(
    z.array(relay).default([]),
    'Which Host stands for which CA. One CA may have several. Changing one orphans the accounts made through it.',
  ),
  intercept: key(
    intercept.prefault({}),
    'Taking over connections to CAs, for clients that keep their CA URL.',
  ),
  broker: key(
    broker,
    'acmetap as an ACME server: each entry is one, at https://<listener acme>/<name>/directory.',
    'fleet',
  ),
  local_cas: key(localCas, 'CAs of your own that acmetap issues with, for names of your own.', 'internal'),
  egress: key(egress.prefault({}), 'The way out, for CAs and tunnels.'),
  sinks: key(z.array(sink).optional(), 'Where else the record goes, line by line, at least once.'),
  alerts: key(alerts.prefault({}), 'Who is told of what goes wrong.'),
  watch: key(watch.prefault({}), 'What acmetap looks at by itself.'),
  policy: key(
    path().optional(),
    'Policy: a file that says who may get which certificate. Without it everything passes and is recorded.',
    './policies/fleet.yaml',
  ),
  engine: key(engine.prefault({}), "acmetap's own ACME client: managed certificates and reissues."),
  limits: key(limits.prefault({}), 'What one process takes on.'),
  retention: key(
    retention.prefault({}),
    'How long what is kept: a duration, or forever. What goes is counted first, and its going is recorded.',
  ),
  privacy: key(
    privacy.prefault({}),
    'Personal data: keep it, keep a keyed hash that still tells two apart, or drop it. For what comes from now on.',
  ),
  shutdown: key(shutdown.prefault({}), 'How it ends.'),
})

/** The effective configuration: every default filled in, durations in milliseconds, paths absolute. */
export type Config = z.output<typeof configSchema>
export type RelayConfig = Config['relay'][number]
export type SinkConfig = NonNullable<Config['sinks']>[number]

/** The configuration as it would be written in a file, complete. */
export function writtenForm(config: Config): z.input<typeof configSchema> {
  return z.encode(configSchema, config)
}
