import type { StateRule } from '../rule.ts'
import { standing } from './standing.ts'
import { MINUTE, SECOND, spanText } from './time-text.ts'

/** One answer may have been long under way: two of one CA, or two CAs, must say the same. */
const LEAST_ANSWERS = 2

/**
 * This machine's clock and those of the CAs differ: most CAs that say a time are on the same side by more than is
 * allowed. Where they disagree it is a CA's clock that is wrong.
 */
export const clockSkew: StateRule = {
  name: 'clock-skew',
  every: 5 * SECOND,
  settles: 5 * MINUTE,
  resolution: 'The clocks agree again, or no CA says otherwise.',
  *occurrences(now, { rules }, _look, vitals) {
    const { severity, by } = rules['clock-skew']
    const told = vitals.cas.flatMap(({ ca, skew, exchanges, failed }) =>
      skew === null ? [] : [{ ca, skew, answers: exchanges - failed }],
    )
    for (const sign of [1, -1]) {
      const agreeing = told.filter(({ skew }) => skew * sign > by)
      const answers = agreeing.reduce((sum, one) => sum + one.answers, 0)
      if (agreeing.length * 2 <= told.length) continue
      if (agreeing.length < 2 && answers < LEAST_ANSWERS) continue
      const skews = agreeing.map(({ skew }) => Math.abs(skew)).sort((a, b) => a - b)
      const skew = skews[Math.floor(skews.length / 2)]!
      yield standing({
        rule: 'clock-skew',
        key: 'clock',
        severity,
        at: now,
        title: `This machine's clock is ${spanText(skew)} ${sign > 0 ? 'behind' : 'ahead'}`,
        cause: `The answers of ${agreeing.map(({ ca }) => ca).join(', ')} carry a Date that is ${spanText(skew)} ${sign > 0 ? 'later' : 'earlier'} than the clock here. Times in the record are off by as much, and certificates may look not yet valid.`,
        remedy:
          'Set the clock by NTP (chrony, systemd-timesyncd) and see that it is allowed through the firewall.',
        fixer: 'acmetap',
        about: {
          ca: agreeing.length === 1 ? agreeing[0]!.ca : null,
          details: { skew: `${sign * Math.round(skew / SECOND)} s` },
        },
      })
    }
  },
}
