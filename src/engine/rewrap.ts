import { createSealing } from './create-sealing.ts'
import { EngineError } from './engine-error.ts'
import type { EngineStore, Resealed } from './engine-store.ts'
import type { Sealed, SealedPlace, Sealing } from './sealing.ts'

/** A store that holds what is sealed. */
export interface SealedStore extends Pick<EngineStore, 'sealed' | 'reseal'> {
  /** File it is kept in, for people. */
  readonly file: string
}

/**
 * Seals everything anew and returns how many values that were: nothing is changed in any store unless every value of all can be
 * opened, and each store then changes whole. What the new secret opens already stays as it is, so it can be repeated. Rejects
 * with EngineError (`input`) where neither secret opens a value. Nobody else may use the stores meanwhile.
 */
export async function rewrap(
  stores: readonly SealedStore[],
  oldSecret: Buffer,
  newSecret: Buffer,
): Promise<number> {
  const [before, after] = [createSealing(oldSecret), createSealing(newSecret)]
  const changed: { readonly store: SealedStore; readonly changes: readonly Resealed[] }[] = []
  for (const store of stores) {
    const changes: Resealed[] = []
    for (const { place, sealed } of await store.sealed()) {
      if (opens(after, sealed, place)) continue
      if (!opens(before, sealed, place)) throw fitsNeither(place, store.file)
      changes.push({ place, from: sealed, to: after.seal(before.open(sealed, place), place) })
    }
    changed.push({ store, changes })
  }
  for (const { store, changes } of changed) await store.reseal(changes)
  return changed.reduce((sum, { changes }) => sum + changes.length, 0)
}

function fitsNeither({ table, id, column }: SealedPlace, file: string): EngineError {
  return new EngineError(
    'input',
    `the ${column} of the ${table} ${id} in ${file} is opened neither by the old secret nor by the new one. Nothing was changed. Name the file with the secret it was sealed under, or restore ${file} from a backup.`,
  )
}

function opens(sealing: Sealing, sealed: Sealed, place: SealedPlace): boolean {
  try {
    sealing.open(sealed, place)
    return true
  } catch (error) {
    if (error instanceof EngineError) return false
    throw error
  }
}
