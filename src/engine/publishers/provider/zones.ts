import { climb } from '../../../ca/dns/authorities.ts'
import type { Provider, Task } from './provider.ts'

/** Where a provider keeps a zone; `name` without the final dot. */
export interface ProviderZone {
  readonly name: string
}

/** Null: there is none; forbidden: it won't say, as of names that are not ours. */
export type FoundZone<Zone> = Zone | 'forbidden' | null

/** The longest zone that holds `task.about`. */
export type FindZone<Zone> = (task: Task) => Promise<FoundZone<Zone>>

/** For APIs that know zones by their exact names only: the name itself is asked for, then what is above it. */
export function longestSuffix<Zone>(
  ask: (candidate: string, task: Task) => Promise<FoundZone<Zone>>,
): FindZone<Zone> {
  return async (task) => {
    let forbidden = false
    for (const candidate of climb(task.about)) {
      if (!candidate.includes('.')) continue
      const found = await ask(candidate, task)
      if (found === 'forbidden') forbidden = true
      else if (found !== null) return found
    }
    return forbidden ? 'forbidden' : null
  }
}

export interface Zones<Zone> {
  /** The longest zone that holds the name. Rejects with EngineError where there is none. */
  of(task: Task): Promise<Zone>
  /** Looks again the next time: it may have been made anew. */
  forget(name: string): void
}

const MOST_KNOWN = 1_000

export function createZones<Zone extends ProviderZone>(
  provider: Provider,
  find: FindZone<Zone>,
): Zones<Zone> {
  const known = new Map<string, Zone>()
  return {
    async of(task) {
      const zone = known.get(task.about) ?? (await find(task))
      if (zone === 'forbidden')
        throw provider.fault(
          'shows no zone that holds the name: give the credentials the right to read and change its zone, or name another solver for it',
          task,
        )
      if (zone === null)
        throw provider.fault(
          'has no zone that holds the name, or none that these credentials may see: make the zone there, widen their rights, or name another solver for it',
          task,
        )
      if (known.size >= MOST_KNOWN) known.clear()
      known.set(task.about, zone)
      return zone
    },
    forget: (name) => void known.delete(name),
  }
}

/** The name within the zone, as most providers want it: `@` for the zone itself. */
export function nameWithin(name: string, { name: zone }: ProviderZone): string {
  return name === zone ? '@' : name.slice(0, -(zone.length + 1))
}
