import type { Publisher } from '../../publisher.ts'
import { createNamedTurns } from './named-turns.ts'
import type { Provider, Task } from './provider.ts'
import { quoteTxt, readTxt } from './txt-content.ts'
import { createZones, type FindZone, type ProviderZone } from './zones.ts'

/** All TXT records of a name. */
export interface RecordSet {
  /** As zone files write them, quotes included; at least one. */
  readonly contents: readonly string[]
  /** Seconds. */
  readonly ttl: number
}

/** An API with one object for all values of a name. */
export interface RecordSetApi<Zone, Held extends RecordSet> {
  readonly zone: FindZone<Zone>
  /** Of `task.about`. */
  read(zone: Zone, task: Task): Promise<Held | null>
  /**
   * Puts `wanted` in the place of `held`; null is none. The answer is an id of the change, or null where `held` is not
   * what is there any more: then nothing is changed.
   */
  replace(zone: Zone, held: Held | null, wanted: RecordSet | null, task: Task): Promise<string | null>
  /** Resolves when the change is on its servers. */
  arrived?(zone: Zone, change: string, task: Task): Promise<void>
  /** Seconds that it takes at least. */
  leastTtl(zone: Zone): number
}

/** So often somebody else may have been faster. */
const MOST_TRIES = 6

export function createRecordSetPublisher<Zone extends ProviderZone, Held extends RecordSet>(
  provider: Provider,
  api: RecordSetApi<Zone, Held>,
): Publisher {
  const zones = createZones(provider, api.zone)
  const turns = createNamedTurns()

  const change = async (
    task: Task,
    wantedOf: (held: Held | null, zone: Zone) => RecordSet | null | 'as it is',
  ): Promise<readonly [Zone, string | null]> => {
    const zone = await zones.of(task)
    try {
      for (let tries = 0; tries < MOST_TRIES; tries += 1) {
        const held = await api.read(zone, task)
        const wanted = wantedOf(held, zone)
        if (wanted === 'as it is') return [zone, null]
        const id = await api.replace(zone, held, wanted, task)
        if (id !== null) return [zone, id]
        await provider.wait(Math.random() * 200 * 2 ** tries, task)
      }
    } catch (error) {
      zones.forget(task.about)
      throw error
    }
    throw provider.fault(
      `had the TXT records changed by somebody else ${MOST_TRIES} times while they were written in zone ${zone.name}: see what else writes there`,
      task,
    )
  }

  return {
    async add(record, signal) {
      const task = { about: record.name, signal }
      const [zone, id] = await turns(record.name, () =>
        change(task, (held, at) => {
          if (held?.contents.some((content) => readTxt(content) === record.value)) return 'as it is'
          return {
            contents: [...(held?.contents ?? []), quoteTxt(record.value)],
            // What others have put there stays as it is.
            ttl: held?.ttl ?? Math.max(record.ttl, api.leastTtl(at)),
          }
        }),
      )
      if (id !== null) await api.arrived?.(zone, id, task)
    },
    async remove(record, signal) {
      await turns(record.name, () =>
        change({ about: record.name, signal }, (held) => {
          if (held === null) return 'as it is'
          const left = held.contents.filter((content) => readTxt(content) !== record.value)
          if (left.length === held.contents.length) return 'as it is'
          return left.length === 0 ? null : { contents: left, ttl: held.ttl }
        }),
      )
    },
  }
}
