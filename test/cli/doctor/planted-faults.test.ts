/** Every fault is planted, and both doctors must find it and name the remedy. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { cleanEnvironment, findProgram, runProgram } from '../../../src/cli/demo/child.ts'
import { examineClientSide } from '../../../src/cli/doctor/client-side.ts'
import { clientNamed } from '../../../src/cli/enroll/clients.ts'
import { parseCertificates } from '../../../src/cli/enroll/surroundings.ts'
import { type Authority, type CertifiedKey, createAuthority } from '../../../src/interception/authority.ts'
import { doctorScript } from '../../../src/interception/doctor-script.ts'
import { mintLeaf } from '../../../src/interception/leaf.ts'
import { freePort } from '../../support/child-process.ts'
import { runMain } from '../../support/run-main.ts'
import { CA_HOST, type StubProxy, type StubProxyOptions, startStubProxy } from './stub-proxy.ts'

const DIRECTORY = `https://${CA_HOST}/directory`
const DAY_MS = 86_400_000
const shells = [
  ['dash', ['dash']],
  ['busybox', ['busybox', 'sh']],
] as const
const here: (readonly [string, readonly string[]])[] = []
for (const shell of shells) if ((await findProgram(shell[0])) !== null) here.push(shell)

let folder: string
let authority: Authority
let other: Authority
let leaf: CertifiedKey
let running: StubProxy | null = null

async function root(name: string, daysAgo = 0): Promise<Authority> {
  return createAuthority({
    commonName: name,
    permitted: { dns: [CA_HOST], ips: [] },
    now: new Date(Date.now() - daysAgo * DAY_MS),
    lifetimeDays: 30,
  })
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmetap-doctor-'))
  authority = await root('acmetap interception root', 5)
  other = await root('another root')
  leaf = await mintLeaf(authority, { dns: [CA_HOST], ips: [] }, new Date())
  await writeFile(join(folder, 'bundle.pem'), other.certificate + authority.certificate)
  await writeFile(join(folder, 'without.pem'), other.certificate)
})

afterAll(() => rm(folder, { recursive: true }))
afterEach(async () => {
  await running?.close()
  running = null
})

interface Situation {
  readonly proxy: string
  readonly variables?: Readonly<Record<string, string>>
  readonly expectedRoot?: string
  readonly bundle?: 'bundle.pem' | 'without.pem'
}

async function stub(options: Partial<StubProxyOptions> = {}): Promise<string> {
  running = await startStubProxy({ root: authority.certificate, leaf, ...options })
  return running.place
}

const fingerprint = (pem: string): string => parseCertificates(pem)[0]!.sha256

async function node({
  proxy,
  variables = {},
  expectedRoot = authority.certificate,
  bundle = 'bundle.pem',
}: Situation) {
  const { all, failed } = await examineClientSide({
    proxy: undefined,
    directories: [DIRECTORY],
    roots: parseCertificates(expectedRoot),
    client: clientNamed('certbot')!,
    variables: { HTTPS_PROXY: proxy, REQUESTS_CA_BUNDLE: join(folder, bundle), ...variables },
    now: Date.now(),
  })
  return {
    failed,
    text: all.map(({ state, says, remedy }) => `${state} ${says}\n${remedy ?? ''}`).join('\n'),
  }
}

async function posix(shell: readonly string[], situation: Situation) {
  const { proxy, variables = {}, expectedRoot = authority.certificate, bundle = 'bundle.pem' } = situation
  const file = join(folder, 'doctor.sh')
  const script = doctorScript({
    proxy: 'acmetap.invalid:3128',
    cas: [{ name: 'test', directory: DIRECTORY }],
    fingerprint: fingerprint(expectedRoot),
  })
  await writeFile(file, script)
  const [program = '', ...args] = shell
  const { code, output } = await runProgram(program, [...args, file], {
    environment: cleanEnvironment(folder, {
      HTTPS_PROXY: proxy,
      REQUESTS_CA_BUNDLE: join(folder, bundle),
      ...variables,
    }),
    folder,
    timeout: 60_000,
  })
  return { failed: code !== 0, text: output }
}

interface Fault {
  readonly name: string
  readonly plant: () => Promise<Situation>
  readonly finds: RegExp
  readonly remedy: RegExp
}

const FAULTS: readonly Fault[] = [
  {
    name: "the proxy's name does not resolve",
    plant: async () => ({ proxy: 'http://acmetap.invalid:3128' }),
    finds: /acmetap\.invalid does not resolve/,
    remedy: /Correct the name/,
  },
  {
    name: 'nobody listens',
    plant: async () => ({ proxy: `http://127.0.0.1:${await freePort()}` }),
    finds: /nobody listens/,
    remedy: /Is acmetap running/,
  },
  {
    name: 'not HTTP',
    plant: async () => {
      const server = createServer((socket) => {
        socket.on('error', () => socket.destroy())
        socket.write('SSH-2.0-OpenSSH_9.2\r\n', () => socket.destroySoon())
      }).listen(0, '127.0.0.1')
      await new Promise((resolve) => server.once('listening', resolve))
      const place = `127.0.0.1:${(server.address() as AddressInfo).port}`
      running = { place, close: () => new Promise((resolve) => server.close(() => resolve())) }
      return { proxy: `http://${place}` }
    },
    finds: /is not HTTP/,
    remedy: /port of (acmetap's )?listener proxy/,
  },
  {
    name: 'another proxy',
    plant: async () => ({ proxy: `http://${await stub({ root: null })}` }),
    finds: /is not acmetap/,
    remedy: /Another proxy is there/,
  },
  {
    name: 'no credentials',
    plant: async () => ({ proxy: `http://${await stub({ credentials: 'team:right' })}` }),
    finds: /asks for a user and password/,
    remedy: /http:\/\/user:password@/,
  },
  {
    name: 'wrong credentials',
    plant: async () => ({ proxy: `http://team:wrong@${await stub({ credentials: 'team:right' })}` }),
    finds: /user or its password is wrong/,
    remedy: /Correct the credentials/,
  },
  {
    name: 'the CA is not intercepted, and refused',
    plant: async () => ({ proxy: `http://${await stub({ refuse: 403 })}` }),
    finds: /refuses CONNECT to acme-ca\.test:443/,
    remedy: /intercept\.cas/,
  },
  {
    name: 'the CA is not intercepted, and tunnelled',
    plant: async () => ({
      proxy: `http://${await stub({ leaf: await mintLeaf(other, { dns: [CA_HOST], ips: [] }, new Date()) })}`,
    }),
    finds: /not signed by acmetap's root/,
    remedy: /intercept\.cas/,
  },
  {
    name: "the client's bundle lacks the root",
    plant: async () => ({ proxy: `http://${await stub()}`, bundle: 'without.pem' }),
    finds: /does not trust acmetap's root.*without\.pem/,
    remedy: /acmetap enroll/,
  },
  {
    name: 'another root than expected',
    plant: async () => ({ proxy: `http://${await stub()}`, expectedRoot: other.certificate }),
    finds: /the root has|its root has SHA-256 \w+, expected/,
    remedy: /acmetap root show/,
  },
  {
    name: 'clocks an hour apart',
    plant: async () => ({ proxy: `http://${await stub({ clock: 3_600_000 })}` }),
    finds: /clock is -?3(599|600) s/,
    remedy: /Set the clock/,
  },
  {
    name: 'NO_PROXY keeps the CA from it',
    plant: async () => ({ proxy: `http://${await stub()}`, variables: { NO_PROXY: 'localhost,.test' } }),
    finds: /NO_PROXY keeps acme-ca\.test/,
    remedy: /out of NO_PROXY/,
  },
  {
    name: 'acmetap cannot reach the CA',
    plant: async () => ({
      proxy: `http://${await stub({
        answer: { status: 502, body: JSON.stringify({ detail: 'connection refused by the CA' }) },
      })}`,
    }),
    finds: /was answered 502: .*connection refused by the CA/,
    remedy: /acmetap ca probe/,
  },
  {
    name: 'not a directory',
    plant: async () => ({ proxy: `http://${await stub({ answer: { status: 200, body: '<html>' } })}` }),
    finds: /is not an ACME directory/,
    remedy: /Correct the CA's URL/,
  },
  {
    name: 'an expired leaf',
    plant: async () => ({
      proxy: `http://${await stub({
        leaf: await mintLeaf(authority, { dns: [CA_HOST], ips: [] }, new Date(Date.now() - 3 * DAY_MS), 24),
      })}`,
    }),
    finds: /certificate for acme-ca\.test (has ended|is valid from .* not now)/,
    remedy: /restart acmetap/,
  },
]

const DOCTORS: readonly (readonly [
  string,
  (situation: Situation) => Promise<{ failed: boolean; text: string }>,
])[] = [
  ['acmetap doctor', node],
  ...here.map(([name, shell]) => [`doctor.sh in ${name}`, (one: Situation) => posix(shell, one)] as const),
]

describe.each(DOCTORS)('%s', (_name, examine) => {
  test('finds nothing where all is well', async () => {
    const { failed, text } = await examine({ proxy: `http://${await stub()}` })
    expect(text).not.toMatch(/fail/i)
    expect(failed).toBe(false)
    expect(text).toContain(DIRECTORY)
  })

  test('takes credentials that are right', async () => {
    const { failed, text } = await examine({
      proxy: `http://team:right@${await stub({ credentials: 'team:right' })}`,
    })
    expect(failed, text).toBe(false)
    expect(text).not.toContain('right@')
  })

  test('names refused hosts with the line to add', async () => {
    const { failed, text } = await examine({
      proxy: `http://${await stub({ refusedHosts: ['api.dns.test:443', 'mirror.test:8443'] })}`,
    })
    expect(failed).toBe(false)
    expect(text).toMatch(/api\.dns\.test:443 was refused/)
    expect(text).toMatch(/intercept\.other_hosts: {2}- "?api\.dns\.test"?$/m)
    expect(text).toMatch(/intercept\.other_hosts: {2}- "?mirror\.test:8443"?$/m)
  })

  test.each(FAULTS.map((fault) => [fault.name, fault] as const))('finds: %s', async (_fault, fault) => {
    const { failed, text } = await examine(await fault.plant())
    expect(failed).toBe(true)
    expect(text).toMatch(fault.finds)
    expect(text).toMatch(fault.remedy)
  })
})

test('the command says it with an exit code, and as JSON', async () => {
  const place = await stub({ refuse: 403 })
  const words = ['doctor', '--proxy', `http://${place}`, '--ca', DIRECTORY, '--client', 'certbot']
  const env = { REQUESTS_CA_BUNDLE: join(folder, 'bundle.pem') }
  const plain = await runMain(words, folder, env)
  expect(plain.code).toBe(1)
  expect(plain.out).toMatch(/^FAIL {2}acmetap refuses CONNECT/m)
  const { ok, findings } = JSON.parse((await runMain([...words, '--json'], folder, env)).out) as {
    ok: boolean
    findings: { check: string; state: string }[]
  }
  expect(ok).toBe(false)
  expect(findings.filter(({ state }) => state === 'fail').map(({ check }) => check)).toEqual(['connect'])
})

test('a preset without a directory is no CA to look for', async () => {
  const { code, err } = await runMain(['doctor', '--proxy', 'http://127.0.0.1:1', '--ca', 'step-ca'], folder)
  expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining('--ca') })
})

test.each(here)('a password in what is no URL is not printed (%s)', async (_name, shell) => {
  const { failed, text } = await posix(shell, { proxy: 'team:secret@acmetap.invalid:3128' })
  expect(failed).toBe(true)
  expect(text).toMatch(/no URL: acmetap\.invalid:3128/)
  expect(text).not.toContain('secret')
})

test('a Go client and Ruby pass a CA on this machine by the proxy', async () => {
  const { all } = await examineClientSide({
    proxy: `http://${await stub()}`,
    directories: ['https://localhost/directory'],
    roots: null,
    client: clientNamed('lego')!,
    variables: {},
    now: Date.now(),
  })
  expect(all.filter(({ check }) => check === 'bypass').map(({ says }) => says)).toEqual([
    'lego never sends localhost through a proxy',
  ])
})

test('the script takes nothing that could be a command', async () => {
  const cas = [{ name: 'test', directory: "https://a.test/'; rm -rf /; '" }]
  expect(() => doctorScript({ proxy: 'a:1', cas, fingerprint: '' })).toThrow(RangeError)
  expect(() => doctorScript({ proxy: 'a:1$(id)', cas: [], fingerprint: '' })).toThrow(RangeError)
  expect(await readFile(join(folder, 'doctor.sh'), 'utf8')).toContain('set -u')
})
