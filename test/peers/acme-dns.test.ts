/**
 * Clients of acme-dns against acmetap's: they register and set their values, Pebble validates. Pebble's resolver is
 * BIND, which follows CNAME and delegation to acmetap's DNS responder.
 */
import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeServerCertificate } from '../../src/cli/demo/test-certificates.ts'
import type { DnsOutcome } from '../../src/engine/dns/name-service.ts'
import { type DnsResponder, openDnsResponder } from '../../src/engine/dns/open-dns-responder.ts'
import { systemClock } from '../../src/exchange/clock.ts'
import { openEngineStore } from '../../src/store/sqlite/engine/open-engine-store.ts'
import {
  findProgram,
  freePort,
  listening,
  type StartedProcess,
  startProcess,
} from '../support/child-process.ts'
import { type DelegatingBind, startDelegatingBind } from '../support/engine/delegating-bind.ts'
import { reasonWithoutNamed } from '../support/peers/bind.ts'

const ZONE = 'lab.test'
const CHILD = 'acme-dns'

const missing = ['pebble', 'certbot', 'curl'].find((program) => findProgram(program) === null)
const reason = missing === undefined ? await reasonWithoutNamed() : `${missing} is not installed`

/** What certbot's hooks for acme-dns do: one call of update for each challenge, with what register has told. */
const HOOK = `#!/bin/sh
set -eu
. "$ACCOUNTS/$CERTBOT_DOMAIN"
curl --silent --show-error --fail --cacert "$TRUST" -X POST -H "X-Api-User: $USERNAME" -H "X-Api-Key: $PASSWORD" \\
  -d "{\\"subdomain\\":\\"$SUBDOMAIN\\",\\"txt\\":\\"$CERTBOT_VALIDATION\\"}" "$API/update"
`

async function namesIn(file: string): Promise<readonly string[]> {
  const { subjectAltName = '' } = new X509Certificate(await readFile(file))
  return subjectAltName
    .split(', ')
    .map((one) => one.replace('DNS:', ''))
    .toSorted()
}

