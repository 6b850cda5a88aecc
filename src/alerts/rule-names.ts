/**
 * src/alerts decides what somebody must be told, and tells it. Rules (rules/*) look at what happened and how things
 * stand, and give occurrences; the desk makes alerts of them, one per key, and groups what is to be told into
 * notifications; the outbox keeps those until a channel (channels/*) has taken them. It knows no SQL and no threads.
 *
 * The closed list of rules: released names stay. A rule is named alike in the configuration, in alerts, in its runbook
 * (docs/runbooks/NAME.md) and in a silence.
 */
export const RULES = [
  // From what happened
  'validation-failed',
  'issuance-failed',
  'limit-hit',
  'account-paused',
  'refused',
  'policy-warned',
  'new-account',
  'new-ca',
  'new-names',
  'account-churn',
  'client-looping',
  // From how things stand
  'renewal-overdue',
  'certificate-expiring',
  'client-silent',
  'ca-down',
  'ca-slow',
  'record-unwritable',
  'record-lagging',
  'root-expiring',
  'policy-expiring',
  'engine-renewal',
  'ca-account',
  'clock-skew',
  'sink-down',
  'channel-down',
  'endpoint-expiring',
  'endpoint-outdated',
  'endpoint-unreachable',
] as const
export type RuleName = (typeof RULES)[number]

export const SEVERITIES = ['info', 'warning', 'critical'] as const
export type Severity = (typeof SEVERITIES)[number]
