import { createSealing } from './create-sealing.ts'
import { EngineError } from './engine-error.ts'
import type { EngineStore, Resealed } from './engine-store.ts'
import type { Sealed, SealedPlace, Sealing } from './sealing.ts'

/**
 * Seals everything anew, all or nothing, and returns how many values that were. What the new secret opens already stays
 * as it is, so it can be repeated. Rejects with EngineError (`input`) where neither secret opens a value. Nobody else may
 * use the store meanwhile.
 */
export async function rewrap(store: EngineStore, oldSecret: Buffer, newSecret: Buffer): Promise<number> {
  const [before, after] = [createSealing(oldSecret), createSealing(newSecret)]
  const changes: Resealed[] = []
  for (const { place, sealed } of await store.sealed()) {
    if (opens(after, sealed, place)) continue
    if (!opens(before, sealed, place)) throw fitsNeither(place)
    changes.push({ place, from: sealed, to: after.seal(before.open(sealed, place), place) })
  }
  await store.reseal(changes)
  return changes.length
}

function fitsNeither({ table, id, column }: SealedPlace): EngineError {
  return new EngineError(
    'input',
    `the ${column} of the ${table} ${id} in engine.sqlite is opened neither by the old secret nor by the new one. Nothing was changed. Name the file with the secret it was sealed under, or restore engine.sqlite from a backup.`,
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
