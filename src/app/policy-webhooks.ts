import { readFileSync } from 'node:fs'
import type { WayOut } from '../ca/dial.ts'
import { createPost } from '../ca/post.ts'
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
  const post = createPost(wayOut)
  const webhooks = createWebhooks({
    send: post.post,
    readFile: readWebhookFile,
    report,
  })
  return { ask: webhooks.ask, close: post.close }
}

function readWebhookFile(file: string, kind: 'secret' | 'trust'): string {
  if (kind === 'secret') return readSecret({ value: undefined, file }, 'secret') ?? ''
  certificates(file)
  return readFileSync(file, 'latin1')
}
