/** The part of the configuration for acmetap as an ACME server: endpoints, and local CAs that issue for them. */
import { z } from 'zod'
import { key } from './key.ts'
import {
  duration,
  httpUrl,
  ipAddress,
  nameOrAddress,
  network,
  path,
  port,
  resolver,
  secret,
} from './values.ts'

const caName = z.string()
const nameOfEndpoint = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,31}$/, 'must be 1 to 32 lower-case letters, digits or hyphens, first a letter')
  .refine((text) => text !== 'staging', 'is what the twin of an endpoint is called')
const labelName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'must be 1 to 64 lower-case letters, digits or ._-')
const patterns = (description: string) =>
  key(z.array(z.string().min(1)).min(1, 'must hold at least one pattern'), description, ['.a.example.net'])

const route = z.strictObject({
  names: key(
    z.array(z.string().min(1)).min(1, 'must hold at least one pattern').optional(),
    'Patterns of a policy; fits an order all of whose names are in them. Without it: every name.',
    ['.internal.example.net'],
  ),
  labels: key(z.array(labelName).min(1).optional(), 'Labels of clients. Without it: every client.', [
    'team-a',
  ]),
  profiles: key(z.array(z.string().min(1)).min(1).optional(), 'Profiles that are asked for.', ['short']),
  cas: key(
    z.array(caName).min(1, 'must hold at least one CA'),
    'CAs in the order they are tried: names under cas or local_cas.',
    ['letsencrypt', 'zerossl'],
  ),
})

const label = z.strictObject({
  name: key(labelName, 'The label: clients use /<endpoint>/~<label>/directory.', 'team-a'),
  names: patterns('Names that the label alone lets a client have, as patterns of a policy.'),
  from: key(
    z.array(network()).min(1, 'must hold at least one network'),
    'Networks it may be used from: a path is no secret.',
    ['10.1.0.0/16'],
  ),
})

const profile = z.strictObject({
  name: key(z.string().min(1).max(256), 'What clients ask for.', 'short'),
  description: key(
    z.string().min(1).max(1000).default('see the operator of this server'),
    'What it is, for people.',
  ),
  at: key(
    z.record(z.string(), z.union([z.string().min(1), z.null()])).default({}),
    "By CA: what that CA calls it; null: the CA's default. CAs that are left out have the same name for it.",
    'letsencrypt: shortlived',
  ),
})

const challenges = z.strictObject({
  types: key(
    z
      .array(z.enum(['http-01', 'dns-01', 'tls-alpn-01']))
      .min(1, 'must hold at least one type')
      .default(['http-01', 'dns-01', 'tls-alpn-01']),
    'What clients may prove control by: http-01, dns-01, tls-alpn-01.',
  ),
  http_port: key(port(1).default(80), 'Port that http-01 is looked at on.'),
  tls_port: key(port(1).default(443), 'Port that tls-alpn-01 is looked at on.'),
  resolvers: key(z.array(resolver()).default([]), "DNS servers to ask; empty: the system's.", ['192.0.2.53']),
  from: key(
    z.array(ipAddress()).default([]),
    'Addresses of this machine to look from, all of them. Empty: the system chooses one.',
    ['192.0.2.10'],
  ),
  internal: key(z.array(network()).default([]), 'Networks that are looked at though they are not public.', [
    '10.0.0.0/8',
  ]),
  caa: key(z.boolean().default(false), 'Whether CAA records must name one of caa_identities.'),
})

