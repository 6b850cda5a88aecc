/** TLS clients of different families, each asked one question: do you accept this server's certificate? */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createServer } from 'node:tls'

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

/** OpenSSL by its own tool, through curl and through Python's strict mode; Node; Go (lego); GnuTLS (wget). */
export const verifiers: Readonly<Record<string, Verifier>> = {
  openssl: ({ rootFile, host, port }) => {
    const name = /^[\d.]+$/.test(host)
      ? ['-verify_ip', host]
      : ['-verify_hostname', host, '-servername', host]
    return run(
      'openssl',
      // biome-ignore format: one option with its value each
      ['s_client', '-connect', `${addressOf(host)}:${port}`, '-CAfile', rootFile, '-x509_strict', '-verify_return_error', '-quiet', ...name],
      'GET /dir HTTP/1.0\r\n\r\n',
    )
  },
  curl: ({ rootFile, host, port }) =>
    run('curl', [
      '-sS',
      '--resolve',
      `${host}:${port}:${addressOf(host)}`,
      '--cacert',
      rootFile,
      `https://${host}:${port}/dir`,
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
      `https://${host}:${port}/dir`,
    ]),
  go: ({ rootFile, host, port, folder }) =>
    run(
      'lego',
      // biome-ignore format: one option with its value each
      ['--server', `https://${host}:${port}/dir`, '--path', join(folder, 'lego'), '--email', 'a@acme.test', '--accept-tos', '--domains', 'a.acme.test', '--http', 'run'],
      '',
      { LEGO_CA_CERTIFICATES: rootFile },
    ),
  node: async ({ rootFile, host, port }) => {
    const ca = await import('node:fs/promises').then((fs) => fs.readFile(rootFile))
    return await new Promise((resolve) => {
      const socket = connect(
        { host, port, ca, ...(/^[\d.]+$/.test(host) ? {} : { servername: host }) },
        () => {
          socket.end('GET /dir HTTP/1.0\r\n\r\n')
          socket.resume()
        },
      )
      socket.on('error', (error) => resolve({ code: 1, output: error.message }))
      socket.on('close', () => resolve({ code: 0, output: '' }))
    })
  },
}

/**
 * Serve `leaf` and let the named verifier connect to `host`. Names other than `localhost` are for those verifiers
 * that can be told the address, so not for wget and lego.
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
  return /^[\d.]+$/.test(host)
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
