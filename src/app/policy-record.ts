import type { Actor } from '../audit/event.ts'
import type { EventRecorder } from '../audit/keeping.ts'
import type { BlobDraft } from '../audit/record.ts'
import { ConfigError } from '../config/config-error.ts'
import { messageOf } from '../exchange/message-of.ts'
import { bundleBytes } from '../policy/recorded-policy.ts'
import type { LoadedPolicy } from './policy-file.ts'

/**
 * Puts each policy into the record before it decides anything, whole, so that every decision can be explained later. One
 * that is replaced is put there once more: what nothing has used for long goes for its age, and until now it was used.
 */
export class PolicyRecord {
  readonly #events: EventRecorder
  #inForce: LoadedPolicy | null = null
  #since = new Date()

  constructor(events: EventRecorder) {
    this.#events = events
  }

  /** Since when this policy has decided. */
  get since(): Date {
    return this.#since
  }

  /** `loaded` is about to come into force; null: none. False where it is already. Rejects with ConfigError where that can't be written. */
  async note(loaded: LoadedPolicy | null, actor: Actor): Promise<boolean> {
    const digest = loaded?.policy.digest ?? null
    if (digest === this.#digest) return false
    await this.#write(loaded, actor)
    this.#inForce = loaded
    this.#since = new Date()
    return true
  }

  get #digest(): string | null {
    return this.#inForce?.policy.digest ?? null
  }

  async #write(loaded: LoadedPolicy | null, actor: Actor): Promise<void> {
    const replaced = this.#digest
    if (loaded === null) {
      const none = { digest: null, replaced, file: null, mode: null, rules: 0 }
      await this.#events.record(actor, { event: 'policyLoaded', ...none }, { blobs: blobsOf(this.#inForce) })
      return
    }
    const { policy, bundle } = loaded
    const { digest, document, rules } = policy
    const { file } = bundle
    try {
      await this.#events.record(
        actor,
        { event: 'policyLoaded', digest, replaced, file, mode: document.mode, rules: rules.length },
        { blobs: [...blobsOf(loaded), ...blobsOf(this.#inForce)] },
      )
    } catch (error) {
      const message = `cannot come into force, because the record cannot be written: ${messageOf(error)}`
      throw new ConfigError([{ file, line: 1, column: 1, path: '', message, instead: null }])
    }
  }
}

function blobsOf(loaded: LoadedPolicy | null): readonly BlobDraft[] {
  if (loaded === null) return []
  const { policy, bundle } = loaded
  return [{ digest: Buffer.from(policy.digest, 'hex'), bytes: bundleBytes(bundle), repeats: true }]
}
