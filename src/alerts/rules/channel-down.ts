import type { StateRule } from '../rule.ts'
import { standing } from './standing.ts'
import { momentText, SECOND } from './time-text.ts'

/** A channel of alerts does not take what it is sent: whoever is told by others must know. */
export const channelDown: StateRule = {
  name: 'channel-down',
  every: 5 * SECOND,
  resolution: 'The channel takes notifications again.',
  *occurrences(now, { rules }, _look, vitals) {
    const { severity, after } = rules['channel-down']
    for (const { name, failingSince, waiting, error } of vitals.channels) {
      if (failingSince === null || now - failingSince < after) continue
      yield standing({
        rule: 'channel-down',
        key: name,
        severity,
        at: now,
        title: `Channel ${name} takes nothing, ${waiting} notifications wait`,
        cause: `Since ${momentText(failingSince)} nothing could be delivered through it. What waits is kept, and sent in order once it works.`,
        remedy: `Mend its address, credentials or the way to it, then try: acmetap alerts test ${name}`,
        fixer: 'acmetap',
        said: error,
        about: { details: { channel: name, waiting: `${waiting}` } },
      })
    }
  },
}
