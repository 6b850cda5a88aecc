/** Updates by RFC 2136, and the look at every server, with BIND as the real other side: a primary and a secondary. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createResolve } from '../../src/ca/resolve.ts'
import { challengeRecordName, challengeRecordValue } from '../../src/engine/dns-name/challenge-record.ts'
import type { TsigAlgorithm } from '../../src/engine/publishers/rfc2136/tsig.ts'
import { createRfc2136, type Rfc2136Settings } from '../../src/engine/publishers/rfc2136.ts'
import { createDnsSolver, type DnsSettings } from '../../src/engine/solvers/dns.ts'
import { systemClock } from '../../src/exchange/clock.ts'
import { publisherContract } from '../contract/publisher.contract.ts'
import { attemptFor, context } from '../contract/solver.contract.ts'
import { freePort } from '../support/child-process.ts'
import { answerFrom, startZoneServer, type ZoneServer, type Zones } from '../support/dns-zone-server.ts'
import { type Bind, type BindKey, makeBindKey, reasonWithoutNamed, startBind } from '../support/peers/bind.ts'

const missing = await reasonWithoutNamed()
const PRIMARY = '127.0.0.1'
const SECONDARY = '::1'
const SERVERS = [
  ['ns1.servers.test', PRIMARY],
  ['ns2.servers.test', SECONDARY],
] as const
const ALGORITHMS: readonly TsigAlgorithm[] = [
  'hmac-sha1',
  'hmac-sha224',
  'hmac-sha256',
  'hmac-sha384',
  'hmac-sha512',
]

/** What a resolver says of these zones. */
const SEEN: Zones = {
  'lab.test': { SOA: true, NS: ['ns1.servers.test', 'ns2.servers.test'] },
  'www.lab.test': { A: ['127.0.0.1'] },
  'delegated.test': { SOA: true, NS: ['ns1.servers.test'] },
  'single.test': { SOA: true, NS: ['ns1.servers.test'] },
  'half.test': { SOA: true, NS: ['ns1.servers.test', 'gone.servers.test'] },
  'ns1.servers.test': { A: [PRIMARY] },
  'ns2.servers.test': { AAAA: [SECONDARY] },
  'gone.servers.test': { A: ['127.0.0.4'] },
}

