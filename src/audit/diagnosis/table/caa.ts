import { named, type Row, rows } from './row.ts'

/** RFC 8659, RFC 8657. */
export const CAA: readonly Row[] = [
  ...rows('caa', [
    `CAA records? for ${named('name')} prevents? issuance`,
    'CAA.{0,80}(?:prevents?|forbids?|disallows?|does not (?:allow|permit|authorize)|prohibits?)',
    '(?:prevented|forbidden|disallowed|blocked|denied|not (?:allowed|permitted|authorized)).{0,60}\\bCAA\\b',
    `rechecking CAA(?: for ${named('name')})?.{0,80}(?:failed|refer)`,
    'CAA (?:identifier|issuer|issue|issuewild|records?|check(?:ing)?|policy|validation|authorization).{0,60}(?:fail|mismatch|not match|error|invalid|denied)',
    `\\bCAA\\b.{0,100}does not (?:contain|include|list|match)`,
  ]),
]
