import type { WebhookAnswer } from '../exchange/decision.ts'
import type { WebhookSetting } from './document.ts'
import type { PolicyFacts } from './facts.ts'

/** Asks operators' own services whether something may be. */
export interface Webhooks {
  /**
   * The answer of a webhook to one request; `exchange` is the id of its record, null where there is none. Never rejects:
   * without an answer `allow` is null and `reason` says why, in one line without secrets.
   */
  ask(
    name: string,
    setting: WebhookSetting,
    facts: PolicyFacts,
    exchange: string | null,
  ): Promise<WebhookAnswer>
}
