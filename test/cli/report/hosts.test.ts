import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ExchangeFilter, RecordedExchange } from '../../../src/audit/record-store.ts'
import type { Application } from '../../../src/cli/application.ts'
import type { RefusedHost } from '../../../src/cli/report/hosts.ts'
import { FakeOperations } from '../../support/fake-operations.ts'
import { recorded } from '../../support/recorded-exchange.ts'
import { runHere } from '../../support/run-here.ts'

const ALLOWED = { effect: 'allow' as const, rule: null, ambiguities: [] }
const REFUSED = { effect: 'deny' as const, rule: 'other-host', ambiguities: [] }

/** A record that pages and filters as the store does. */
class PagedRecord extends FakeOperations {
  override async exchanges(filter: ExchangeFilter, limit: number) {
    this.calls.push(['exchanges', filter, limit])
    const { before = Number.POSITIVE_INFINITY, since = 0, operation, outcome } = filter
    return this.found
      .filter(
        ({ intent, outcome: ended }) =>
          intent.sequence < before &&
          intent.at >= since &&
          intent.operation === operation &&
          ended?.outcome === outcome,
      )
      .sort((a, b) => b.intent.sequence - a.intent.sequence)
      .slice(0, limit)
  }
}

let folder: string
let sequence: number
let record: PagedRecord

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmetap-hosts-'))
  sequence = 0
  record = new PagedRecord()
})
afterEach(() => rm(folder, { recursive: true }))

interface Refusal {
  readonly target: string
  readonly method?: string
  readonly authority?: string
  readonly user?: string
  readonly address?: string
}

function refused({ target, method = 'CONNECT', authority = target, user, address = '192.0.2.7' }: Refusal) {
  sequence += 2
  record.found.push(
    recorded({
      sequence,
      operation: 'tunnel',
      intent: { ca: null, mode: 'intercept', decision: REFUSED },
      request: { method, target, authority },
      outcome: { outcome: 'refused', status: 403 },
      personal: { clientAddress: address, ...(user === undefined ? {} : { proxyUser: user }) },
    }),
  )
}

async function report(words: readonly string[] = [], otherHosts: unknown = 'refuse', now = lastAt()) {
  const file = {
    version: 1,
    cas: {
      'le-stage': { preset: 'letsencrypt-staging' },
      inner: { directory: 'https://ca.inner.test:9000/acme/directory' },
    },
    intercept: { cas: ['le-stage'], other_hosts: otherHosts },
  }
  await writeFile(join(folder, 'acmetap.yaml'), JSON.stringify(file))
  const operations = Object.assign(record, { close: async () => undefined })
  const application = { openOffline: async () => operations } as unknown as Application
  return runHere(['report', 'hosts', ...words], folder, { now, application, columns: 200 })
}

async function rows(otherHosts?: unknown, ...words: string[]): Promise<RefusedHost[]> {
  const { code, out, err } = await report(['--json', ...words], otherHosts)
  expect(code, err).toBe(0)
  return JSON.parse(out) as RefusedHost[]
}

function lastAt(): number {
  return Math.max(0, ...record.found.map(({ intent }) => intent.at)) + 1_000_000
}

const line = (text: string) => ({ to: 'intercept.other_hosts', line: text })

test('counts by client and host; a proxy user is one client wherever it comes from', async () => {
  refused({ target: 'api.dns.test:443' })
  refused({ target: 'api.dns.test:443' })
  refused({ target: 'api.dns.test:443', address: '192.0.2.8' })
  refused({ target: 'api.dns.test:443', user: 'cluster-a', address: '192.0.2.9' })
  refused({ target: 'API.dns.test:443', user: 'cluster-a', address: '192.0.2.10' })
  refused({ target: 'api.dns.test:443', user: 'cluster-a', address: '192.0.2.11' })
  refused({ target: 'mirror.test:8443' })
  const found = await rows()
  expect(found.map(({ client, host, times }) => [client, host, times])).toEqual([
    ['cluster-a', 'api.dns.test:443', 3],
    ['192.0.2.7', 'api.dns.test:443', 2],
    ['192.0.2.8', 'api.dns.test:443', 1],
    ['192.0.2.7', 'mirror.test:8443', 1],
  ])
  expect(found[0]).toMatchObject({ allowed: false, add: line('- "api.dns.test"') })
  expect(found[0]!.last).toBe(record.found[5]!.intent.at)
  expect(found[3]!.add).toEqual(line('- "mirror.test:8443"'))
})

