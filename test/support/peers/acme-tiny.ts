import { access, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { cleanEnvironment, runProgram } from '../../../src/cli/demo/child.ts'
import { type AcmeClient, baseName, needs, runClient, type Surroundings, type Wish } from './client.ts'

async function openssl(surroundings: Surroundings, ...args: string[]): Promise<void> {
  const { folder } = surroundings
  const made = await runProgram('openssl', args, { environment: cleanEnvironment(folder), folder })
  if (made.code !== 0) throw new Error(`openssl ${args[0]}: ${made.output}`)
}

/** It makes neither keys nor requests, and prints the certificate. */
async function sign(surroundings: Surroundings, wish: Wish) {
  const file = (name: string): string => path.join(surroundings.folder, name)
  const made = await access(file('domain.csr')).then(
    () => true,
    () => false,
  )
  if (!made) {
    await openssl(surroundings, 'genrsa', '-out', file('account.key'), '2048')
    await openssl(
      surroundings,
      ...['req', '-new', '-newkey', 'rsa:2048', '-nodes', '-keyout', file('domain.key')],
      ...['-subj', '/', '-addext', `subjectAltName=DNS:${wish.name}`, '-out', file('domain.csr')],
    )
  }
  const done = await runClient(
    'acme-tiny',
    [
      ...['--account-key', file('account.key'), '--csr', file('domain.csr')],
      ...['--acme-dir', path.join(surroundings.webroot, '.well-known', 'acme-challenge')],
      ...['--directory-url', surroundings.directory, '--disable-check'],
    ],
    surroundings,
    { SSL_CERT_FILE: surroundings.trust },
  )
  const chain = done.output.slice(Math.max(0, done.output.indexOf('-----BEGIN')))
  if (done.code === 0) await writeFile(acmeTiny.certificate(surroundings, wish), chain)
  return done
}

export const acmeTiny: AcmeClient = {
  name: 'acme-tiny',
  methods: ['http-01'],
  userAgent: /^acme-tiny/,
  survivesBadNonce: true,
  missing: () => needs('acme-tiny', 'openssl'),
  issue: sign,
  renew: sign,
  certificate: ({ folder }, wish) => path.join(folder, `${baseName(wish)}.pem`),
}
