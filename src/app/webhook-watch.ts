/** Milliseconds that nothing may have failed before a webhook counts as mended: one that comes and goes is told once. */
const QUIET = 10_000

/** How webhooks of policies fare, so that a change is told and not each request. */
export class WebhookWatch {
  readonly #monotonic: () => number
  /** When each last failed, by the monotonic clock; those that fare well are not in it. */
  readonly #failing = new Map<string, number>()

  constructor(monotonic: () => number = () => performance.now()) {
    this.#monotonic = monotonic
  }

  /** What has changed by this answer; null for nothing. */
  note(webhook: string, answered: boolean): 'failed' | 'recovered' | null {
    const failedAt = this.#failing.get(webhook)
    if (!answered) {
      this.#failing.set(webhook, this.#monotonic())
      return failedAt === undefined ? 'failed' : null
    }
    if (failedAt === undefined || this.#monotonic() - failedAt < QUIET) return null
    this.#failing.delete(webhook)
    return 'recovered'
  }
}
