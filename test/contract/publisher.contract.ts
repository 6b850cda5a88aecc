import { hash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EngineError } from '../../src/engine/engine-error.ts'
import type { Publisher, TxtRecord } from '../../src/engine/publisher.ts'

/** A place where one kind of publisher writes, and what is in the DNS there. */
export interface PublisherWorld {
  /** Another instance over the same place, as another process would have it. */
  make(): Promise<Publisher> | Publisher
  /** TXT values of the name as whoever serves it has them now, in any order. */
  texts(name: string): Promise<readonly string[]>
  /** A name that can be written, without records; another one for each label. */
  name(label: string): string
  /** One that cannot write: the place is out of order. */
  broken(): Promise<Publisher> | Publisher
  close(): Promise<void>
}

function digest(seed: string): string {
  return hash('sha256', seed, 'base64url')
}

/** What every publisher keeps to, whatever it writes to. */
export function publisherContract(what: string, open: () => Promise<PublisherWorld>): void {
  describe(`${what}, as a publisher`, () => {
    let world: PublisherWorld
    let publisher: Publisher
    const { signal } = new AbortController()
    const record = (label: string, seed = label): TxtRecord => ({
      name: world.name(label),
      value: digest(seed),
      ttl: 60,
    })
    const texts = async (label: string) => [...(await world.texts(world.name(label)))].sort()

    beforeEach(async () => {
      world = await open()
      publisher = await world.make()
    })
    afterEach(async () => {
      await publisher?.close?.()
      await world?.close()
    })

    it('adds a record, and again without harm', async () => {
      await publisher.add(record('one'), signal)
      await publisher.add(record('one'), signal)
      expect(await texts('one')).toEqual([digest('one')])
    })

    it('keeps two values at one name, and takes one of them away', async () => {
      await publisher.add(record('two', 'a'), signal)
      await publisher.add(record('two', 'b'), signal)
      expect(await texts('two')).toEqual([digest('a'), digest('b')].sort())
      await publisher.remove(record('two', 'a'), signal)
      expect(await texts('two')).toEqual([digest('b')])
      await publisher.remove(record('two', 'b'), signal)
      expect(await texts('two')).toEqual([])
    })

    it('adds two values at one name at the same time', async () => {
      await Promise.all(['a', 'b'].map((seed) => publisher.add(record('both', seed), signal)))
      expect(await texts('both')).toEqual([digest('a'), digest('b')].sort())
    })

    it('leaves other names alone', async () => {
      await publisher.add(record('left', 'same'), signal)
      await publisher.add(record('right', 'same'), signal)
      await publisher.remove(record('left', 'same'), signal)
      expect(await texts('left')).toEqual([])
      expect(await texts('right')).toEqual([digest('same')])
    })

    it('removes what is not there, and what was removed, without harm', async () => {
      await publisher.remove(record('missing'), signal)
      await publisher.add(record('gone'), signal)
      await publisher.remove(record('gone'), signal)
      await publisher.remove(record('gone'), signal)
      expect(await texts('gone')).toEqual([])
    })

    it('removes what another instance has added', async () => {
      await publisher.add(record('orphan'), signal)
      const other = await world.make()
      await other.remove(record('orphan'), signal)
      await other.close?.()
      expect(await texts('orphan')).toEqual([])
    })

    it('does nothing once it is stopped', async () => {
      const stopped = AbortSignal.abort()
      const adding = publisher.add(record('stopped'), stopped)
      await expect(adding).rejects.toBeInstanceOf(EngineError)
      await expect(adding).rejects.toMatchObject({ fault: 'aborted' })
      await expect(publisher.remove(record('stopped'), stopped)).rejects.toMatchObject({ fault: 'aborted' })
      expect(await texts('stopped')).toEqual([])
    })

    it('says in one line what it could not do', async () => {
      const broken = await world.broken()
      const adding = broken.add(record('broken'), signal)
      await expect(adding).rejects.toBeInstanceOf(EngineError)
      await expect(adding).rejects.toMatchObject({
        fault: 'solver',
        message: expect.not.stringMatching(/[\r\n]/),
      })
      await broken.close?.()
      expect(await texts('broken')).toEqual([])
    })
  })
}
