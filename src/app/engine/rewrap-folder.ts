/** Another key for what engine, broker and local CAs of a data folder keep sealed. No server may hold the folder meanwhile. */
import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { LOCAL_CA_FOLDER } from '../../broker/local-ca/issuer-files.ts'
import { rewrapLocalCas } from '../../broker/local-ca/rewrap-local-cas.ts'
import type { Config } from '../../config/schema.ts'
import { createSealing } from '../../engine/create-sealing.ts'
import { EngineError } from '../../engine/engine-error.ts'
import { rewrap, type SealedStore } from '../../engine/rewrap.ts'
import { readSealingSecret, readSealingSecretFile, sealingSecretFile } from '../../engine/sealing-secret.ts'
import { brokerFile } from '../../store/sqlite/broker/broker-file.ts'
import { openBrokerStore } from '../../store/sqlite/broker/open-broker-store.ts'
import { engineFile } from '../../store/sqlite/engine/engine-file.ts'
import { openEngineStore } from '../../store/sqlite/engine/open-engine-store.ts'
import { lockFolder } from '../../store/sqlite/lock.ts'

const STORES = [
  { fileIn: engineFile, open: openEngineStore },
  { fileIn: brokerFile, open: openBrokerStore },
] as const

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
  const stores = STORES.filter(({ fileIn }) => existsSync(fileIn(data)))
  if (stores.length === 0 && !existsSync(join(data, LOCAL_CA_FOLDER)))
    throw new EngineError('input', `nothing is kept sealed in ${data}: there is nothing to seal anew`)
  const before = await readSealingSecretFile(oldSecretFile)
  const lock = lockFolder(data)
  const opened: (SealedStore & { close(): Promise<void> })[] = []
  try {
    for (const { fileIn, open } of stores) {
      const store = await open({ folder: data, where: 'here' })
      opened.push({
        file: basename(fileIn(data)),
        sealed: () => store.sealed(),
        reseal: (changes) => store.reseal(changes),
        close: () => store.close(),
      })
    }
    const after = await readSealingSecret({ ...engine, data })
    const sealed =
      (await rewrap(opened, before, after)) +
      (await rewrapLocalCas(data, createSealing(before), createSealing(after)))
    const file = engine.secret_file ?? sealingSecretFile(data)
    return { sealed, under: engine.secret === undefined ? file : 'engine.secret' }
  } finally {
    for (const store of opened) await store.close()
    lock.release()
  }
}
