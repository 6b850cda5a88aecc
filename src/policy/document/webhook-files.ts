import type { Complaint } from '../../config/config-error.ts'
import { certificates, fileFault } from '../../config/files.ts'
import { readSecret } from '../../config/secrets.ts'
import type { WebhookSetting } from '../document.ts'

const RELATIVE = 'Paths are relative to the policy file'

/** Reads every secret and every root that webhooks name: what is wrong with them. */
export function checkWebhookFiles(webhooks: Readonly<Record<string, WebhookSetting>>): Complaint[] {
  return Object.entries(webhooks).flatMap(([name, { secretFile, trust }]) => [
    ...attempt(['webhooks', name, 'secret_file'], secretFile, (file) =>
      readSecret({ value: undefined, file }, 'secret'),
    ),
    ...attempt(['webhooks', name, 'trust'], trust, certificates),
  ])
}

function attempt(path: readonly string[], file: string | null, read: (file: string) => unknown): Complaint[] {
  if (file === null) return []
  try {
    read(file)
    return []
  } catch (error) {
    return [{ path, at: 'value', message: fileFault(error), instead: RELATIVE }]
  }
}
