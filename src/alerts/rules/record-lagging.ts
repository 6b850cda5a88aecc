import type { StateRule } from '../rule.ts'
import { standing } from './standing.ts'
import { momentText, SECOND } from './time-text.ts'

/** What is derived from the record, or outcomes that wait beside it, fall behind. */
export const recordLagging: StateRule = {
  name: 'record-lagging',
  every: 5 * SECOND,
  resolution: 'It has caught up.',
  *occurrences(now, { rules }, _look, { record }) {
    const { severity, after, facts } = rules['record-lagging']
    const { backlog, behindSince, spillBytes, unwritableSince } = record
    if (backlog >= facts && behindSince !== null && now - behindSince >= after) {
      yield standing({
        rule: 'record-lagging',
        key: 'inventory',
        severity,
        at: now,
        title: `The inventory is ${backlog} facts behind the record`,
        cause: `Since ${momentText(behindSince)} it has not caught up: lists, diagnoses and alerts come late. Nothing is lost.`,
        remedy:
          'Look at the load of this machine and at /readyz, which names a fault of the inventory. acmetap rebuild makes it anew.',
        fixer: 'acmetap',
        about: { details: { backlog: `${backlog}` } },
      })
    }
    if (spillBytes > 0 && unwritableSince !== null && now - unwritableSince >= after) {
      yield standing({
        rule: 'record-lagging',
        key: 'spill',
        severity,
        at: now,
        title: `${spillBytes} bytes of outcomes wait beside the record`,
        cause: `The store has taken none since ${momentText(unwritableSince)}: answers that clients got are only in the spill file.`,
        remedy:
          'Mend the store: space, rights and health of the disk. They are taken in by themselves then; do not delete the spill file.',
        fixer: 'acmetap',
        said: record.detail,
        about: { details: { spillBytes: `${spillBytes}` } },
      })
    }
  },
}
