import { hash } from 'node:crypto'
import type { PolicyBundle } from '../bundle.ts'
import { bundleBytes } from '../recorded-policy.ts'

/** SHA-256 (hex) over the policy's text and those of its list files. Where the policy lies does not count. */
export function bundleDigest(bundle: PolicyBundle): string {
  return hash('sha256', bundleBytes(bundle))
}
