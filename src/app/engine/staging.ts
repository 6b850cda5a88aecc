import { OperationRefused } from '../../api/operations.ts'
import type { Config } from '../../config/schema.ts'

/** The CA that is tried instead of `ca`. Throws OperationRefused where there is none. */
export function stagingOf({ cas, engine }: Config, ca: string): string {
  const named = engine.staging[ca]
  if (named !== undefined) return named
  const preset = cas[ca]?.preset
  const staging = Object.entries(cas).find(
    ([, other]) => other.preset !== undefined && other.preset === `${preset}-staging`,
  )
  if (staging !== undefined) return staging[0]
  throw new OperationRefused(
    `no staging is known for the CA ${JSON.stringify(ca)}: add it under cas, and name it under engine.staging`,
    409,
  )
}