test('what was asked for counts, not the Host field beside it; each spelling makes an entry that is understood', async () => {
  const targets: Record<string, Refusal> = {
    '- "api.dns.test:8443"': { target: 'api.dns.test:8443', authority: 'api.dns.test' },
    '- "plain.test"': { method: 'GET', target: 'http://plain.test/some/path?q=1' },
    '- "plain.test:8080"': { method: 'GET', target: 'http://plain.test:8080/', authority: 'plain.test' },
    '- "[2001:db8::1]"': { target: '[2001:db8::1]:443' },
    '- "198.51.100.7:444"': { target: '198.51.100.7:444' },
    '- "port80.test:80"': { target: 'port80.test:80' },
    '- "dot.test"': { target: 'dot.test.:443' },
  }
  for (const one of Object.values(targets)) refused(one)
  const found = await rows()
  expect(found.map(({ add }) => add?.line).sort()).toEqual(Object.keys(targets).sort())
  // Each line lets its host through.
  const entries = found.map(({ add }) => JSON.parse(add!.line.slice(2)) as string)
  for (const row of await rows(entries)) expect(row).toMatchObject({ allowed: true, add: null })
})

test('a host that is no name is counted, with nothing to add', async () => {
  refused({ target: 'a_b.test:443' })
  expect(await rows()).toMatchObject([{ host: 'a_b.test:443', times: 1, allowed: false, add: null }])
  expect((await report()).out).toMatch(/a_b\.test:443\s.*not a name/)
})

test('what the configuration lets through by now is said, by list, wildcard, preset and tunnel', async () => {
  refused({ target: 'api.dns.test:443' })
  refused({ target: 'deep.down.test:443' })
  refused({ target: 'api.cloudflare.com:443' })
  refused({ target: 'other.test:8443' })
  const allowed = async (otherHosts: unknown) =>
    (await rows(otherHosts))
      .filter((row) => row.allowed)
      .map(({ host }) => host)
      .sort()
  expect(await allowed('refuse')).toEqual([])
  expect(await allowed(['api.dns.test'])).toEqual(['api.dns.test:443'])
  expect(await allowed(['*.down.test', 'dns-providers'])).toEqual([
    'api.cloudflare.com:443',
    'deep.down.test:443',
  ])
  expect(await allowed('tunnel')).toEqual([
    'api.cloudflare.com:443',
    'api.dns.test:443',
    'deep.down.test:443',
  ])
  const table = (await report([], ['api.dns.test'])).out
  expect(table).toMatch(/192\.0\.2\.7 +api\.dns\.test:443 +1 .*allowed now$/m)
  expect(table).toMatch(/other\.test:8443 +1 .*- "other\.test:8443" +intercept\.other_hosts$/m)
})

test('a CA of the configuration belongs under intercept.cas, not among other hosts', async () => {
  refused({ target: 'ca.inner.test:9000' })
  refused({ target: 'acme-staging-v02.api.letsencrypt.org:443' })
  const found = await rows()
  expect(found.find(({ host }) => host.startsWith('ca.inner'))).toMatchObject({
    allowed: false,
    add: { to: 'intercept.cas', line: '- "inner"' },
  })
  expect(found.find(({ host }) => host.startsWith('acme-staging'))).toMatchObject({
    allowed: true,
    add: null,
  })
})

test('--since leaves out what is older, and 7 days are looked back on by default', async () => {
  refused({ target: 'old.test:443' })
  refused({ target: 'new.test:443' })
  const now = record.found[1]!.intent.at + 60_000_000
  const hosts = async (...words: string[]) =>
    (JSON.parse((await report(['--json', ...words], 'refuse', now)).out) as RefusedHost[]).map(
      ({ host }) => host,
    )
  expect(await hosts()).toEqual(['new.test:443', 'old.test:443'])
  expect(await hosts('--since', '61s')).toEqual(['new.test:443'])
  expect(await hosts('--since', '10s')).toEqual([])
  const eightDays = now + 8 * 86_400_000_000
  const none = await report([], 'refuse', eightDays)
  expect(none).toMatchObject({ code: 0, out: '', err: expect.stringContaining('no host was refused since') })
  expect(JSON.parse((await report(['--json'], 'refuse', eightDays)).out)).toEqual([])
  expect(await report(['--since', 'yesterday'])).toMatchObject({ code: 2 })
})

test('every page of the record is read, and other refusals are no hosts', async () => {
  for (let times = 0; times < 2500; times += 1) refused({ target: `h${times % 3}.test:443` })
  const inside = recorded({
    sequence: sequence + 2,
    operation: 'newOrder',
    intent: { decision: REFUSED },
    outcome: { outcome: 'refused', status: 403 },
  })
  const through = recorded({
    sequence: sequence + 4,
    operation: 'tunnel',
    intent: { decision: ALLOWED },
    request: { method: 'CONNECT', target: 'through.test:443' },
  })
  const pacing = recorded({
    sequence: sequence + 6,
    operation: 'tunnel',
    intent: { decision: ALLOWED },
    request: { method: 'CONNECT', target: 'busy.test:443' },
    outcome: { outcome: 'refused', status: 503 },
  })
  record.found.push(inside, through, pacing as RecordedExchange)
  expect((await rows()).map(({ host, times }) => [host, times])).toEqual([
    ['h0.test:443', 834],
    ['h1.test:443', 833],
    ['h2.test:443', 833],
  ])
  expect(record.calls.length).toBeGreaterThanOrEqual(3)
})
