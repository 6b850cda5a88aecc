import { randomUUID } from 'node:crypto'
import type { AlertDesk } from '../alerts/alert-desk.ts'
import type { Delivery } from '../alerts/delivery.ts'
import type { AlertSettings, Millis } from '../alerts/rule.ts'
import type { Vitals } from '../alerts/vitals.ts'

/**
 * Where neither the record nor the alerts can be written (a full disk takes both), no alert can be made in the usual way.
 * Then every channel is told past the outbox, once, and again after the rule's quiet time.
 */
export class LastWord {
  readonly #desk: Pick<AlertDesk, 'counts'>
  readonly #delivery: Pick<Delivery, 'announce'>
  #toldAt: Millis | null = null

  constructor(desk: Pick<AlertDesk, 'counts'>, delivery: Pick<Delivery, 'announce'>) {
    this.#desk = desk
    this.#delivery = delivery
  }

  /** Called with every measurement. Never rejects. */
  async consider({ at, record }: Vitals, { rules }: AlertSettings): Promise<void> {
    const { enabled, after, quiet, severity } = rules['record-unwritable']
    if (record.unwritableSince === null) {
      this.#toldAt = null
      return
    }
    if (!enabled || at - record.unwritableSince < after) return
    if (this.#toldAt !== null && at >= this.#toldAt && at - this.#toldAt < quiet) return
    // What keeps them from being written now: `progress` tells also of what went wrong once.
    const fault = await this.#desk.counts().then(
      (counts) => counts.fault,
      (error: unknown) => String(error),
    )
    if (fault === null) return
    this.#toldAt = at
    const since = new Date(record.unwritableSince).toISOString()
    this.#delivery.announce({
      id: randomUUID(),
      number: 0,
      kind: 'firing',
      key: 'record-unwritable',
      made: new Date(at).toISOString(),
      rule: 'record-unwritable',
      severity,
      title: 'The record cannot be written, and neither can the alerts: nothing is forwarded',
      shared: null,
      alerts: [],
      count: 1,
      occurrences: 1,
      text: [
        `Since ${since} acmetap cannot write its record, so clients get 503 and no certificate is issued.`,
        'Its alerts cannot be written either: this message was sent past the outbox, and is not in the history.',
        'Most often the disk is full: make room, and everything goes on by itself.',
        'See docs/runbooks/record-unwritable.md.',
      ].join('\n'),
    })
  }
}
