/** Another key for what the engine of a data folder keeps sealed. No server may hold the folder meanwhile. */
import { existsSync } from 'node:fs'
import { rewrapLocalCas } from '../../broker/local-ca/rewrap-local-cas.ts'
import type { Config } from '../../config/schema.ts'
import { createSealing } from '../../engine/create-sealing.ts'
import { EngineError } from '../../engine/engine-error.ts'
import { rewrap } from '../../engine/rewrap.ts'
import { readSealingSecret, readSealingSecretFile, sealingSecretFile } from '../../engine/sealing-secret.ts'
import { engineFile } from '../../store/sqlite/engine/engine-file.ts'
import { openEngineStore } from '../../store/sqlite/engine/open-engine-store.ts'
import { lockFolder } from '../../store/sqlite/lock.ts'

export interface RewrapReport {
  /** How many keys were sealed anew; 0 where all were under the new key already. */
  readonly sealed: number
  /** What they are sealed under now: `engine.secret`, or a file. */
  readonly under: string
}

/**
 * Seals everything under the key of the configuration, all or nothing; can be repeated. Rejects with StoreRefusal where
 * the folder is held, with EngineError (`input`) for keys that can't be read or do not fit.
 */
export async function rewrapFolder(
  { data, engine }: Pick<Config, 'data' | 'engine'>,
  oldSecretFile: string,
): Promise<RewrapReport> {
  if (!existsSync(engineFile(data)))
    throw new EngineError('input', `the engine keeps nothing in ${data}: there is nothing to seal anew`)
  const before = await readSealingSecretFile(oldSecretFile)
  const lock = lockFolder(data)
  try {
    const store = await openEngineStore({ folder: data, where: 'here' })
    try {
      const after = await readSealingSecret({ ...engine, data })
      const sealed =
        (await rewrap(store, before, after)) +
        (await rewrapLocalCas(data, createSealing(before), createSealing(after)))
      const file = engine.secret_file ?? sealingSecretFile(data)
      return { sealed, under: engine.secret === undefined ? file : 'engine.secret' }
    } finally {
      await store.close()
    }
  } finally {
    lock.release()
  }
}
