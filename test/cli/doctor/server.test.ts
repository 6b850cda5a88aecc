/** `acmetap doctor` on the server: each fault is planted, and it must be found with a remedy. */
import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Operations, Status } from '../../../src/api/operations.ts'
import type { Finding } from '../../../src/audit/diagnosis/finding.ts'
import { connectServer } from '../../../src/cli/backend.ts'
import { examineServerSide } from '../../../src/cli/doctor/server-side.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { StoreFaults } from '../../../src/store/sqlite/faults.ts'
import { type Composed, compose, until } from '../../app/composed.ts'
import { freePort } from '../../support/child-process.ts'
import { runHere } from '../../support/run-here.ts'
import { startTestCa, type TestCa } from '../../support/test-ca/test-ca.ts'
import { askConnect } from '../../support/tunnel-client.ts'

const DAY = 86_400_000_000
const NOBODY = 65_534

async function doctor(folder: string, now = Date.now() * 1000) {
  const { code, out, err } = await runHere(['doctor', '--json'], folder, { now })
  expect(err).toBe('')
  const { ok, findings } = JSON.parse(out) as { ok: boolean; findings: Finding[] }
  expect(ok).toBe(code === 0)
  const of = (state: Finding['state']) => findings.filter((one) => one.state === state)
  const [refused, warnings] = [true, false].map((hosts) =>
    of('note').filter(({ check }) => (check === 'otherHost') === hosts),
  ) as [Finding[], Finding[]]
  return { ok, findings, failed: of('fail'), refused, warnings, checks: of('ok').map(({ check }) => check) }
}

describe('without a server', () => {
  let folder: string
  let data: string
  const configure = (more: object = {}) =>
    writeFile(
      join(folder, 'acmetap.yaml'),
      JSON.stringify({ version: 1, cas: { pebble: { preset: 'pebble' } }, ...more }),
    )
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'acmetap-server-doctor-'))
    data = join(folder, 'data')
    await configure()
  })
  afterEach(() => rm(folder, { recursive: true, force: true }))

  test('says that none runs, and nothing that only one could tell', async () => {
    await mkdir(data, { mode: 0o700 })
    const { ok, checks, failed } = await doctor(folder)
    expect(ok).toBe(false)
    expect(checks).toEqual(['config', 'data'])
    expect(failed).toEqual([
      expect.objectContaining({
        check: 'server',
        says: `no server answers in ${data}`,
        remedy: expect.stringContaining('acmetap serve'),
      }),
    ])
  })

  test('a faulty configuration: each fault with its place, and nothing after it', async () => {
    await writeFile(
      join(folder, 'acmetap.yaml'),
      'version: 1\ncas:\n  pebble: { preset: pebble }\nintercept:\n  cas: [pebbel]\nlisteners:\n  proxi: {}\n',
    )
    const { ok, findings } = await doctor(folder)
    expect(ok).toBe(false)
    expect(findings.every(({ check, state }) => check === 'config' && state === 'fail')).toBe(true)
    const said = findings.map(({ says }) => says).join('\n')
    expect(said).toMatch(/acmetap\.yaml:\d+:\d+.*listeners\.proxi/)
    expect(findings[0]!.remedy).toContain('acmetap config check')
    expect((await runHere(['doctor'], folder)).out).toMatch(/^FAIL {2}.*acmetap\.yaml:\d+/m)
  })

  test("a file that the configuration names and isn't there", async () => {
    await configure({
      cas: { inner: { directory: 'https://ca.inner.test/directory', trust: './inner.pem' } },
    })
    expect((await doctor(folder)).failed).toMatchObject([
      { check: 'config', says: expect.stringMatching(/cas\.inner\.trust: names a file that does not exist/) },
    ])
  })

  test('the policy: each fault with its place, what is odd as a note', async () => {
    await configure({ policy: './policy.yaml' })
    const write = (text: string) => writeFile(join(folder, 'policy.yaml'), text)
    await write('version: 1\nrules:\n  - { name: a, when: always, effect: alow }\n')
    expect((await doctor(folder)).failed[0]).toMatchObject({
      check: 'policy',
      says: expect.stringMatching(/policy\.yaml:3:38: rules\[0\]\.effect/),
      remedy: expect.stringContaining('acmetap policy check'),
    })
    await write('version: 1\nlists: { spare: [a.example] }\nrules: []\n')
    const { checks, warnings } = await doctor(folder)
    expect(checks.slice(0, 2)).toEqual(['config', 'policy'])
    expect(warnings.filter(({ check }) => check === 'policy')).toMatchObject([
      { says: expect.stringContaining('no rule uses the list spare') },
    ])
  })

  test('a data folder that is missing, or open to others', async () => {
    expect((await doctor(folder)).failed[0]).toMatchObject({
      check: 'data',
      says: `there is no ${data} yet`,
      remedy: expect.stringContaining('acmetap serve'),
    })
    await mkdir(data)
    await chmod(data, 0o755)
    expect((await doctor(folder)).failed[0]).toMatchObject({
      check: 'data',
      says: expect.stringMatching(/mode 0755: others may look in/),
      remedy: `chmod 700 ${data}`,
    })
  })

  test.skipIf(process.geteuid?.() !== 0)(
    'a data folder that is closed to this user is not one without a server',
    async () => {
      await chmod(folder, 0o755)
      await mkdir(data, { mode: 0o700 })
      process.seteuid!(NOBODY)
      try {
        const { failed } = await doctor(folder)
        expect(failed.at(-1)).toMatchObject({
          check: 'server',
          says: `no right to look into ${data}`,
          remedy: expect.stringMatching(/as the user that runs the server/),
        })
      } finally {
        process.seteuid!(0)
      }
    },
  )

  test('a root that is not there yet, where CAs are intercepted', async () => {
    await configure({ intercept: { cas: ['pebble'] } })
    await mkdir(data, { mode: 0o700 })
    expect((await doctor(folder)).failed[0]).toMatchObject({
      check: 'root',
      says: 'there is no interception root yet',
    })
  })
})

