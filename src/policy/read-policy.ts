import type { PolicyBundle } from './bundle.ts'
import { bundleDigest } from './document/bundle-digest.ts'
import { parsePolicy } from './document/parse-policy.ts'
import { readBundle } from './document/read-bundle.ts'
import { type CheckOptions, checkPolicy } from './document/remarks/check-policy.ts'
import type { Remark } from './document/remarks/remark.ts'
import type { PolicyDocument } from './document.ts'

/** What is to be read. Survives a structured clone. */
export interface ReadingOrder {
  /** A policy's file, or what was read from one. */
  readonly from: string | PolicyBundle
  /** Also read the secrets and roots that webhooks name. Default false. */
  readonly readFiles?: boolean
  /** Also say what is odd about it. */
  readonly check?: CheckOptions
}

/** A policy as it is written, checked, and not yet able to decide. */
export interface ReadPolicy {
  readonly bundle: PolicyBundle
  readonly document: PolicyDocument
  readonly digest: string
  /** Empty where nobody asked for them. */
  readonly remarks: readonly Remark[]
}

/** Rejects with ConfigError: everything that is wrong. */
export type PolicyReader = (order: ReadingOrder) => Promise<ReadPolicy>

/** In this thread: holds it while the YAML is read, which takes a second where there are a thousand rules. */
export const readPolicy: PolicyReader = async ({ from, readFiles = false, check }) => {
  const bundle = typeof from === 'string' ? await readBundle(from) : from
  const document = await parsePolicy(bundle, { readFiles })
  const remarks = check === undefined ? [] : await checkPolicy(document, bundle, check)
  return { bundle, document, digest: bundleDigest(bundle), remarks }
}
