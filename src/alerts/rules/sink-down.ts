import type { StateRule } from '../rule.ts'
import { standing } from './standing.ts'
import { momentText, SECOND } from './time-text.ts'

/** A sink does not take what it is sent. */
export const sinkDown: StateRule = {
  name: 'sink-down',
  every: 5 * SECOND,
  resolution: 'The sink takes lines again.',
  *occurrences(now, { rules }, _look, vitals) {
    const { severity, after } = rules['sink-down']
    for (const { name, failingSince, backlog, error } of vitals.sinks) {
      if (failingSince === null || now - failingSince < after) continue
      yield standing({
        rule: 'sink-down',
        key: name,
        severity,
        at: now,
        title: `Sink ${name} takes nothing, ${backlog} facts wait`,
        cause: `Since ${momentText(failingSince)} nothing could be written to it. Facts stay in the record until it takes them, in order.`,
        remedy:
          'Mend what receives it: address, certificate, disk. It goes on by itself where it stopped; see that retention keeps the record so long.',
        fixer: 'server',
        said: error,
        about: { details: { sink: name, backlog: `${backlog}` } },
      })
    }
  },
}
