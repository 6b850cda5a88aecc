import type { Config } from '../config/schema.ts'
import type { PolicyBundle } from '../policy/bundle.ts'
import { readBundle } from '../policy/document/read-bundle.ts'
import { checkPolicy } from '../policy/document/remarks/check-policy.ts'
import type { Policy } from '../policy/policy.ts'
import { usable } from '../policy/workbench.ts'

/** A policy ready to decide, and what it was made from. */
export interface LoadedPolicy {
  readonly policy: Policy
  readonly bundle: PolicyBundle
  /** What is odd about it, one line each. */
  readonly warnings: readonly string[]
}

/** The policy a configuration names; null where it names none. Rejects with ConfigError. */
export async function loadPolicy({
  policy: file,
  cas,
}: Pick<Config, 'policy' | 'cas'>): Promise<LoadedPolicy | null> {
  if (file === undefined) return null
  const bundle = await readBundle(file)
  const policy = await usable(bundle, { readFiles: true })
  const remarks = await checkPolicy(policy.document, bundle, { now: Date.now(), cas: Object.keys(cas) })
  const warnings = remarks.map(({ line, column, message }) => `${bundle.file}:${line}:${column}: ${message}`)
  return { policy, bundle, warnings }
}
