/** The part of the configuration for acmetap's own ACME client: accounts, solvers, managed certificates, reissues. */
import { isIP } from 'node:net'
import { z } from 'zod'
import { solver } from './engine-solvers.ts'
import { key } from './key.ts'
import {
  duration,
  httpUrl,
  ipAddress,
  isDnsName,
  nameOrAddress,
  network,
  path,
  port,
  secret,
} from './values.ts'

/** Also the name of a folder. */
const certificateName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,127}$/,
    'must be 1 to 128 lower-case letters, digits, dots, hyphens or underscores',
  )

const certificateIdentifier = z
  .string()
  .refine(
    (text) => isIP(text) !== 0 || isDnsName(text.startsWith('*.') ? text.slice(2) : text),
    'must be a DNS name in lower case (U-labels as xn--), *.name, or an IP address',
  )

const KEY_TYPES = ['ec256', 'ec384', 'rsa2048', 'rsa3072', 'rsa4096'] as const

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: examples show this very syntax
const account = z.strictObject({
  ca: key(z.string(), 'The CA: a name under cas.', 'letsencrypt'),
  contact: key(
    z.array(z.string().regex(/^mailto:[^\s,?]+@[^\s,?]+$/, 'must be mailto: and one address')).default([]),
    'Contacts for the CA, as mailto: URLs.',
    ['mailto:ops@example.net'],
  ),
  agree_terms: key(z.boolean().default(false), "You agree to the CA's terms of service."),
  key_type: key(
    z.enum([...KEY_TYPES, 'ed25519']).default('ec256'),
    'Key of a new account: ec256, ec384, rsa2048, rsa3072, rsa4096 or ed25519.',
  ),
  external: key(
    z
      .strictObject({
        key_id: key(z.string().min(1), 'Key id the CA gave you.', 'kid-1'),
        hmac_key: key(
          secret().optional(),
          'Its MAC key, base64url. Write it as ${NAME} to take it from the environment.',
          '${EAB_HMAC_KEY}',
        ),
        hmac_key_file: key(path().optional(), 'File whose first line is that key.', './eab.key'),
        algorithm: key(z.enum(['HS256', 'HS384', 'HS512']).default('HS256'), 'Algorithm of the MAC.'),
      })
      .optional(),
    'External account binding (RFC 8555 §7.3.4), where the CA wants one.',
  ),
})

const hook = z.strictObject({
  exec: key(
    z.array(z.string().min(1)).min(1, 'must name a program').optional(),
    'Program and its arguments. It runs in a clean environment with RENEWED_LINEAGE and RENEWED_DOMAINS, as certbot sets them.',
    ['/usr/sbin/nginx', '-s', 'reload'],
  ),
  environment: key(
    z
      .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be a name of a variable'), secret())
      .default({}),
    'Variables for the program.',
    'TOKEN: ${TOKEN}',
  ),
  webhook: key(
    httpUrl().optional(),
    'Where a JSON message about the certificate goes, by POST. Never its key.',
    'https://hooks.example.net/deploy',
  ),
  secret: key(
    secret().optional(),
    'Signs that message: HMAC-SHA256 in Acmetap-Signature.',
    '${DEPLOY_SECRET}',
  ),
  secret_file: key(path().optional(), 'File whose first line is that secret.', './deploy.secret'),
  trust: key(path().optional(), 'PEM file of the roots that may sign its TLS certificate.', './hooks.pem'),
  timeout: key(duration('1s', '1h').prefault('1m'), 'How long it may take.'),
})

const certificate = z.strictObject({
  name: key(certificateName, 'Its name, and that of its folder.', 'www.example.net'),
  names: key(
    z.array(certificateIdentifier).min(1, 'must hold at least one name').max(100, 'can hold 100 names'),
    'DNS names, wildcards and IP addresses it is for.',
    ['www.example.net', 'example.net'],
  ),
  ca: key(z.string(), 'The CA: a name under cas.', 'letsencrypt'),
  profile: key(
    z.string().min(1).max(256).optional(),
    'Profile of the CA (acmetap ca list shows them).',
    'tlsserver',
  ),
  key_type: key(
    z.enum(KEY_TYPES).default('ec256'),
    'Kind of its key: ec256, ec384, rsa2048, rsa3072 or rsa4096.',
  ),
  reuse_key: key(z.boolean().default(false), 'Keep the key when it is renewed.'),
  preferred_chain: key(
    z.string().min(1).optional(),
    'Common name of the root whose chain you want, where the CA has several.',
    'ISRG Root X1',
  ),
  solver: key(
    z.string().optional(),
    'Solver for all its names, instead of what engine.challenges says.',
    'web',
  ),
  files: key(
    path().optional(),
    'Folder for its files: live/<name>/{cert,chain,fullchain,privkey}.pem, as certbot has them. Without it: certificates in the data folder.',
    './certificates',
  ),
  pkcs12: key(
    z
      .strictObject({
        file: key(path(), 'Where it goes.', './www.p12'),
        password: key(secret().optional(), 'Its password.', '${P12_PASSWORD}'),
        password_file: key(path().optional(), 'File whose first line is that password.', './p12.password'),
      })
      .optional(),
    'A PKCS #12 file with key and chain as well.',
  ),
  hooks: key(z.array(hook).default([]), 'What is done when a new one lies there, in order.', 'nginx'),
})

