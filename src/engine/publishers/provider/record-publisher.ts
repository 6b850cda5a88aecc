import type { Publisher, TxtRecord } from '../../publisher.ts'
import { createNamedTurns } from './named-turns.ts'
import type { Provider, Task } from './provider.ts'
import { createZones, type FindZone, type ProviderZone } from './zones.ts'

/** An API with one object for each value of a name. */
export interface RecordApi<Zone> {
  readonly zone: FindZone<Zone>
  /** TXT records at `task.about`. `value`: without quotes. */
  list(zone: Zone, task: Task): Promise<readonly { readonly id: string; readonly value: string }[]>
  /** Resolves too where somebody else made it in between. */
  create(zone: Zone, record: TxtRecord, task: Task): Promise<void>
  /** Resolves too where it is gone. */
  remove(zone: Zone, id: string, task: Task): Promise<void>
  /** What brings changes to its servers, where that is a step of its own. */
  publish?(zone: Zone, task: Task): Promise<void>
}

export function createRecordPublisher<Zone extends ProviderZone>(
  provider: Provider,
  api: RecordApi<Zone>,
): Publisher {
  const zones = createZones(provider, api.zone)
  const turns = createNamedTurns()
  const change = (name: string, signal: AbortSignal, task: (zone: Zone, task: Task) => Promise<void>) =>
    turns(name, async () => {
      const about = { about: name, signal }
      const zone = await zones.of(about)
      try {
        await task(zone, about)
        // Also when nothing was changed: whoever changed it may not have come so far.
        await api.publish?.(zone, about)
      } catch (error) {
        zones.forget(name)
        throw error
      }
    })
  return {
    add: (record, signal) =>
      change(record.name, signal, async (zone, task) => {
        const there = await api.list(zone, task)
        if (!there.some(({ value }) => value === record.value)) await api.create(zone, record, task)
      }),
    remove: (record, signal) =>
      change(record.name, signal, async (zone, task) => {
        for (const { id, value } of await api.list(zone, task))
          if (value === record.value) await api.remove(zone, id, task)
      }),
  }
}
