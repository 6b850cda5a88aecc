import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type SolverConfig, type SolverKind, solver } from '../../src/config/engine-solvers.ts'
import { stopped } from '../../src/engine/abortable.ts'
import type { Publisher } from '../../src/engine/publisher.ts'
import type { ProviderParts } from '../../src/engine/publishers/provider/provider.ts'
import { solverOf } from '../../src/engine/solvers/solver-of.ts'
import { systemClock } from '../../src/exchange/clock.ts'
import { noParts } from '../engine/solvers/no-parts.ts'
import { type FakeProvider, json, ZONE } from '../support/publishers/fake-provider.ts'
import { publisherContract } from './publisher.contract.ts'

export interface ProviderFixture<Kind extends SolverKind> {
  readonly fake: FakeProvider
  readonly create: (
    name: string,
    settings: NonNullable<SolverConfig[Kind]>,
    parts: ProviderParts,
  ) => Publisher
  /** Of the kind's section, beside endpoint and trust. */
  readonly settings: Readonly<Record<string, unknown>>
  /** Its keys that hold secrets. */
  readonly secrets: readonly string[]
  /** Settings with which the provider does not know who asks. */
  readonly wrong: Readonly<Record<string, unknown>>
  /** Values of a name as its servers have them, without quotes. */
  texts(name: string): readonly string[]
  /** Puts a value there as somebody else does. */
  put(name: string, value: string): void
}

export interface DnsProviderWorld<Kind extends SolverKind = SolverKind> extends ProviderFixture<Kind> {
  make(more?: Readonly<Record<string, unknown>>): Publisher
  config(more?: Readonly<Record<string, unknown>>): SolverConfig
  /** Milliseconds that were waited; nobody really waits. */
  readonly waits: number[]
  name(label: string): string
}

export async function openProvider<Kind extends SolverKind>(
  kind: Kind,
  open: () => Promise<ProviderFixture<Kind>>,
): Promise<DnsProviderWorld<Kind>> {
  const fixture = await open()
  const waits: number[] = []
  const parts: ProviderParts = {
    services: noParts.services,
    clock: systemClock(),
    async wait(ms, signal) {
      if (signal.aborted) throw stopped()
      waits.push(ms)
    },
  }
  const config = (more: Readonly<Record<string, unknown>> = {}) =>
    solver.parse({ name: 'cloud', [kind]: { trust: fixture.fake.root, ...fixture.settings, ...more } })
  return {
    ...fixture,
    waits,
    config,
    make: (more) => fixture.create('cloud', config(more)[kind] as NonNullable<SolverConfig[Kind]>, parts),
    name: (label) => `_acme-challenge.${label}.${ZONE}`,
  }
}

