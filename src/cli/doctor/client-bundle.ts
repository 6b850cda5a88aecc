import { existsSync, readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'
import type { Client } from '../enroll/client.ts'
import { placesOf } from '../enroll/client.ts'
import type { Variables } from './proxy-variable.ts'

/** Where a client takes its roots from, and what they are. */
export interface Bundle {
  readonly source: string
  readonly roots: readonly string[]
}

const SYSTEM = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

/** Variables by client, first wins; and whether they add to the pool. What is left is the system's store. */
const READS: Readonly<Record<string, readonly string[]>> = {
  certbot: ['REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE'],
  'certbot-pip': ['REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE'],
  'certbot-snap': ['REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE'],
  'python3-acme': ['REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE'],
  lego: ['LEGO_CA_CERTIFICATES', 'SSL_CERT_FILE'],
  traefik: ['LEGO_CA_CERTIFICATES', 'SSL_CERT_FILE'],
  caddy: ['SSL_CERT_FILE'],
  'acme-tiny': ['SSL_CERT_FILE'],
  'ruby-acme-client': ['SSL_CERT_FILE'],
  dehydrated: ['CURL_CA_BUNDLE', 'SSL_CERT_FILE'],
  'acme.sh': ['CA_BUNDLE', 'CURL_CA_BUNDLE', 'SSL_CERT_FILE'],
}
const ANY = ['REQUESTS_CA_BUNDLE', 'LEGO_CA_CERTIFICATES', 'CURL_CA_BUNDLE', 'SSL_CERT_FILE']

/** Null where nothing can be read: then every connection of this client fails. */
export function bundleOf(client: Client | null, variables: Variables): Bundle | null {
  if (client?.name === 'node-acme-client') {
    const file = variables.NODE_EXTRA_CA_CERTS
    const added = file === undefined ? [] : rootsIn(file)
    const source =
      file === undefined ? "Node's own roots (NODE_EXTRA_CA_CERTS is not set)" : `NODE_EXTRA_CA_CERTS=${file}`
    return { source, roots: [...rootCertificates, ...added] }
  }
  if (client?.trust.bundle === true) {
    const { bundle } = placesOf(client)
    if (existsSync(bundle)) return { source: bundle, roots: rootsIn(bundle) }
  }
  for (const name of client === null ? ANY : (READS[client.name] ?? [])) {
    const file = variables[name]
    if (file !== undefined && file !== '') return { source: `${name}=${file}`, roots: rootsIn(file) }
  }
  const file = SYSTEM.find((one) => existsSync(one))
  return file === undefined ? null : { source: `the system's store ${file}`, roots: rootsIn(file) }
}

function rootsIn(file: string): string[] {
  try {
    return (
      readFileSync(file, 'utf8').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
    )
  } catch {
    return []
  }
}
