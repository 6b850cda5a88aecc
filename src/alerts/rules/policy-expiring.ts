import type { StateRule } from '../rule.ts'
import type { EndingRule } from '../vitals.ts'
import { standing } from './standing.ts'
import { MINUTE, momentText, spanText } from './time-text.ts'

/** What changes with the end. */
const THEN: Readonly<Record<EndingRule['effect'], string>> = {
  allow: 'what it allows is left to the rules behind it, and to the default',
  deny: 'nothing is denied by it any more',
  warn: 'nobody is warned by it any more',
}

/**
 * A rule of the policy that ends by itself does so soon, or has done so: one alert for each rule and end. Its `step`
 * changes with the end, and is told anew.
 */
export const policyExpiring: StateRule = {
  name: 'policy-expiring',
  every: 5 * MINUTE,
  resolution: 'The rule was taken out of the policy, has another end, or ended long enough ago.',
  *occurrences(now, { rules }, _look, { endingRules }) {
    const { severity, before, after } = rules['policy-expiring']
    for (const { rule, effect, owner, expires, place } of endingRules) {
      const left = expires - now
      if (left > before || left < -after) continue
      const hasEnded = left <= 0
      const who = owner === null ? '' : ` Its owner is ${owner}.`
      yield standing({
        rule: 'policy-expiring',
        key: `${expires} ${rule}`,
        severity,
        at: now,
        title: hasEnded
          ? `Rule ${rule} of the policy ended ${spanText(left)} ago`
          : `Rule ${rule} of the policy ends in ${spanText(left)}`,
        cause: `It ${hasEnded ? 'ended' : 'ends'} ${momentText(expires)}: from then on ${THEN[effect]}.${who}`,
        remedy: `${hasEnded ? 'Take it out' : 'Let it end, and take it out then'}, or give it a later end, in ${place}; acmetap policy replay shows what would change. A reload brings it into force.`,
        fixer: 'acmetap',
        about: {
          details: {
            rule,
            step: hasEnded ? 'ended' : 'soon',
            expires: new Date(expires).toISOString(),
            ...(owner !== null && { owner }),
          },
        },
      })
    }
  },
}