describe('with a server', () => {
  let ca: TestCa
  let world: Composed
  let faults: StoreFaults
  let deadPort: number

  const sections = (intercept: object = {}) => ({
    listeners: { proxy: { port: 0 }, sni: { port: 0 }, admin: { port: 0 } },
    relay: [],
    intercept: { cas: ['ca'], ...intercept },
    sinks: [
      { name: 'file', from: 'start', file: { path: './audit.json' } },
      { name: 'dead', from: 'start', syslog: { url: `tcp://127.0.0.1:${deadPort}` } },
    ],
  })
  const described = () => ({ ca: { directory: ca.directory, trust: ca.trust, timeout: '2s' } })
  const proxyPort = () => world.running.addresses.find(({ name }) => name === 'proxy')!.port

  beforeAll(async () => {
    ca = await startTestCa()
    deadPort = await freePort()
    faults = new StoreFaults()
    world = await compose(described(), { sections: sections(), overrides: { storeFaults: faults } })
    await world.settled()
  }, 30_000)
  afterAll(async () => {
    await world?.close()
    await ca?.close()
  })

  /** What it says with the server's own words changed: what can't be planted in a server that lives. */
  async function withStatus(change: (status: Status) => Partial<Status>): Promise<readonly Finding[]> {
    const { all } = await examineServerSide({
      load: () => loadConfig(world.file),
      now: Date.now() * 1000,
      async server(config) {
        const server = (await connectServer(config))!
        const status = async () => {
          const told = await server.status()
          return { ...told, ...change(told) }
        }
        return { ...server, status } satisfies Operations
      },
    })
    return all.filter(({ state }) => state === 'fail')
  }

  test('finds a dead sink with its backlog and error, and all else well', async () => {
    await until(async () =>
      (await world.running.operations.status()).sinks.some(({ lastError }) => lastError !== null),
    )
    const { ok, checks, failed, warnings } = await doctor(world.folder)
    expect(ok).toBe(false)
    expect(warnings.map(({ says }) => says).join('\n')).toMatch(
      /intercept\.cas: .*never use a proxy for localhost/,
    )
    expect(failed).toEqual([
      expect.objectContaining({
        check: 'sink',
        says: expect.stringMatching(
          new RegExp(`^dead fails, [1-9]\\d* waiting: .*127\\.0\\.0\\.1:${deadPort}.*ECONNREFUSED`),
        ),
        remedy: expect.stringContaining('nothing is lost'),
      }),
    ])
    expect(checks).toEqual([
      ...['config', 'data', 'root', 'server', 'record'],
      ...['listener', 'listener', 'listener', 'sink', 'ca'],
    ])
    expect(((await stat(world.data)).mode & 0o777).toString(8)).toBe('700')
  })

  test.each(['full', 'locked', 'io'] as const)(
    'finds a store that fails now (%s), though nobody has asked for anything since',
    async (fault) => {
      faults.failCommits(fault)
      try {
        const { failed } = await doctor(world.folder)
        expect(failed.filter(({ check }) => check !== 'sink')).toEqual([
          expect.objectContaining({
            says: expect.stringMatching(/^the record cannot be written/),
            remedy: expect.stringContaining(`df -h ${world.data}`),
          }),
        ])
      } finally {
        faults.failCommits('none')
      }
      await until(async () => !(await doctor(world.folder)).failed.some(({ check }) => check === 'record'))
    },
    30_000,
  )

  test('lists what clients were refused, with the line, until the configuration has it', async () => {
    for (let time = 0; time < 2; time += 1) {
      const { status, socket } = await askConnect({ port: proxyPort(), target: 'api.dns.test:443' })
      expect(status).toBe(403)
      socket.destroy()
    }
    await until(async () => (await world.exchanges({ operation: 'tunnel', outcome: 'refused' })).length === 2)
    expect((await doctor(world.folder)).refused).toEqual([
      {
        check: 'otherHost',
        state: 'note',
        says: '127.0.0.1 was refused api.dns.test:443 2 times in 7 days',
        remedy: 'If the client needs it, add to intercept.other_hosts:  - "api.dns.test"',
      },
    ])
    const { out } = await runHere(['doctor'], world.folder)
    expect(out).toMatch(/^note {2}127\.0\.0\.1 was refused api\.dns\.test:443/m)
    await world.configure(described(), sections({ other_hosts: ['api.dns.test'] }))
    expect((await doctor(world.folder)).refused).toEqual([])
    await world.configure(described(), sections())
  })

  test('a root that ends soon, or has ended', async () => {
    const root = async (days: number) =>
      (await doctor(world.folder, Date.now() * 1000 + days * DAY)).failed.find(
        ({ check }) => check === 'root',
      )
    expect(await root(300)).toBeUndefined()
    expect(await root(370)).toMatchObject({
      says: expect.stringMatching(/ends on \d{4}-\d\d-\d\d$/),
      remedy: expect.stringContaining('acmetap root rotate'),
    })
    expect((await root(400))?.says).toMatch(/ended on /)
  })

  test('a key of the root that others may read', async () => {
    const file = join(world.data, 'interception', 'current.pem')
    await chmod(file, 0o644)
    try {
      const found = (await doctor(world.folder)).failed.find(({ check }) => check === 'root')
      expect(found?.says).toContain(file)
    } finally {
      await chmod(file, 0o600)
    }
  })

  test('names that the root does not cover', async () => {
    const other = { directory: `https://other.test:1/directory`, timeout: '2s' }
    await world.configure({ ...described(), other }, { ...sections({ cas: ['ca', 'other'] }) })
    expect(await world.running.reload()).toMatchObject({ ok: true })
    await world.settled()
    const { failed } = await doctor(world.folder)
    expect(failed.find(({ check }) => check === 'names')).toMatchObject({
      says: 'the root does not cover other.test: they are not served',
      remedy: expect.stringContaining('acmetap root rotate'),
    })
    await world.configure(described(), sections())
    expect(await world.running.reload()).toMatchObject({ ok: true })
  }, 30_000)

  test('a policy on disk that is not the one in force', async () => {
    const file = join(world.folder, 'policy.yaml')
    await writeFile(file, 'version: 1\nrules: []\n')
    await world.addSections({ policy: './policy.yaml' })
    const told = async () =>
      (await doctor(world.folder)).findings.filter(({ check }) => check === 'policy').map(({ says }) => says)
    const differs = expect.stringMatching(
      /^what the configuration names \([0-9a-f]{12}\) is not what is in force$/,
    )
    expect(await told()).toEqual([`${file} is right`, differs])
    expect(await world.running.reload()).toMatchObject({ ok: true })
    const inForce = expect.stringMatching(/^0 rules of .* decide, in mode observe/)
    expect(await told()).toEqual([`${file} is right`, inForce])
    await writeFile(file, 'version: 1\nrules: []\n# changed\n')
    expect(await told()).toEqual([`${file} is right`, inForce, differs])
    await world.configure(described(), sections())
    expect(await world.running.reload()).toMatchObject({ ok: true })
  })

  test('a listener that does not answer', async () => {
    const port = await freePort()
    const failed = await withStatus(() => ({
      listeners: [{ name: 'proxy', address: '0.0.0.0', port }],
    }))
    expect(failed.find(({ check }) => check === 'listener')).toMatchObject({
      says: `proxy does not answer on 0.0.0.0:${port}`,
      remedy: expect.stringContaining('log'),
    })
  })

  test('a CA that cannot be reached', async () => {
    await ca.close()
    const { failed } = await doctor(world.folder)
    expect(failed.find(({ check }) => check === 'ca')).toMatchObject({
      says: expect.stringMatching(/^ca is unreachable at https:.*ECONNREFUSED/),
      remedy: expect.stringMatching(/trust, addresses and egress/),
    })
  }, 30_000)
})