describe.skipIf(reason !== null)('clients of acme-dns', () => {
  let folder: string
  let bind: DelegatingBind
  let pebble: StartedProcess
  let directory: string
  let responder: DnsResponder
  const outcomes: DnsOutcome[] = []
  const calls: string[] = []
  const closing: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'acmetap-acme-dns-'))
    closing.push(() => rm(folder, { recursive: true }))
    await mkdir(path.join(folder, 'bind'))
    bind = await startDelegatingBind(path.join(folder, 'bind'), ZONE, CHILD)
    closing.push(() => bind.stop())
    const tls = await makeServerCertificate(['localhost'], ['127.0.0.1'])
    await writeFile(path.join(folder, 'root.pem'), tls.root)
    const store = await openEngineStore({ folder: path.join(folder, 'data') })
    closing.push(() => store.close())
    responder = await openDnsResponder(
      {
        address: bind.delegate,
        port: bind.port,
        zone: `${CHILD}.${ZONE}`,
        nameserver: `ns.${CHILD}.${ZONE}`,
        addresses: [bind.delegate],
        api: { address: '127.0.0.1', port: 0, tls: true, names: ['localhost'], register: ['127.0.0.0/8'] },
      },
      {
        store,
        clock: systemClock(),
        tls: { options: { cert: tls.certificate, key: tls.key }, watch: () => {} },
        observe: {
          query: (outcome) => outcomes.push(outcome),
          apiCall: (operation, outcome) => calls.push(`${operation} ${outcome}`),
          fault(error) {
            throw error
          },
        },
      },
    )
    closing.push(() => responder.close())
    const [port, management] = [await freePort(), await freePort()]
    for (const [name, content] of Object.entries({ 'certificate.pem': tls.certificate, 'key.pem': tls.key }))
      await writeFile(path.join(folder, name), content, { mode: 0o600 })
    const configuration = {
      pebble: {
        listenAddress: `127.0.0.1:${port}`,
        managementListenAddress: `127.0.0.1:${management}`,
        certificate: path.join(folder, 'certificate.pem'),
        privateKey: path.join(folder, 'key.pem'),
        httpPort: 5002,
        tlsPort: 5001,
      },
    }
    await writeFile(path.join(folder, 'pebble.json'), JSON.stringify(configuration))
    pebble = startProcess(
      'pebble',
      ['-config', path.join(folder, 'pebble.json'), '-dnsserver', `127.0.0.1:${bind.port}`],
      { cwd: folder, env: { PEBBLE_VA_NOSLEEP: '1', PEBBLE_AUTHZREUSE: '0', PEBBLE_WFE_NONCEREJECT: '0' } },
    )
    closing.push(() => pebble.stop())
    await listening(port, pebble)
    directory = `https://localhost:${port}/dir`
  }, 60_000)

  afterAll(async () => {
    for (const close of closing.reverse()) await close()
  })

  test('certbot with a hook that calls it by curl obtains a name with its wildcard, and another', {
    timeout: 120_000,
  }, async () => {
    const names = ['shop.lab.test', '*.shop.lab.test', 'post.lab.test']
    const accounts = path.join(folder, 'accounts')
    await mkdir(accounts)
    const api = `https://localhost:${responder.apiPort}`
    const trust = path.join(folder, 'root.pem')
    const aliases: Record<string, string> = {}
    for (const name of ['shop', 'post']) {
      const given = await promisify(execFile)('curl', [
        '-s',
        '--fail',
        '--cacert',
        trust,
        '-X',
        'POST',
        `${api}/register`,
      ])
      const told = JSON.parse(given.stdout) as Record<
        'username' | 'password' | 'subdomain' | 'fulldomain',
        string
      >
      aliases[`_acme-challenge.${name}`] = told.fulldomain
      const lines = [`USERNAME=${told.username}`, `PASSWORD=${told.password}`, `SUBDOMAIN=${told.subdomain}`]
      await writeFile(path.join(accounts, `${name}.${ZONE}`), `${lines.join('\n')}\n`, { mode: 0o600 })
    }
    await bind.alias(aliases)
    const hook = path.join(folder, 'hook.sh')
    await writeFile(hook, HOOK, { mode: 0o700 })
    const place = (name: string) => [`--${name}-dir`, path.join(folder, 'certbot', name)]
    const run = startProcess(
      'certbot',
      [
        ...['certonly', '--non-interactive', '--agree-tos', '--register-unsafely-without-email'],
        ...[...place('config'), ...place('work'), ...place('logs'), '--server', directory],
        ...['--manual', '--preferred-challenges', 'dns', '--manual-auth-hook', hook],
        ...names.flatMap((name) => ['-d', name]),
      ],
      { cwd: folder, env: { REQUESTS_CA_BUNDLE: trust, API: api, TRUST: trust, ACCOUNTS: accounts } },
    )
    expect(await run.ended, `${run.output()}\n${pebble.output()}`).toBe(0)
    const file = path.join(folder, 'certbot', 'config', 'live', 'shop.lab.test', 'cert.pem')
    expect(await namesIn(file)).toEqual(names.toSorted())
    expect(calls).toEqual([...Array(2).fill('register ok'), ...Array(3).fill('update ok')])
    // What BIND asked on the way was answered as a resolver wants it.
    expect(outcomes).toContain('noerror')
    expect(outcomes.filter((one) => !['noerror', 'nodata'].includes(one))).toEqual([])
    expect(bind.process.output()).not.toMatch(/FORMERR|lame|bad cookie|unexpected/i)
    // What was given to it is refused once it is removed.
    for (const { subdomain } of responder.registrations.list())
      await responder.registrations.remove(subdomain)
    const late = [
      '-s',
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      '--cacert',
      trust,
      '-X',
      'POST',
      `${api}/update`,
    ]
    const refused = await promisify(execFile)('curl', late)
    expect(refused.stdout).toBe('401')
  })
})
