import type { Policy } from './policy.ts'

/** The same policy with every rule, its default and what is built in enforced: what it is meant to become. */
export function asEnforced(policy: Policy): Policy {
  return {
    ...policy,
    document: { ...policy.document, mode: 'enforce' },
    rules: policy.rules.map((rule) => ({ ...rule, mode: 'enforce' })),
  }
}