const dns = z.strictObject({
  address: key(ipAddress().default('127.0.0.1'), 'IP address to listen on, UDP and TCP.'),
  port: key(port(0).default(53), 'Port. Resolvers ask port 53: lead that here.'),
  zone: key(
    z.string().refine(isDnsName, 'must be a DNS name in lower case'),
    'Zone it is the authority for, and for nothing else.',
    'acme-dns.example.net',
  ),
  nameserver: key(
    z.string().refine(isDnsName, 'must be a DNS name in lower case'),
    'Name of this server, as the delegation has it.',
    'ns.acme-dns.example.net',
  ),
  addresses: key(
    z
      .array(
        ipAddress().refine(
          (text) => text !== '0.0.0.0' && text !== '::',
          'must be an address others can reach',
        ),
      )
      .default([]),
    'Addresses it answers with for that name.',
    ['192.0.2.53'],
  ),
  contact: key(
    z.email('must be a mail address').optional(),
    'Contact in its SOA record.',
    'hostmaster@example.net',
  ),
  api: key(
    z
      .strictObject({
        address: key(ipAddress().default('127.0.0.1'), 'IP address to listen on.'),
        port: key(port(0).default(8053), 'TCP port.'),
        tls: key(z.boolean().default(true), 'Speak TLS, with a certificate of the listener root.'),
        names: key(
          z.array(nameOrAddress()).min(1, 'must hold at least one name').default(['localhost']),
          'Names it is called by.',
        ),
        register: key(
          z.array(network()).default([]),
          'Networks that may register. Empty: nobody; registrations are made by acmetap engine dns register.',
          ['10.0.0.0/8'],
        ),
      })
      .optional(),
    "acme-dns's HTTP API, for clients that know it.",
  ),
})

const reissue = z.strictObject({
  folder: key(
    path().optional(),
    'Where reissued certificates of others are put for them. Without it: reissued in the data folder.',
    './reissued',
  ),
  pace: key(duration('0s', '1d').prefault('5s'), 'Time between two lines of a plan.'),
  stop_at: key(
    z.int('must be a whole number').min(1, 'must be 1 to 100').max(100, 'must be 1 to 100').default(20),
    'Percentage of failed lines at which a plan stops.',
  ),
  schedule: key(
    z
      .strictObject({
        where: key(z.string().min(1), 'Which certificates, as for acmetap reissue plan.', 'overdue'),
        every: key(duration('1h', '30d').prefault('1d'), 'How often.'),
        max: key(
          z
            .int('must be a whole number')
            .min(1, 'must be 1 to 10000')
            .max(10000, 'must be 1 to 10000')
            .default(50),
          'Most lines of one plan; a larger one is made, told, and not applied.',
        ),
      })
      .optional(),
    'Makes and applies a plan by itself. Off without it.',
  ),
})

export const engine = z.strictObject({
  secret: key(
    secret().optional(),
    'Key that keys are kept under: 32 bytes, base64 or hex. Write it as ${NAME} to take it from the environment.',
    '${ACMETAP_ENGINE_SECRET}',
  ),
  secret_file: key(
    path().optional(),
    'File whose first line is that key. Without both: engine.key in the data folder, made at first use.',
    './engine.key',
  ),
  accounts: key(
    z.array(account).default([]),
    'Accounts of its own, one for a CA. Made when first needed.',
    'letsencrypt',
  ),
  solvers: key(z.array(solver).default([]), 'Ways to answer challenges.', 'web'),
  challenges: key(
    z
      .array(
        z.strictObject({
          names: key(
            z.array(z.string().min(1)).min(1, 'must hold at least one pattern'),
            'Names it is for, as patterns of a policy: .example.net is it and all below.',
            ['.example.net'],
          ),
          solver: key(z.string(), 'Name under solvers.', 'web'),
        }),
      )
      .default([]),
    'Which solver answers for which name: the first that fits. Others get the first solver that can answer.',
  ),
  certificates: key(
    z.array(certificate).default([]),
    'Managed certificates: obtained, renewed and put where they belong.',
    'www.example.net',
  ),
  preflight: key(
    z.boolean().default(true),
    'Look at CAA, addresses and DNSSEC before a public CA is told to validate a name.',
  ),
  renew: key(z.boolean().default(true), 'Obtain and renew them by itself. Off: by command only.'),
  staging: key(
    z.record(z.string(), z.string()).default({}),
    "For --dry-run: under a CA's name, the CA that is tried instead. Let's Encrypt's own staging needs no entry where it is under cas.",
    'letsencrypt: letsencrypt-staging',
  ),
  dns: key(dns.optional(), 'A DNS server for names that are delegated to it.'),
  reissue: key(reissue.prefault({}), 'Reissuing by plan.'),
})
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: examples show this very syntax

export type EngineConfig = z.output<typeof engine>
export type ManagedCertificateConfig = EngineConfig['certificates'][number]
export type EngineAccountConfig = EngineConfig['accounts'][number]
export type EngineDnsConfig = NonNullable<EngineConfig['dns']>
