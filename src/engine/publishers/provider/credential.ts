import { readSecret, type SecretSource } from '../../../config/secrets.ts'
import { EngineError } from '../../engine-error.ts'
import { oneLine } from '../../one-line.ts'
import { readTrust } from '../../solvers/read-trust.ts'
import { systemFault } from '../../solvers/solver-error.ts'

/** A secret of a solver, from its `key` or `key_file`. Throws EngineError (`input`) where there is none that can be one. */
export function credential(solver: string, key: string, source: SecretSource): string {
  const value = optionalCredential(solver, key, source)
  if (value === null) throw input(solver, `has no ${key}. Write ${key} or ${key}_file`)
  return value
}

/** As {@link credential}; null where none is configured. */
export function optionalCredential(solver: string, key: string, source: SecretSource): string | null {
  let value: string | null
  try {
    value = readSecret(source, key)
  } catch (error) {
    throw input(solver, `can't read its ${key}_file: ${oneLine(systemFault(error))}`)
  }
  if (value !== null && !/^[\x21-\x7e]+$/.test(value))
    throw input(solver, `has a ${key} with spaces or characters that none has. Copy it again`)
  return value
}

/** PEM of the only roots to trust; null for the public ones. Throws as {@link credential}. */
export function trusted(solver: string, file: string | undefined): string | null {
  try {
    return readTrust(file)
  } catch (error) {
    throw input(solver, `can't use the roots of trust: ${oneLine(systemFault(error))}`)
  }
}

export function input(solver: string, what: string): EngineError {
  return new EngineError('input', `solver ${solver} ${what}`)
}

/** A URL that paths are put behind. */
export function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '')
}