const endpoint = z.strictObject({
  name: key(nameOfEndpoint, 'Its name, and the first part of its paths: /<name>/directory.', 'fleet'),
  url: key(
    httpUrl().optional(),
    'https://name[:port] that clients call listener acme by. Without it: the first of listeners.acme.names and its port.',
    'https://acme.example.net',
  ),
  cas: key(
    z.array(caName).min(1, 'must hold at least one CA'),
    'CAs in the order they are tried: names under cas or local_cas.',
    ['letsencrypt', 'zerossl'],
  ),
  staging: key(
    z.array(caName).default([]),
    'CAs of its twin /<name>/staging/directory, which rehearsals of clients use. Empty: no twin.',
    ['letsencrypt-staging'],
  ),
  routes: key(z.array(route).default([]), 'Other CAs for some orders: the first that fits.', ['letsencrypt']),
  proof: key(
    z.enum(['policy', 'challenge', 'both']).default('both'),
    'How a client proves that it may have a name. policy: its EAB key or label has it. challenge: acmetap validates as a CA does. both: both.',
  ),
  eab: key(
    z.enum(['required', 'optional']).default('required'),
    'Whether accounts need an EAB key (acmetap eab create).',
  ),
  labels: key(z.array(label).default([]), 'Labels in the path, and what they are worth.', 'team-a'),
  profiles: key(z.array(profile).default([]), 'Profiles that clients may ask for.', 'short'),
  accounts: key(
    z.enum(['shared', 'per_tenant']).default('shared'),
    "acmetap's accounts at the CAs: one for all clients, or one for each label.",
  ),
  terms: key(
    httpUrl().optional(),
    'Terms of service that clients must agree to.',
    'https://acme.example.net/terms',
  ),
  website: key(httpUrl().optional(), 'Where people read more.', 'https://acme.example.net'),
  caa_identities: key(z.array(nameOrAddress()).default([]), 'Names in CAA records that permit this server.', [
    'acme.example.net',
  ]),
  challenges: key(challenges.prefault({}), 'How control is looked at.'),
  authorization_lifetime: key(
    duration('1m', '90d').prefault('7d'),
    'How long what a client has proved by a challenge is good for.',
  ),
  order_lifetime: key(duration('5m', '30d').prefault('7d'), 'How long an order may take.'),
  pre_authorization: key(z.boolean().default(false), 'Offer newAuthz (RFC 8555 §7.4.1).'),
})

const localProfile = z.strictObject({
  name: key(z.string().min(1).max(256), 'What an order names, and profiles[].at of an endpoint.', 'mutual'),
  client_auth: key(z.boolean().default(false), 'Whether its certificates are for TLS clients too.'),
  validity: key(
    duration('5m', '3650d').optional(),
    "How long its certificates are valid. Without it: as the CA's.",
    '1d',
  ),
})

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: examples show this very syntax
const localCa = z.strictObject({
  names: patterns(
    'Names it may issue for, as patterns of a policy; they become name constraints of its certificate.',
  ),
  networks: key(z.array(network()).default([]), 'Networks whose addresses it may issue for.', ['10.0.0.0/8']),
  validity: key(duration('5m', '3650d').prefault('30d'), 'How long its certificates are valid.'),
  profiles: key(
    z
      .array(localProfile)
      .default([])
      .refine(
        (all) => new Set(all.map(({ name }) => name)).size === all.length,
        'must not hold the same name twice',
      ),
    'Kinds of certificates besides the default, which is for TLS servers.',
    'mutual',
  ),
  common_name: key(
    z.string().min(1).max(48).default('acmetap local CA'),
    'Begins the names of its root and issuers.',
  ),
  key_passphrase: key(
    secret().optional(),
    'What its key is encrypted with. Without it and key_passphrase_file: with the key of the engine.',
    '${LOCAL_CA_PASSPHRASE}',
  ),
  key_passphrase_file: key(path().optional(), 'File whose first line is that.', './local-ca.passphrase'),
  crl: key(
    httpUrl().optional(),
    'http URL in its certificates under which its revocation list is served (GET /crl/<name>.crl of listener admin, or a copy). Later issuers have a number in it: internal.2.crl.',
    'http://crl.example.net/internal.crl',
  ),
  crl_validity: key(duration('1h', '30d').prefault('7d'), 'How long a revocation list is good for.'),
})
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: examples show this very syntax

export const broker = z.array(endpoint).default([])

export const localCas = z
  .record(
    z
      .string()
      .regex(
        /^[a-z][a-z0-9-]{0,31}$/,
        'must be 1 to 32 lower-case letters, digits or hyphens, first a letter',
      ),
    localCa,
  )
  .default({})

export type EndpointConfig = z.output<typeof broker>[number]
export type LocalCaConfig = z.output<typeof localCas>[string]
