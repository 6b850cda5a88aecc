/** The look at the DNS, with servers that answer as they like: what BIND will not do. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { challengeRecordValue } from '../../../src/engine/dns-name/challenge-record.ts'
import type { Publisher, TxtRecord } from '../../../src/engine/publisher.ts'
import { createDnsSolver, type DnsDeps, type DnsSettings } from '../../../src/engine/solvers/dns.ts'
import { createPersist } from '../../../src/engine/solvers/persist.ts'
import { systemClock } from '../../../src/exchange/clock.ts'
import { attemptFor, context } from '../../contract/solver.contract.ts'
import {
  answerFrom,
  type NameRecords,
  type Respond,
  startZoneServer,
  type ZoneServer,
} from '../../support/dns-zone-server.ts'

const NAME = 'www.lab.test'
const ATTEMPT = attemptFor(NAME, 'dns-01')
const VALUE = challengeRecordValue(ATTEMPT.keyAuthorization)
const OWNER = `_acme-challenge.${NAME}`

let zones: Record<string, NameRecords>
let ns1: Respond
let ns2: Respond
let resolving: Respond
let servers: ZoneServer[]
let written: (TxtRecord & { readonly how: string; readonly by: string })[]

const sound: Respond = (asked) => answerFrom(zones, { authoritative: true })(asked)

beforeEach(async () => {
  zones = {
    test: { SOA: true },
    'lab.test': { SOA: true, NS: ['ns1.lab.test', 'ns2.lab.test'] },
    'ns1.lab.test': { A: ['127.0.0.2'] },
    'ns2.lab.test': { A: ['127.0.0.3'] },
    [NAME]: { A: ['127.0.0.1'] },
  }
  written = []
  ns1 = ns2 = sound
  resolving = (asked) => answerFrom(zones)(asked)
  const first = await startZoneServer((asked) => ns1(asked), { address: '127.0.0.2' })
  const second = await startZoneServer((asked) => ns2(asked), { address: '127.0.0.3', port: first.port })
  const resolver = await startZoneServer((asked) => resolving(asked))
  servers = [first, second, resolver]
})
afterEach(async () => {
  await Promise.all(servers.map((server) => server.close()))
})

function publisher(by = 'own'): Publisher {
  return {
    add: async (record) => void written.push({ ...record, how: 'add', by }),
    remove: async (record) => void written.push({ ...record, how: 'remove', by }),
  }
}

function deps(more: Partial<DnsDeps> = {}): DnsDeps {
  const { address, port } = servers[2]!
  return { resolvers: [{ address, port }], port: servers[0]!.port, patience: 300, ...more }
}

function propagation(more: Partial<DnsSettings['propagation']> = {}): DnsSettings['propagation'] {
  return { check: 'authoritative', resolvers: [], timeout: 5_000, interval: 100, delay: 0, ...more }
}

function solver(more: Partial<DnsSettings['propagation']> = {}, other: Partial<DnsDeps> = {}) {
  return createDnsSolver(
    'dns',
    { type: 'dns-01', ttl: 60, propagation: propagation(more) },
    publisher(),
    deps(other),
  )
}

const txt =
  (...data: (string | Buffer[])[]): Respond =>
  (asked) =>
    asked.type === 'TXT' && asked.name === OWNER
      ? {
          authoritative: true,
          answers: data.map((one) => ({ type: 'TXT', name: OWNER, ttl: 0, data: one as string })),
        }
      : sound(asked)

describe('waiting for a record', () => {
  it('takes it in any order, among others, cut into strings, from both servers', async () => {
    ns1 = txt('other', VALUE)
    ns2 = txt([Buffer.from(VALUE.slice(0, 5)), Buffer.from(VALUE.slice(5))], 'other')
    const watching = context()
    await solver().ready?.(ATTEMPT, watching)
    expect(watching.told).toEqual([`2 servers have the record at ${OWNER}`])
  })

  it('asks the servers themselves, and never the resolver for the name', async () => {
    ns1 = ns2 = txt(VALUE)
    await solver().present(ATTEMPT, context())
    await solver().ready?.(ATTEMPT, context())
    expect(servers[2]!.questions.map(({ name }) => name)).not.toContain(OWNER)
    expect(servers[0]!.questions.every(({ recursion }) => !recursion)).toBe(true)
  })

  it('goes on asking the one that lags, and no other', async () => {
    ns1 = txt(VALUE)
    let asks = 0
    ns2 = (asked) => (asked.type === 'TXT' && ++asks > 3 ? txt(VALUE)(asked) : sound(asked))
    await solver().ready?.(ATTEMPT, context())
    expect(asks).toBe(4)
    expect(servers[0]!.questions.filter(({ type }) => type === 'TXT')).toHaveLength(1)
  })

  it('does not take a value in another case, or a piece of it', async () => {
    ns1 = ns2 = txt(VALUE.toLowerCase(), VALUE.slice(1))
    await expect(solver({ timeout: 300 }).ready?.(ATTEMPT, context())).rejects.toMatchObject({
      message: expect.stringMatching(/has 2 other TXT values there/),
    })
  })

  it.each([
    ['refuses', () => ({ rcode: 'REFUSED' as const }), /answers REFUSED/],
    ['fails', () => ({ rcode: 'SERVFAIL' as const }), /answers SERVFAIL/],
    ['is silent', () => null, /gives no answer/],
    [
      'knows nothing of the zone',
      () => ({ answers: [], authoritative: false }),
      /does not answer for this zone/,
    ],
    ['answers nonsense', () => ({ raw: Buffer.from([1, 2, 3]) }), /gives no answer/],
  ])('passes a server over that %s, and says so', async (_what, answer, says) => {
    ns1 = txt(VALUE)
    ns2 = (asked) => (asked.name === OWNER ? answer() : sound(asked))
    const watching = context()
    await solver().ready?.(ATTEMPT, watching)
    expect(watching.told.at(-1)).toMatch(/^1 server has the record .*passed over: ns2\.lab\.test/)
    expect(watching.told.at(-1)).toMatch(says)
  })

  it('gives up where no server can be asked, long before the time is over', async () => {
    ns1 = ns2 = () => null
    await expect(
      solver({ timeout: 86_400_000 }, { patience: 50 }).ready?.(ATTEMPT, context()),
    ).rejects.toMatchObject({
      message: expect.stringMatching(/port 53 out, or set propagation\.check to resolvers/),
    })
  })

  it('asks the resolvers where these are wanted', async () => {
    resolving = (asked) =>
      asked.name === OWNER && asked.type === 'TXT' ? txt(VALUE)(asked) : answerFrom(zones)(asked)
    const watching = context()
    await solver({ check: 'resolvers' }).ready?.(ATTEMPT, watching)
    expect(watching.told).toEqual([`1 server has the record at ${OWNER}`])
    expect(servers[0]!.questions).toEqual([])
  })

  it('asks nobody where nobody is wanted, and waits as long as it is told to', async () => {
    const watching = context()
    await solver({ check: 'none', delay: 20 }).ready?.(ATTEMPT, watching)
    expect(watching.told).toEqual(['waiting 0.02 s more, as configured'])
    expect(servers.flatMap(({ questions }) => questions)).toEqual([])
  })

  it('is stopped while it waits for a silent server', async () => {
    ns1 = ns2 = (asked) => (asked.name === OWNER ? null : sound(asked))
    const stop = new AbortController()
    const waiting = solver({}, { patience: 60_000 }).ready?.(ATTEMPT, {
      signal: stop.signal,
      progress: () => undefined,
    })
    setTimeout(() => stop.abort(), 100)
    await expect(waiting).rejects.toMatchObject({ fault: 'aborted' })
  })
})

describe('the place of a record', () => {
  const alias = (count: number) => {
    for (let hop = 0; hop < count; hop++)
      zones[hop === 0 ? OWNER : `hop${hop}.lab.test`] = { CNAME: `hop${hop + 1}.lab.test` }
  }

  it('is at the end of ten aliases, and no more', async () => {
    alias(10)
    await solver().present(ATTEMPT, context())
    expect(written).toMatchObject([{ name: 'hop10.lab.test', value: VALUE, ttl: 60 }])
    alias(11)
    await expect(solver().present(ATTEMPT, context())).rejects.toMatchObject({
      fault: 'solver',
      message: expect.stringMatching(/more than 10 aliases/),
    })
  })

  it.each(['$(id).lab.test', "a'b.lab.test", 'a;b.lab.test', '-rf.lab.test', 'a/b.lab.test', 'a b.lab.test'])(
    'leads nobody to the alias %j: it would be handed to programs and services',
    async (target) => {
      zones[OWNER] = { CNAME: target }
      zones[target] = { SOA: true }
      await expect(solver().present(ATTEMPT, context())).rejects.toThrow(/is not made of letters/)
      expect(written).toEqual([])
    },
  )

  it('is written by whoever serves it', async () => {
    zones[OWNER] = { CNAME: 'abc.delegated.lab.test' }
    const other = publisher('responder')
    const one = solver({}, { elsewhere: (name) => (name.endsWith('.delegated.lab.test') ? other : null) })
    await one.present(ATTEMPT, context())
    await one.present(attemptFor('other.lab.test', 'dns-01'), context())
    await one.cleanUp(ATTEMPT, context())
    expect(written.map(({ how, by, name }) => [how, by, name])).toEqual([
      ['add', 'responder', 'abc.delegated.lab.test'],
      ['add', 'own', '_acme-challenge.other.lab.test'],
      ['remove', 'responder', 'abc.delegated.lab.test'],
    ])
  })

  it('is remembered where the alias is changed meanwhile', async () => {
    alias(1)
    const one = solver()
    await one.present(ATTEMPT, context())
    delete zones[OWNER]
    await one.cleanUp(ATTEMPT, context())
    expect(written.map(({ name }) => name)).toEqual(['hop1.lab.test', 'hop1.lab.test'])
  })

  it('is asked of the resolver where no server of the zone answers', async () => {
    alias(1)
    ns1 = ns2 = () => null
    await solver().present(ATTEMPT, context())
    expect(written).toMatchObject([{ name: 'hop1.lab.test' }])
  })

  it('is an error where nobody answers; with check none it is the name itself', async () => {
    resolving = () => null
    await expect(solver().present(ATTEMPT, context())).rejects.toMatchObject({ fault: 'solver' })
    const watching = context()
    await solver({ check: 'none' }).present(ATTEMPT, watching)
    expect(written).toMatchObject([{ name: OWNER }])
    expect(watching.told[0]).toMatch(/is taken as it is/)
  })

  it('does not follow a stranger who names an alias for another name', async () => {
    const spoofing: Respond = (asked) =>
      asked.type === 'CNAME'
        ? {
            authoritative: true,
            answers: [{ type: 'CNAME', name: 'else.lab.test', ttl: 0, data: 'evil.test' }],
          }
        : sound(asked)
    ns1 = ns2 = spoofing
    await solver().present(ATTEMPT, context())
    expect(written).toMatchObject([{ name: OWNER }])
  })
})

describe('dns-persist-01', () => {
  const attempt = {
    ...attemptFor(NAME, 'dns-persist-01', {
      token: '',
      keyAuthorization: '',
      issuerDomainNames: ['ca.test'],
    }),
    accountUrl: 'https://ca.test/acct/1',
  }
  const persist = () =>
    createPersist('stays', { propagation: propagation() }, { ...deps(), clock: systemClock() })
  const place = `_validation-persist.${NAME}`
  const record = 'ca.test; accounturi=https://ca.test/acct/1'

  it('is ready where the record is there', async () => {
    zones[place] = { TXT: [record] }
    const watching = context()
    await persist().ready?.(attempt, watching)
    expect(watching.told).toEqual([])
  })

  it('follows an alias, and warns before the end', async () => {
    zones[place] = { CNAME: 'persist.lab.test' }
    const until = Math.floor(Date.now() / 1000) + 86_400 * 5
    zones['persist.lab.test'] = { TXT: [`${record}; persistUntil=${until}`] }
    const watching = context()
    await persist().ready?.(attempt, watching)
    expect(watching.told[0]).toMatch(/it ends in [45] days/)
  })

  it('warns as long before as the next certificate is away, also those who do not watch', async () => {
    const until = Math.floor(Date.now() / 1000) + 86_400 * 80
    zones[place] = { TXT: [`${record}; persistUntil=${until}`] }
    const watching = context()
    const warned: string[] = []
    await persist().ready?.(attempt, { ...watching, warn: (text) => warned.push(text) })
    expect(warned).toEqual([expect.stringMatching(/it ends in (79|80) days/)])
    expect(watching.told).toEqual([])
  })

  it.each([
    ['nothing there', undefined, /there is no TXT record/],
    ['another account', ['ca.test; accounturi=https://ca.test/acct/2'], /accounturi is/],
  ])('says what to publish where there is %s', async (_what, TXT, says) => {
    if (TXT !== undefined) zones[place] = { TXT }
    const waiting = persist().ready?.(attempt, context())
    await expect(waiting).rejects.toMatchObject({ fault: 'solver', message: expect.stringMatching(says) })
    await expect(waiting).rejects.toMatchObject({
      message: expect.stringContaining(`Publish: ${place}. IN TXT "${record}"`),
    })
  })

  it('wants the policy for a wildcard', async () => {
    zones[place] = { TXT: [record] }
    await expect(persist().ready?.({ ...attempt, wildcard: true }, context())).rejects.toMatchObject({
      message: expect.stringMatching(/needs policy=wildcard.*Publish: .*; policy=wildcard"/),
    })
  })
})
