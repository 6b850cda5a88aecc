/** Servers that others wrote, and the command that looks at them. */
import { X509Certificate } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { cleanEnvironment, type Daemon, findProgram, startDaemon } from '../../../src/cli/demo/child.ts'
import { freePort } from '../../support/child-process.ts'
import { runMain } from '../../support/run-main.ts'
import { certificateFor, look, ROOT } from './tls-servers.ts'

let folder: string
const certificate = certificateFor(['watched.test', '127.0.0.1'])
const serial = new X509Certificate(certificate.pem).serialNumber.toLowerCase().replace(/^0+/, '')
const running: Daemon[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmetap-watch-'))
  await writeFile(join(folder, 'cert.pem'), certificate.pem)
  await writeFile(join(folder, 'key.pem'), certificate.keyPem)
  await writeFile(join(folder, 'root.pem'), ROOT.pem)
})
afterAll(() => rm(folder, { recursive: true }))
afterEach(async () => {
  for (const daemon of running.splice(0)) await daemon.stop()
})

const HELPER = join(import.meta.dirname, 'aiosmtpd-server.py')
const servers: readonly (readonly [string, string, string, (port: string) => readonly string[]])[] = [
  [
    'OpenSSL',
    'openssl',
    '',
    (port) => ['s_server', '-accept', `127.0.0.1:${port}`, '-cert', 'cert.pem', '-key', 'key.pem', '-quiet'],
  ],
  [
    'OpenSSL with TLS 1.2 alone',
    'openssl',
    '',
    (port) => [
      's_server',
      '-accept',
      `127.0.0.1:${port}`,
      '-cert',
      'cert.pem',
      '-key',
      'key.pem',
      '-quiet',
      '-tls1_2',
    ],
  ],
  [
    'OpenSSL that wants a client certificate',
    'openssl',
    '',
    (port) => [
      's_server',
      '-accept',
      `127.0.0.1:${port}`,
      '-cert',
      'cert.pem',
      '-key',
      'key.pem',
      '-quiet',
      '-Verify',
      '1',
    ],
  ],
  [
    'GnuTLS',
    'gnutls-serv',
    '',
    (port) => ['--port', port, '--x509certfile', 'cert.pem', '--x509keyfile', 'key.pem', '--echo', '--quiet'],
  ],
  ['aiosmtpd', '/usr/bin/python3', '/smtp', (port) => [HELPER, 'cert.pem', 'key.pem', port]],
]

describe.each(servers)('%s', (_, name, kind, args) => {
  test('shows its certificate', async ({ skip }) => {
    const program = name.startsWith('/') ? name : await findProgram(name)
    if (program === null) return skip(`${name} is not installed`)
    const port = await freePort()
    running.push(
      startDaemon(program, [...args(String(port))], { environment: cleanEnvironment(folder), folder }),
    )
    const endpoint = `watched.test:${port}${kind}`
    let seen = await look(endpoint)
    for (let attempt = 0; attempt < 400 && seen.error?.includes('ECONNREFUSED'); attempt += 1) {
      await sleep(100)
      seen = await look(endpoint)
    }
    expect(seen.error).toBeNull()
    expect(seen.served!.certificate).toMatchObject({ serial, trusted: true, fault: null })

    const trusted = await runMain(
      ['watch', 'probe', `127.0.0.1:${port}${kind}`, '--trust', 'root.pem'],
      folder,
    )
    expect([trusted.code, trusted.err]).toEqual([0, ''])
    expect(trusted.out).toContain('verifies')
    expect(trusted.out).toContain(serial)
  })
})

test('the command says what does not verify, with exit code 1, and what is no place with 2', async ({
  skip,
}) => {
  const program = await findProgram('openssl')
  if (program === null) return skip('openssl is not installed')
  const port = await freePort()
  const [, , , args] = servers[0]!
  running.push(
    startDaemon(program, [...args(String(port))], { environment: cleanEnvironment(folder), folder }),
  )
  for (let attempt = 0; attempt < 400 && (await look(`watched.test:${port}`)).served === null; attempt += 1)
    await sleep(100)
  const { code, out } = await runMain(['watch', 'probe', `127.0.0.1:${port}`, '--json'], folder)
  expect(code).toBe(1)
  expect(JSON.parse(out)).toMatchObject({
    endpoint: `127.0.0.1:${port}`,
    error: null,
    served: { serial, trusted: false },
  })
  expect((await runMain(['watch', 'probe', 'nonsense'], folder)).code).toBe(2)
  const nobody = await runMain(['watch', 'probe', `127.0.0.1:${await freePort()}`], folder)
  expect([nobody.code, nobody.out]).toEqual([1, expect.stringContaining('ECONNREFUSED')])
})
