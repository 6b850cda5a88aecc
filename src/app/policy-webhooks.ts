import { readFileSync } from 'node:fs'
import type { WayOut } from '../ca/dial.ts'
import { createServiceClient } from '../ca/service-client.ts'
import { certificates } from '../config/files.ts'
import { readSecret } from '../config/secrets.ts'
import { createWebhooks, type WebhookParts, type Webhooks } from '../policy/webhooks.ts'

export interface OpenWebhooks extends Webhooks {
  /** Ends every connection. */
  close(): Promise<void>
}

/** Webhooks of policies over the way out that is in force. */
export function openWebhooks(
  wayOut: () => WayOut,
  report: NonNullable<WebhookParts['report']>,
): OpenWebhooks {
  const client = createServiceClient(wayOut)
  const webhooks = createWebhooks({
    send: client.send,
    readFile: readWebhookFile,
    report,
  })
  return { ask: webhooks.ask, close: client.close }
}

function readWebhookFile(file: string, kind: 'secret' | 'trust'): string {
  if (kind === 'secret') return readSecret({ value: undefined, file }, 'secret') ?? ''
  certificates(file)
  return readFileSync(file, 'latin1')
}