describe.skipIf(missing !== null)('RFC 2136 against BIND', () => {
  let port: number
  let primary: Bind
  let secondary: Bind
  let resolver: ZoneServer
  const keys = new Map<string, BindKey>(ALGORITHMS.map((one) => [one, makeBindKey(`${one}.lab.test`, one)]))
  const narrow = makeBindKey('narrow.lab.test')
  const { signal } = new AbortController()

  beforeAll(async () => {
    port = await freePort()
    const granted = [...keys.values()].map(({ name }) => `grant ${name} zonesub TXT;`).join(' ')
    const options = `update-policy { ${granted} grant ${narrow.name} name _acme-challenge.only.lab.test TXT; };`
    primary = await startBind(
      PRIMARY,
      port,
      [
        { name: 'lab.test', servers: SERVERS, options },
        {
          name: 'delegated.test',
          servers: SERVERS.slice(0, 1),
          options,
          records: [
            '_acme-challenge.www IN CNAME hop.delegated.test.',
            'hop IN CNAME target.single.test.',
            '_acme-challenge.loop IN CNAME loop2.delegated.test.',
            'loop2 IN CNAME _acme-challenge.loop.delegated.test.',
            'cut IN NS ns1.servers.test.',
            '_acme-challenge.far IN CNAME _acme-challenge.deep.cut.delegated.test.',
          ],
        },
        { name: 'cut.delegated.test', servers: SERVERS.slice(0, 1), options },
        { name: 'single.test', servers: SERVERS.slice(0, 1), options },
        { name: 'half.test', servers: SERVERS.slice(0, 1), options },
      ],
      [...keys.values(), narrow],
    )
    secondary = await startBind(
      SECONDARY,
      port,
      [{ name: 'lab.test', primary: PRIMARY, servers: SERVERS }],
      [...keys.values()],
    )
    resolver = await startZoneServer(answerFrom(SEEN))
    for (
      let waited = 0;
      waited < 200 && (await secondary.texts('lab.test').catch(() => null)) === null;
      waited++
    ) {
      await sleep(50)
    }
  })
  afterAll(async () => {
    await resolver?.close()
    await secondary?.stop()
    await primary?.stop()
  })

  const settings = (
    more: Partial<Rfc2136Settings> = {},
    key: BindKey = keys.get('hmac-sha256')!,
  ): Rfc2136Settings => ({
    server: `${PRIMARY}:${port}`,
    key_name: key.name,
    key_algorithm: key.algorithm as TsigAlgorithm,
    secret: key.secret,
    timeout: 10_000,
    ...more,
  })
  const clockOff = (seconds: number) => {
    const clock = systemClock()
    return {
      now: () => {
        const { wall, monotonic } = clock.now()
        return { wall: wall + seconds * 1_000_000, monotonic }
      },
    }
  }
  const publisher = (more: Partial<Rfc2136Settings> = {}, key?: BindKey, skew = 0) =>
    createRfc2136(settings(more, key), { clock: clockOff(skew), resolve: createResolve() })
  const at = (name: string, value = 'a value') => ({ name, value, ttl: 60 })

  publisherContract('RFC 2136', async () => ({
    make: () => publisher(),
    texts: (name) => primary.texts(name),
    name: (label) => `_acme-challenge.${label}.contract.lab.test`,
    broken: () => publisher({ server: `127.0.0.5:${port}`, timeout: 2_000 }),
    close: async () => {
      for (const label of ['one', 'two', 'both', 'left', 'right', 'gone', 'orphan']) {
        const name = `_acme-challenge.${label}.contract.lab.test`
        for (const value of await primary.texts(name)) await publisher().remove(at(name, value), signal)
      }
    },
  }))

  it.each(ALGORITHMS)('signs with %s, and BIND and it believe each other', async (algorithm) => {
    const name = `_acme-challenge.${algorithm}.lab.test`
    await publisher({}, keys.get(algorithm)).add(at(name), signal)
    expect(await primary.texts(name)).toEqual(['a value'])
    await publisher({ zone: 'lab.test' }, keys.get(algorithm)).remove(at(name), signal)
    expect(await primary.texts(name)).toEqual([])
  })

  it('sends what does not fit UDP over TCP, cut into strings', async () => {
    const value = 'x'.repeat(700)
    await publisher().add(at('long.lab.test', value), signal)
    expect(await primary.texts('long.lab.test')).toEqual([value])
    await publisher().remove(at('long.lab.test', value), signal)
    expect(await primary.texts('long.lab.test')).toEqual([])
  })

  it.each([3600, -86_400])('takes the time of the server where its own is %i s off', async (skew) => {
    const name = `_acme-challenge.skew${skew}.lab.test`
    await publisher({}, undefined, skew).add(at(name), signal)
    expect(await primary.texts(name)).toEqual(['a value'])
  })

  it.each([
    ['another secret', { secret: makeBindKey('x').secret }, /hmac-sha256\.lab\.test.*BADSIG.*secret/],
    ['an unknown key', { key_name: 'nobody.test' }, /does not know the key nobody\.test \(BADKEY\)/],
    ['another algorithm', { key_algorithm: 'hmac-sha512' as const }, /\(BADKEY\)|\(BADSIG\)/],
    ['a zone it does not have', { zone: 'elsewhere.test' }, /NOTAUTH|does not lie in it/],
    ['a secondary', { server: `[${SECONDARY}]:PORT` }, /NOTIMP|REFUSED|NOTAUTH/],
    ['no key', { key_name: undefined, secret: undefined }, /REFUSED.*update-policy/],
  ])('says what to do about %s, and writes nothing', async (_what, more, says) => {
    const given = { ...more } as Partial<Rfc2136Settings>
    const server = given.server?.replace('PORT', `${port}`)
    const made = { ...settings(given), ...(server === undefined ? {} : { server }) }
    if ('secret' in given && given.secret === undefined) {
      delete (made as { secret?: string }).secret
      delete (made as { key_name?: string }).key_name
    }
    const refused = createRfc2136(made, { clock: systemClock(), resolve: createResolve() })
    const adding = refused.add(at('_acme-challenge.wrong.lab.test'), signal)
    await expect(adding).rejects.toMatchObject({ fault: 'solver', message: expect.stringMatching(says) })
    await expect(adding).rejects.toMatchObject({
      message: expect.not.stringContaining(made.secret ?? 'nothing'),
    })
    expect(await primary.texts('_acme-challenge.wrong.lab.test')).toEqual([])
  })

  it('says what a narrow key may not', async () => {
    await publisher({}, narrow).add(at('_acme-challenge.only.lab.test'), signal)
    const adding = publisher({}, narrow).add(at('_acme-challenge.other.lab.test'), signal)
    await expect(adding).rejects.toMatchObject({
      message: expect.stringMatching(
        /REFUSED.*grant narrow\.lab\.test name _acme-challenge\.other\.lab\.test TXT/,
      ),
    })
  })

  it('says that a server has no zone for the name', async () => {
    await expect(publisher().add(at('_acme-challenge.foreign.invalid'), signal)).rejects.toMatchObject({
      message: expect.stringMatching(/has no zone for _acme-challenge\.foreign\.invalid/),
    })
  })

  describe('with the solver', () => {
    const solver = (more: Partial<DnsSettings['propagation']> = {}, type: DnsSettings['type'] = 'dns-01') =>
      createDnsSolver(
        'dns',
        {
          type,
          ttl: 60,
          propagation: {
            check: 'authoritative',
            resolvers: [],
            timeout: 20_000,
            interval: 100,
            delay: 0,
            ...more,
          },
        },
        publisher(),
        { resolvers: [{ address: resolver.address, port: resolver.port }], port, patience: 1_000 },
      )

    it.each(['dns-01', 'dns-account-01'] as const)(
      '%s: is ready once the secondary has it too',
      async (type) => {
        const attempt = attemptFor('www.lab.test', type)
        const watching = context()
        const one = solver({}, type)
        await one.present(attempt, watching)
        await one.ready?.(attempt, watching)
        const name = challengeRecordName(attempt)
        for (const server of [primary, secondary])
          expect(await server.texts(name)).toEqual([challengeRecordValue(attempt.keyAuthorization)])
        expect(watching.told.join('\n')).toMatch(/2 servers have the record/)
        await solver({}, type).cleanUp(attempt, context())
        expect(await primary.texts(name)).toEqual([])
      },
    )

    it('waits for a name and its wildcard, and takes one away', async () => {
      const [name, wildcard] = [
        attemptFor('both.lab.test', 'dns-01'),
        attemptFor('both.lab.test', 'dns-01', { wildcard: true, seed: 'w' }),
      ]
      const one = solver()
      await Promise.all([name, wildcard].map((attempt) => one.present(attempt, context())))
      await Promise.all([name, wildcard].map((attempt) => one.ready?.(attempt, context())))
      expect(await secondary.texts('_acme-challenge.both.lab.test')).toHaveLength(2)
      await one.cleanUp(name, context())
      expect(await primary.texts('_acme-challenge.both.lab.test')).toEqual([
        challengeRecordValue(wildcard.keyAuthorization),
      ])
      await one.cleanUp(wildcard, context())
    })

    it('follows aliases into another zone, and takes the record away there after a kill', async () => {
      const attempt = attemptFor('www.delegated.test', 'dns-01')
      const watching = context()
      await solver().present(attempt, watching)
      await solver().ready?.(attempt, watching)
      expect(watching.told[0]).toBe(
        'delegated: _acme-challenge.www.delegated.test → hop.delegated.test → target.single.test',
      )
      expect(await primary.texts('target.single.test')).toEqual([
        challengeRecordValue(attempt.keyAuthorization),
      ])
      await solver().cleanUp(attempt, context())
      expect(await primary.texts('target.single.test')).toEqual([])
    })

    it('finds a zone that is cut off below', async () => {
      const attempt = attemptFor('far.delegated.test', 'dns-01')
      await solver().present(attempt, context())
      await solver().ready?.(attempt, context())
      expect(await primary.texts('_acme-challenge.deep.cut.delegated.test')).toHaveLength(1)
      await solver().cleanUp(attempt, context())
    })

    it('tells aliases that go round', async () => {
      await expect(
        solver().present(attemptFor('loop.delegated.test', 'dns-01'), context()),
      ).rejects.toMatchObject({
        message: expect.stringMatching(/go round in a circle \(_acme-challenge\.loop.*correct the CNAME/),
      })
    })

    it('passes a dead server over where another one has it, and says so', async () => {
      const attempt = attemptFor('www.half.test', 'dns-01')
      const watching = context()
      const one = solver()
      await one.present(attempt, watching)
      await one.ready?.(attempt, watching)
      expect(watching.told.at(-1)).toMatch(/1 server has the record.*passed over: gone\.servers\.test/)
      await one.cleanUp(attempt, context())
    })

    it('names the server that does not have it', async () => {
      const attempt = attemptFor('never.lab.test', 'dns-01')
      await expect(solver({ timeout: 500 }).ready?.(attempt, context())).rejects.toMatchObject({
        fault: 'solver',
        message: expect.stringMatching(
          /ns1\.servers\.test.*has no TXT record there \(NXDOMAIN\); ns2\.servers\.test/,
        ),
      })
    })

    it('stops waiting when it is stopped', async () => {
      const stop = new AbortController()
      const attempt = attemptFor('never.lab.test', 'dns-01')
      const watching = { signal: stop.signal, progress: () => undefined }
      const waiting = solver({ timeout: 600_000, interval: 300_000 }).ready?.(attempt, watching)
      setTimeout(() => stop.abort(), 300)
      await expect(waiting).rejects.toMatchObject({ fault: 'aborted' })
    })
  })
})
