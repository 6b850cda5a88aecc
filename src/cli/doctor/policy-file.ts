import type { PolicyStatus } from '../../api/operations.ts'
import type { Findings } from '../../audit/diagnosis/finding.ts'
import { ConfigError, formatProblem } from '../../config/config-error.ts'
import type { Config } from '../../config/schema.ts'

/** Gives the digest of the policy that the configuration names, as it is on disk; null where it can't be used. */
export async function checkPolicyFile(config: Config, findings: Findings): Promise<string | null> {
  if (config.policy === undefined) return null
  const { loadPolicy } = await import('../../app/policy-file.ts')
  try {
    const { policy, warnings } = (await loadPolicy(config))!
    findings.ok('policy', `${config.policy} is right`)
    for (const warning of warnings) findings.note('policy', warning, 'See docs/policy.md.')
    return policy.digest
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const problem of error.problems) {
      findings.fail('policy', formatProblem(problem), 'Mend it, then: acmetap policy check')
    }
    return null
  }
}

/** `onDisk`: digest of the configured file, null where there is none that can be used. */
export function checkPolicyInForce(
  inForce: PolicyStatus | null,
  onDisk: string | null,
  findings: Findings,
): void {
  if (inForce !== null) {
    const { file, mode, rules, digest } = inForce
    findings.ok('policy', `${rules} rules of ${file} decide, in mode ${mode} (${digest.slice(0, 12)})`)
  }
  if (onDisk === null || onDisk === inForce?.digest) return
  findings.note(
    'policy',
    `what the configuration names (${onDisk.slice(0, 12)}) is not what is in force`,
    'Reload: SIGHUP. Where the reload was refused the log says why.',
  )
}
