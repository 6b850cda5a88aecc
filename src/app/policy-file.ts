import type { PolicyStatus } from '../api/operations.ts'
import type { Config } from '../config/schema.ts'
import type { PolicyBundle } from '../policy/bundle.ts'
import { compilePolicy } from '../policy/compile.ts'
import type { Policy } from '../policy/policy.ts'
import { type PolicyReader, readPolicy } from '../policy/read-policy.ts'

/** A policy ready to decide, and what it was made from. */
export interface LoadedPolicy {
  readonly policy: Policy
  readonly bundle: PolicyBundle
  /** What is odd about it, one line each. */
  readonly warnings: readonly string[]
}

/** The policy a configuration names; null where it names none. Rejects with ConfigError. */
export async function loadPolicy(
  { policy: file, cas }: Pick<Config, 'policy' | 'cas'>,
  read: PolicyReader = readPolicy,
): Promise<LoadedPolicy | null> {
  if (file === undefined) return null
  const check = { now: Date.now(), cas: Object.keys(cas) }
  const { bundle, document, digest, remarks } = await read({ from: file, readFiles: true, check })
  const policy = await compilePolicy(document, digest)
  const warnings = remarks.map(({ line, column, rule, message }) => {
    const about = rule === null ? '' : `rule ${rule}: `
    return `${bundle.file}:${line}:${column}: ${about}${message}`
  })
  return { policy, bundle, warnings }
}

export function policyStatus(loaded: LoadedPolicy | null): PolicyStatus | null {
  if (loaded === null) return null
  const { policy, bundle } = loaded
  return {
    file: bundle.file,
    digest: policy.digest,
    mode: policy.document.mode,
    rules: policy.rules.length,
  }
}
