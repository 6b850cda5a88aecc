import type { ClientRhythm } from '../look.ts'
import type { Millis, Occurrence, StateRule } from '../rule.ts'
import { namesText, standing } from './standing.ts'
import { DAY, MINUTE, momentText, spanText } from './time-text.ts'

/** After the end of its last certificate a client counts as given up, unless it was enrolled under a label. */
const GIVEN_UP = 7 * DAY

/**
 * A client that came regularly has gone silent: for longer than so many times its longest usual pause, after it kept
 * that rhythm for at least as long. Only with a current certificate, or a label that it was enrolled under.
 */
export const clientSilent: StateRule = {
  name: 'client-silent',
  every: 30 * MINUTE,
  resolution: 'The client came again, or another one in its place, or its certificates are gone.',
  *occurrences(now, { rules }, look) {
    const { severity, factor, least } = rules['client-silent']
    for (const client of look.clients()) {
      if (now - client.silentFrom <= least || !isExpected(client, now)) continue
      const pause = client.longestPause
      if (pause === null) continue
      const patience = Math.max(least, factor * pause)
      if (now - client.silentFrom <= patience || client.last - client.first < patience) continue
      yield silent(client, pause, severity, now)
    }
  },
}

function isExpected({ label, soonestExpiry }: ClientRhythm, now: Millis): boolean {
  return label !== null || (soonestExpiry !== null && soonestExpiry + GIVEN_UP > now)
}

function silent(
  { client, text, label, last, soonestExpiry, names }: ClientRhythm,
  pause: Millis,
  severity: Occurrence['severity'],
  now: Millis,
): Occurrence {
  const ends = soonestExpiry === null ? '' : ` Its next certificate ends ${momentText(soonestExpiry)}.`
  return standing({
    rule: 'client-silent',
    key: client,
    severity,
    at: now,
    title: `${text}: not heard for ${spanText(now - last)}`,
    cause: `It came at least every ${spanText(pause)}, last at ${momentText(last)}, and never since.${ends}`,
    remedy: `Look whether the host of ${names.length === 0 ? 'this client' : namesText(names)} runs, whether the client's timer or cron entry is there, and whether it still reaches acmetap.`,
    fixer: 'client',
    about: {
      names: [...names],
      client,
      clientText: text,
      label,
      details: { last: new Date(last).toISOString(), pause: spanText(pause) },
    },
  })
}
