import type { PolicyBundle } from '../policy/bundle.ts'
import { compilePolicy } from '../policy/compile.ts'
import { bundleDigest } from '../policy/document/bundle-digest.ts'
import { type ParseOptions, parsePolicy } from '../policy/document/parse-policy.ts'
import { readBundle } from '../policy/document/read-bundle.ts'
import type { Policy } from '../policy/policy.ts'

/** A policy ready to decide, and what it was made from. */
export interface LoadedPolicy {
  readonly policy: Policy
  readonly bundle: PolicyBundle
}

/** The policy a configuration names; null where it names none. Rejects with ConfigError. */
export async function loadPolicy(file: string | undefined): Promise<LoadedPolicy | null> {
  return file === undefined ? null : policyOf(await readBundle(file), { readFiles: true })
}

/** Rejects with ConfigError where it can't be used. */
export async function policyOf(bundle: PolicyBundle, options: ParseOptions = {}): Promise<LoadedPolicy> {
  const document = await parsePolicy(bundle, options)
  return { policy: await compilePolicy(document, bundleDigest(bundle)), bundle }
}
