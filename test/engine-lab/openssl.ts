/** What openssl says of the files of a certificate: each fault a sentence, none where all is well. */
import { execFileSync } from 'node:child_process'
import { statSync, writeFileSync } from 'node:fs'
import path from 'node:path'

function openssl(...words: readonly string[]): string {
  return execFileSync('openssl', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

export interface LiveFiles {
  /** Folder with cert.pem, chain.pem and, where the key is acmetap's, privkey.pem. */
  readonly live: string
  readonly names: readonly string[]
  /** PEM of the one root that it must chain to. */
  readonly root: string
}

export function faultsOfLive({ live, names, root }: LiveFiles): string[] {
  const at = (name: string) => path.join(live, name)
  const key = at('privkey.pem')
  const faults = faultsOfChain(at('cert.pem'), at('chain.pem'), names, root)
  if (publicKeyOf(at('cert.pem')) !== openssl('pkey', '-in', key, '-pubout'))
    faults.push('the key is another than the certificate has')
  const mode = statSync(key).mode & 0o777
  if (mode !== 0o600) faults.push(`privkey.pem has mode ${mode.toString(8)}`)
  return faults
}

export function faultsOfChain(cert: string, chain: string, names: readonly string[], root: string): string[] {
  const faults: string[] = []
  const anchor = path.join(path.dirname(cert), '.root-for-openssl.pem')
  writeFileSync(anchor, root)
  try {
    openssl('verify', '-no-CApath', '-no-CAstore', '-CAfile', anchor, '-untrusted', chain, cert)
  } catch (error) {
    faults.push(`openssl verify: ${(error as { stderr?: string }).stderr ?? String(error)}`)
  }
  const is = namesOf(cert).toSorted().join(' ')
  const wanted = names.toSorted().join(' ')
  if (is !== wanted) faults.push(`it is for ${is}, wanted ${wanted}`)
  return faults
}

export function namesOf(cert: string): string[] {
  const text = openssl('x509', '-in', cert, '-noout', '-ext', 'subjectAltName')
  return [...text.matchAll(/(?:DNS|IP Address):([^,\s]+)/g)].map(([, name = '']) => name)
}

export const publicKeyOf = (cert: string): string => openssl('x509', '-in', cert, '-noout', '-pubkey')
export const serialOf = (cert: string): string =>
  openssl('x509', '-in', cert, '-noout', '-serial').trim().replace('serial=', '').toLowerCase()
/** Days from now to its end. */
export const daysOf = (cert: string): number =>
  (Date.parse(openssl('x509', '-in', cert, '-noout', '-enddate').trim().replace('notAfter=', '')) -
    Date.now()) /
  86_400_000
/** `CN` of the subject of a certificate in PEM. */
export function commonNameOf(pem: string): string {
  const text = execFileSync('openssl', ['x509', '-noout', '-subject', '-nameopt', 'multiline'], {
    encoding: 'utf8',
    input: pem,
  })
  return /commonName\s*=\s*(.+)/.exec(text)?.[1]?.trim() ?? ''
}
