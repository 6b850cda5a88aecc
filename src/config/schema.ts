/**
 * src/config declares the configuration once: type, defaults, descriptions, examples and refusals all come
 * from this schema. Keys are spelt in the program as in the file. It reads files and knows no other folder.
 *
 * Every key carries a description; a key without a default carries an example.
 */
import { z } from 'zod'
import { PRESET_NAMES } from './presets.ts'
import { directories, duration, host, ipAddress, nameOrAddress, network, path, port } from './values.ts'

function key<T extends z.ZodType>(schema: T, description: string, example?: unknown): T {
  return schema.meta(example === undefined ? { description } : { description, example })
}

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
})

const log = z.strictObject({
  level: key(z.enum(['debug', 'info', 'warn', 'error']).default('info'), 'debug, info, warn or error.'),
  format: key(z.enum(['json', 'pretty']).default('json'), 'json: one object per line. pretty: for people.'),
})

const certificate = z.strictObject({
  chain: key(
    path(),
    'PEM file: the certificate of the listener, then its intermediates.',
    './acmetap.chain.pem',
  ),
  key: key(path(), 'PEM file: its private key.', './acmetap.key.pem'),
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

const adminListener = z.strictObject({
  address: key(
    ipAddress().default('127.0.0.1'),
    'IP address to listen on. It asks for no password: keep it private.',
  ),
  port: key(port(0).default(9080), 'TCP port; 0 takes a free one.'),
})

const listeners = z.strictObject({
  acme: key(acmeListener.prefault({}), 'For ACME clients, over TLS.'),
  admin: key(adminListener.prefault({}), 'For /healthz, /readyz and /metrics, over plain HTTP.'),
})

const relay = z.strictObject({
  host: key(
    host(),
    'What clients send as Host, byte for byte: the name, and the port where it is not 443.',
    'localhost:8443',
  ),
  ca: key(z.string(), 'The CA it stands for: a name under cas.', 'pebble'),
})

const limits = z.strictObject({
  in_flight: key(
    z
      .int('must be a whole number')
      .min(1, 'must be 1 to 65536')
      .max(65536, 'must be 1 to 65536')
      .default(512),
    'Exchanges at the same time; what comes above it gets 503 with Retry-After.',
  ),
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
    'Label of this installation in logs.',
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
  limits: key(limits.prefault({}), 'What one process takes on.'),
  shutdown: key(shutdown.prefault({}), 'How it ends.'),
})

/** The effective configuration: every default filled in, durations in milliseconds, paths absolute. */
export type Config = z.output<typeof configSchema>
export type RelayConfig = Config['relay'][number]

/** The configuration as it would be written in a file, complete. */
export function writtenForm(config: Config): z.input<typeof configSchema> {
  return z.encode(configSchema, config)
}
