/** lego as a client of acme-dns: acmetap's API and responder answer it. */
import { execFile, spawnSync } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { namesOf } from './openssl.ts'
import type { Stage } from './row.ts'

const run = promisify(execFile)

/** Debian's lego is built without some of its providers. */
export function reasonWithoutAcmeDns(): string | null {
  const { stdout = '' } = spawnSync('lego', ['dnshelp'], { encoding: 'utf8' })
  return stdout.includes('acme-dns') ? null : 'this lego is built without acme-dns'
}

interface Told {
  readonly code: number
  readonly text: string
}

async function asked({ lab, ca }: Stage, name: string): Promise<Told> {
  const folder = path.join(lab.folder, 'lego', ca.name)
  await mkdir(folder, { recursive: true })
  const words = ['--server', ca.pebble.directory, '--path', folder, '--email', 'a@lego.test', '--accept-tos']
  words.push('--eab', '--kid', ca.eab.keyId, '--hmac', ca.eab.secret)
  words.push('--dns', 'acme-dns', '--domains', name, '--domains', `*.${name}`, 'run')
  const env = {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    LEGO_CA_CERTIFICATES: ca.pebble.trust,
    SSL_CERT_FILE: path.join(lab.data, 'listener-root.pem'),
    ACME_DNS_API_BASE: lab.acmeDnsUrl,
    ACME_DNS_STORAGE_PATH: path.join(folder, 'acme-dns.json'),
  }
  return run('lego', words, { env, cwd: folder }).then(
    ({ stdout, stderr }) => ({ code: 0, text: stdout + stderr }),
    ({ stdout = '', stderr = '' }: { stdout?: string; stderr?: string }) => ({
      code: 1,
      text: stdout + stderr,
    }),
  )
}

/** Its first run makes a registration and says which alias it wants. */
export async function registerInVain(
  stage: Stage,
  name: string,
): Promise<{ alias: string | null; text: string }> {
  const { text } = await asked(stage, name)
  return { alias: /CNAME\s+(\S+\.acme-dns\.lab\.test\.)/.exec(text)?.[1] ?? null, text }
}

export async function lego(stage: Stage, name: string): Promise<string[]> {
  const { code, text } = await asked(stage, name)
  if (code !== 0) return [`lego: ${text.slice(-800)}`]
  const names = namesOf(path.join(stage.lab.folder, 'lego', stage.ca.name, 'certificates', `${name}.crt`))
  return names.includes(`*.${name}`) ? [] : [`lego obtained ${names.join(' ')}`]
}
