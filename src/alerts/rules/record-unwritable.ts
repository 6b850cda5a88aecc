import type { StateRule } from '../rule.ts'
import { standing } from './standing.ts'
import { momentText, SECOND } from './time-text.ts'

/** The record cannot be written, so nothing is forwarded. */
export const recordUnwritable: StateRule = {
  name: 'record-unwritable',
  every: SECOND,
  resolution: 'The record can be written again.',
  *occurrences(now, { rules }, _look, { record }) {
    const { severity, after } = rules['record-unwritable']
    const since = record.unwritableSince
    if (since === null || now - since < after) return
    yield standing({
      rule: 'record-unwritable',
      key: 'record',
      severity,
      at: now,
      title: 'The record cannot be written: clients get 503',
      cause: `Since ${momentText(since)} no fact could be written, and what cannot be recorded is not forwarded.`,
      remedy:
        'Look at the disk of the data folder: space, rights, errors of the kernel, another process that locks it. acmetap goes on by itself once it can write.',
      fixer: 'acmetap',
      said: record.detail,
    })
  },
}
