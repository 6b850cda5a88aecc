import type { PolicyBundle } from '../policy/bundle.ts'
import { readBundle } from '../policy/document/read-bundle.ts'
import type { Policy } from '../policy/policy.ts'
import { usable } from '../policy/workbench.ts'

/** A policy ready to decide, and what it was made from. */
export interface LoadedPolicy {
  readonly policy: Policy
  readonly bundle: PolicyBundle
}

/** The policy a configuration names; null where it names none. Rejects with ConfigError. */
export async function loadPolicy(file: string | undefined): Promise<LoadedPolicy | null> {
  if (file === undefined) return null
  const bundle = await readBundle(file)
  return { policy: await usable(bundle, { readFiles: true }), bundle }
}
