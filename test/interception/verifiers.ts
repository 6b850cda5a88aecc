/** TLS clients of different families, each asked one question: do you accept this server's certificate? */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, isIP } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer } from 'node:tls'
import { reasonWithout } from '../support/missing.ts'

/** What a verifier said; `reached` is true when its HTTP request came through the handshake. */
export interface Verdict {
  readonly reached: boolean
  readonly output: string
}

export interface Question {
  readonly rootFile: string
  readonly host: string
  readonly port: number
  readonly folder: string
}

type Verifier = (question: Question) => Promise<{ code: number; output: string }>

const PYTHON = `
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[1])
context.verify_flags |= ssl.VERIFY_X509_STRICT
with socket.create_connection((sys.argv[4], int(sys.argv[3]))) as plain:
    with context.wrap_socket(plain, server_hostname=sys.argv[2]) as tls:
        tls.sendall(b"GET /dir HTTP/1.0\\r\\n\\r\\n")
        tls.recv(100)
`

/**
 * OpenSSL by its own tool, through curl and through Python's strict mode; Node; Go (lego); GnuTLS (wget and its own
 * tool); NSS; Java.
 */
export const verifiers: Readonly<Record<string, Verifier>> = {
  openssl: ({ rootFile, host, port }) => {
    const name = isIP(host) !== 0 ? ['-verify_ip', host] : ['-verify_hostname', host, '-servername', host]
    return run(
      'openssl',
      // biome-ignore format: one option with its value each
      ['s_client', '-connect', `${isIP(host) === 6 ? '[::1]' : addressOf(host)}:${port}`, '-CAfile', rootFile, '-x509_strict', '-verify_return_error', '-quiet', ...name],
      'GET /dir HTTP/1.0\r\n\r\n',
    )
  },
  curl: ({ rootFile, host, port }) =>
    run('curl', [
      '-sS',
      ...(isAddress(host) ? [] : ['--resolve', `${host}:${port}:${addressOf(host)}`]),
      '--cacert',
      rootFile,
      urlOf(host, port),
    ]),
  python: ({ rootFile, host, port }) =>
    run('python3', ['-c', PYTHON, rootFile, host, String(port), addressOf(host)]),
  gnutls: ({ rootFile, host, port }) =>
    run('wget', [
      '--no-config',
      '--no-hsts',
      '-t1',
      '-O-',
      `--ca-certificate=${rootFile}`,
      urlOf(host, port),
    ]),
  go: ({ rootFile, host, port, folder }) =>
    run(
      'lego',
      // biome-ignore format: one option with its value each
      ['--server', urlOf(host, port), '--path', join(folder, 'lego'), '--email', 'a@acme.test', '--accept-tos', '--domains', 'a.acme.test', '--http', 'run'],
      '',
      { LEGO_CA_CERTIFICATES: rootFile },
    ),
  'gnutls-cli': ({ rootFile, host, port }) =>
    run(
      'gnutls-cli',
      [`--x509cafile=${rootFile}`, `--verify-hostname=${host}`, '-p', String(port), addressOf(host)],
      'GET /dir HTTP/1.0\r\n\r\n',
    ),
  nss: async ({ rootFile, host, port, folder }) => {
    const database = `sql:${folder}`
    await run('certutil', ['-N', '-d', database, '--empty-password'])
    await run('certutil', ['-A', '-d', database, '-n', 'root', '-t', 'C,,', '-i', rootFile])
    const to = [
      isIP(host) === 6 ? '-6' : '-4',
      '-h',
      host,
      '-p',
      String(port),
      '-d',
      database,
      '-V',
      'tls1.2:',
    ]
    return await run('tstclnt', to, 'GET /dir HTTP/1.0\r\n\r\n')
  },
  java: ({ rootFile, host, port }) =>
    run('java', [
      '-XX:TieredStopAtLevel=1',
      join(import.meta.dirname, 'verify-host.java'),
      rootFile,
      host,
      String(port),
      addressOf(host),
    ]),
  node: async ({ rootFile, host, port }) => {
    const ca = await import('node:fs/promises').then((fs) => fs.readFile(rootFile))
    return await new Promise((resolve) => {
      const socket = connect({ host, port, ca, ...(isIP(host) !== 0 ? {} : { servername: host }) }, () => {
        socket.end('GET /dir HTTP/1.0\r\n\r\n')
        socket.resume()
      })
      socket.on('error', (error) => resolve({ code: 1, output: error.message }))
      socket.on('close', () => resolve({ code: 0, output: '' }))
    })
  },
}

/** Why a verifier can't be asked here; null where it can. */
export const missingFor: Readonly<Record<string, string | null>> = {
  openssl: await reasonWithout('openssl'),
  curl: await reasonWithout('curl'),
  python: await reasonWithout('python3'),
  gnutls: await reasonWithout('wget'),
  go: await reasonWithout('lego'),
  'gnutls-cli': await reasonWithout('gnutls-cli'),
  nss: await reasonWithout('certutil', 'tstclnt'),
  java: await reasonWithout('java'),
}

/**
 * Serve `leaf` and let the named verifier connect to `host`. Names other than `localhost` are for those verifiers
 * that can be told the address, so not for wget, lego and NSS.
 */
export async function ask(
  verifier: string,
  root: string,
  leaf: { certificate: string; key: string },
  host: string,
): Promise<Verdict> {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-verifier-'))
  let reached = false
  const server = createServer({ cert: leaf.certificate, key: leaf.key }, (socket) => {
    socket.on('error', () => {})
    socket.on('data', (data) => {
      reached ||= data.toString('latin1').includes('GET /dir')
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    })
  })
  try {
    const rootFile = join(folder, 'root.pem')
    await writeFile(rootFile, root)
    await new Promise<void>((resolve) => server.listen(0, addressOf(host), resolve))
    const { port } = server.address() as AddressInfo
    const check = verifiers[verifier]
    if (check === undefined) throw new RangeError(verifier)
    const { output } = await check({ rootFile, host, port, folder })
    return { reached, output }
  } finally {
    server.close()
    await rm(folder, { recursive: true, force: true })
  }
}

function isAddress(host: string): boolean {
  return isIP(host) !== 0
}

function urlOf(host: string, port: number): string {
  return `https://${isIP(host) === 6 ? `[${host}]` : host}:${port}/dir`
}

function addressOf(host: string): string {
  return isAddress(host) ? host : '127.0.0.1'
}

/** Run a program with nothing of our environment but the path: trust set for this machine would mask the answer. */
export function run(
  program: string,
  args: readonly string[],
  input = '',
  environment: Readonly<Record<string, string>> = {},
): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const env = { PATH: process.env.PATH ?? '', HOME: tmpdir(), ...environment }
    const child = execFile(program, args, { env, timeout: 20_000 }, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number' && error.killed !== true) reject(error)
      else resolve({ code: error === null ? 0 : 1, output: stdout + stderr })
    })
    child.stdin?.on('error', () => {})
    child.stdin?.end(input)
  })
}
