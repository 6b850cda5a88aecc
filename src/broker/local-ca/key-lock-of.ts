import { join } from 'node:path'
import type { LocalCaConfig } from '../../config/broker.ts'
import { readSecret } from '../../config/secrets.ts'
import { createSealing } from '../../engine/create-sealing.ts'
import { readSealingSecret, type SealingSecretSource } from '../../engine/sealing-secret.ts'
import { exists } from '../../interception/durable-files.ts'
import type { KeyLock } from './key-lock.ts'

/**
 * What the keys of a local CA are locked with, as configured. Rejects with what reading a file throws, or with EngineError
 * where the engine's key is not there and something is sealed under it.
 */
export async function keyLockOf(
  { key_passphrase: value, key_passphrase_file: file }: LocalCaConfig,
  engine: Omit<SealingSecretSource, 'isSealed'>,
): Promise<KeyLock> {
  const passphrase = readSecret({ value, file }, 'passphrase')
  if (passphrase !== null) return { passphrase }
  const isSealed = () => exists(join(engine.data, 'engine.sqlite'))
  return { sealing: createSealing(await readSealingSecret({ ...engine, isSealed })) }
}
