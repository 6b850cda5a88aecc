import { ConfigError } from '../../../src/config/config-error.ts'
import type { PolicyBundle } from '../../../src/policy/bundle.ts'
import { parsePolicy } from '../../../src/policy/document/parse-policy.ts'
import type { PolicyDocument } from '../../../src/policy/document.ts'

export function bundleOf(text: string, files: Record<string, string> = {}): PolicyBundle {
  return { file: '/etc/acmetap/policy.yaml', text, files }
}

export function parsed(text: string, files: Record<string, string> = {}): Promise<PolicyDocument> {
  return parsePolicy(bundleOf(text, files))
}

/** The problems as a person reads them, without the file's name. */
export async function refusals(text: string, files: Record<string, string> = {}): Promise<string[]> {
  try {
    await parsed(text, files)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.message.split('\n').map((line) => line.replace('/etc/acmetap/', ''))
  }
}