/** What every publisher of a DNS provider keeps to. */
export function dnsProviderContract<Kind extends SolverKind>(
  kind: Kind,
  open: () => Promise<ProviderFixture<Kind>>,
): void {
  publisherContract(kind, async () => {
    const world = await openProvider(kind, open)
    return {
      make: () => world.make(),
      texts: async (name) => world.texts(name),
      name: world.name,
      broken: () => world.make(world.wrong),
      async close() {
        await world.fake.close()
        expect(world.fake.complaints).toEqual([])
      },
    }
  })

  describe(`${kind}, as a DNS provider`, () => {
    const { signal } = new AbortController()
    let world: DnsProviderWorld<Kind>
    const record = (label: string, value = `value-${label}`) => ({ name: world.name(label), value, ttl: 60 })
    beforeEach(async () => {
      world = await openProvider(kind, open)
    })
    afterEach(async () => {
      await world.fake.close()
      expect(world.fake.complaints).toEqual([])
    })
    const failure = async (done: Promise<unknown>): Promise<string> => {
      const error = await done.then(
        () => null,
        (reason: Error) => reason,
      )
      expect(error).toMatchObject({ name: 'EngineError', fault: 'solver' })
      expect(error?.message).toMatch(/^solver cloud for _acme-challenge\.[^\r\n]+$/)
      return error?.message ?? ''
    }

    it('is what a solver of the configuration writes with', () => {
      expect(solverOf(world.config(), noParts).types).toEqual(['dns-01'])
    })

    it('writes to the longest zone that holds the name, and to the zone itself', async () => {
      await world.make().add({ name: ZONE, value: 'at the top', ttl: 60 }, signal)
      await world.make().add(record('deep.er'), signal)
      expect(world.texts(ZONE)).toEqual(['at the top'])
      expect(world.texts(world.name('deep.er'))).toEqual(['value-deep.er'])
      await world.make().remove({ name: ZONE, value: 'at the top', ttl: 60 }, signal)
      expect(world.texts(ZONE)).toEqual([])
    })

    it('leaves what somebody else put at the same name', async () => {
      world.put(world.name('shared'), 'of somebody "else"; with \\ in it')
      await world.make().add(record('shared'), signal)
      expect([...world.texts(world.name('shared'))].sort()).toEqual([
        'of somebody "else"; with \\ in it',
        'value-shared',
      ])
      await world.make().remove(record('shared'), signal)
      expect(world.texts(world.name('shared'))).toEqual(['of somebody "else"; with \\ in it'])
    })

    it('keeps five values at one name, which two instances write at the same time', async () => {
      const [one, other] = [world.make(), world.make()]
      const values = ['a', 'b', 'c', 'd', 'e']
      for (const value of values.slice(0, 3)) await one.add(record('many', value), signal)
      await Promise.all([one.add(record('many', 'd'), signal), other.add(record('more', 'd'), signal)])
      await other.add(record('many', 'e'), signal)
      expect([...world.texts(world.name('many'))].sort()).toEqual(values)
      await Promise.all(values.map((value) => one.remove(record('many', value), signal)))
      expect(world.texts(world.name('many'))).toEqual([])
      expect(world.texts(world.name('more'))).toEqual(['d'])
    })

    it('takes its secrets from files, and says where one can not be read', async () => {
      for (const key of world.secrets) {
        const file = path.join(world.fake.folder, key)
        await writeFile(file, `${String(world.settings[key])}\nand a second line\n`)
        const publisher = world.make({ [key]: undefined, [`${key}_file`]: file })
        await publisher.add(record('file', key), signal)
        expect(world.texts(world.name('file'))).toContain(key)
        for (const text of ['', 'two words', 'tab\there']) {
          await writeFile(file, text)
          expect(() => world.make({ [key]: undefined, [`${key}_file`]: file })).toThrow(
            expect.objectContaining({
              fault: 'input',
              message: expect.stringMatching(/^solver cloud .*\.?/),
            }),
          )
        }
        const missing = { [key]: undefined, [`${key}_file`]: path.join(world.fake.folder, 'missing') }
        expect(() => world.make(missing)).toThrow(
          new RegExp(`^solver cloud can't read its ${key}_file: ENOENT`),
        )
      }
    })

    it('says that there is no such zone, or none it may see', async () => {
      const adding = world
        .make()
        .add({ name: '_acme-challenge.www.elsewhere.org', value: 'x', ttl: 60 }, signal)
      expect(await failure(adding)).toMatch(
        /(has|shows) no zone that holds the name.*: .*rights?.* another solver/,
      )
    })

    it('says what is wrong with who asks, and never who', async () => {
      expect(await failure(world.make(world.wrong).add(record('wrong'), signal))).toMatch(
        /answers 40\d to .*\. (Make a new|Check |Give )/,
      )
    })

    it('shows no secret, whatever the answer holds', async () => {
      const publisher = world.make()
      await publisher.add(record('before'), signal)
      for (const status of [400, 401, 402, 403, 405, 418, 500, 503]) {
        world.fake.instead = ({ headers, body }) =>
          json(status, {
            message: `no\n${JSON.stringify(headers)} ${body}`,
            errors: [{ code: 1, message: JSON.stringify(headers) }],
          })
        const said = await failure(publisher.add(record('shown'), signal))
        for (const key of world.secrets) expect(said).not.toContain(world.settings[key])
        expect(said).not.toMatch(/Bearer [^[]/)
        expect(said).toMatch(/\. [A-Z][^.]+$/)
      }
    })

    it('waits as it is told, and goes on', async () => {
      let left = 2
      world.fake.instead = () => {
        left -= 1
        return left < 0 ? null : json(429, { message: 'slow down' }, { 'retry-after': '7' })
      }
      await world.make().add(record('busy'), signal)
      expect(world.waits.slice(0, 2)).toEqual([7_000, 7_000])
      expect(world.texts(world.name('busy'))).toEqual(['value-busy'])
    })

    it('does not wait for an hour, and says until when', async () => {
      world.fake.instead = () => json(429, { detail: 'throttled' }, { 'retry-after': '3600' })
      expect(await failure(world.make().add(record('busy'), signal))).toMatch(/answers 429 .*next in 3600 s$/)
      expect(world.waits).toEqual([])
      expect(world.fake.requests).toHaveLength(1)
    })

    it('asks again three times where it has trouble, and no more', async () => {
      world.fake.instead = () => ({ status: 503, body: '<html>\nService Unavailable</html>' })
      expect(await failure(world.make().add(record('trouble'), signal))).toMatch(
        /answers 503 to [^<]+\. That is trouble of its own/,
      )
      expect(world.waits).toEqual([1_000, 2_000, 4_000])
      expect(world.fake.requests).toHaveLength(4)
    })

    it('says where its answers are none', async () => {
      for (const body of ['<html>hello</html>', '{"cut', '[]', '{}', '"', 'null', '<a><b></a></b>', '']) {
        const publisher = world.make()
        world.fake.instead = () => ({ status: 200, body })
        // An empty list is an answer of some.
        expect(await failure(publisher.add(record('odd'), signal))).toMatch(
          /something else than its API has\. Check its endpoint|no zone that holds the name/,
        )
      }
    })

    it('stops in the middle of a call', async () => {
      const controller = new AbortController()
      world.fake.instead = () => {
        controller.abort()
        return json(503, {})
      }
      await expect(world.make().add(record('middle'), controller.signal)).rejects.toMatchObject({
        fault: 'aborted',
      })
      expect(world.fake.requests).toHaveLength(1)
    })

    it('trusts nobody but whom it is told to', async () => {
      const publisher = world.make({ trust: undefined })
      expect(await failure(publisher.add(record('tls'), signal))).toMatch(
        /127\.0\.0\.1:\d+: .*(CERT|certificate|ISSUER)/i,
      )
      expect(world.fake.requests).toHaveLength(0)
    })
  })
}
