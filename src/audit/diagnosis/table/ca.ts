import { type Row, rows } from './row.ts'

/** What a CA says of its own state. */
export const CA: readonly Row[] = [
  ...rows(
    'ca-busy',
    [
      'service busy|retry later|too busy|overload|try again later|temporarily (?:un|not )available|service unavailable',
      'too many (?:concurrent )?(?:requests|connections)',
    ],
    { types: ['rateLimited', 'serverInternal', 'unavailable', 'malformed'] },
  ),
  ...rows(
    'ca-internal',
    [
      'internal (?:server )?error|unexpected (?:error|condition)|server experienced',
      'down for maintenance|maintenance|outage',
      'sct embedding|\\bscts?\\b|\\bct log',
      'unable to (?:read|load|store|save)|error (?:checking|creating|retr(?:ie|ei)ving|getting|saving|updating|storing|loading|finalizing)|failed to (?:retrieve|get|create|store|save|update|load|sign|issue)',
      'problem getting|problem (?:creating|updating)',
      'database|timeout|deadline exceeded|context cancell?ed|not implemented|unimplemented',
    ],
    { types: ['serverInternal', 'unavailable'] },
  ),
]
