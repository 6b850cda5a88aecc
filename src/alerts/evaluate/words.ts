import type { RuleName } from '../rule-names.ts'
import type { TellingKind } from './memory.ts'
import { rankOf, type Tally } from './tally.ts'

/** What several alerts of a rule are called. */
const MANY: Readonly<Record<RuleName, string>> = {
  'validation-failed': 'failed validations',
  'issuance-failed': 'failed issuances',
  'limit-hit': 'rate limits hit',
  'account-paused': 'paused accounts',
  refused: 'refusals by acmetap',
  'policy-warned': 'warnings of the policy',
  'new-account': 'new accounts',
  'new-ca': 'new CAs',
  'new-names': 'sets of new names',
  'account-churn': 'places that make account after account',
  'client-looping': 'clients that get the same certificate again and again',
  'renewal-overdue': 'overdue renewals',
  'certificate-expiring': 'certificates that end soon',
  'client-silent': 'silent clients',
  'ca-down': 'CAs down',
  'ca-slow': 'slow CAs',
  'record-unwritable': 'faults of the record',
  'record-lagging': 'parts of the record that lag',
  'root-expiring': 'roots that end soon',
  'policy-expiring': 'rules of the policy that end',
  'engine-renewal': 'managed certificates that acmetap cannot renew',
  'ca-account': "accounts of acmetap's that CAs no longer have",
  'clock-skew': 'clocks that differ',
  'sink-down': 'sinks down',
  'channel-down': 'channels down',
  'endpoint-expiring': 'places whose certificate ends soon',
  'endpoint-outdated': 'places that serve an old certificate',
  'endpoint-unreachable': 'places that serve no valid certificate',
}

const TOLD_CAUSES = 4

/** `seen once`, `seen 3 times`. */
export function seenText(times: number): string {
  return times === 1 ? 'seen once' : `seen ${times} times`
}

/** One line for several alerts: how many, where, and what is behind them. */
export function titleOf(rule: RuleName | null, kind: TellingKind | 'digest', tally: Tally): string {
  const over = kind === 'resolved' ? 'Over: ' : kind === 'escalation' ? 'Not resolved: ' : ''
  const what = rule === null ? 'alerts' : MANY[rule]
  const ca = ofAll(tally, 'CA')
  const by = rule === null ? [] : causesOf(tally)
  const place = ca === null || rule === 'new-ca' ? '' : ` at ${ca}`
  return `${over}${tally.alerts} ${what}${place}${by.length > 0 ? `: ${by.join(', ')}` : ''}`
}

function causesOf(tally: Tally): string[] {
  const kind = ['class', 'limit', 'rule'].find((name) => rankOf(tally, name).length > 0)
  if (kind === undefined) return []
  const ranked = rankOf(tally, kind)
  const told = ranked.slice(0, TOLD_CAUSES)
  const rest = tally.alerts - told.reduce((sum, [, n]) => sum + n, 0)
  return [...told.map(([value, n]) => `${n} × ${value}`), ...(rest > 0 ? [`${rest} others`] : [])]
}

/** Close to the cause first: kinds whose values are told when most have the same. */
const CLOSE = ['address', 'resolver', 'limit', 'server'] as const
const CIRCUMSTANCES = ['class', 'rule', 'domain', 'label', 'client', 'account', 'CA'] as const
/** A part this large of the alerts is worth a word. */
const MOST = 0.5

/**
 * What they have in common: "all: firewall, CA letsencrypt, domain example.com; 300 of 312: address 192.0.2.7". Null
 * where that is nothing, or there is one alone.
 */
export function sharedBy(tally: Tally): string | null {
  if (tally.alerts < 2) return null
  const cause = ofAll(tally, 'cause')
  const all = [...CLOSE, ...CIRCUMSTANCES].flatMap((kind) => {
    const value = ofAll(tally, kind)
    return value === null ? [] : [kind === 'class' ? value : `${kind} ${value}`]
  })
  const most = CLOSE.flatMap((kind) => {
    const [first] = rankOf(tally, kind)
    return first && first[1] < tally.alerts && first[1] > 1 && first[1] >= tally.alerts * MOST
      ? [`${first[1]} of ${tally.alerts}: ${kind} ${first[0]}`]
      : []
  })
  const parts = [...(all.length > 0 ? [`all: ${all.join(', ')}`] : []), ...most]
  if (parts.length === 0) return cause
  return cause === null ? parts.join('; ') : `${cause} (${parts.join('; ')})`
}

function ofAll(tally: Tally, kind: string): string | null {
  const [first] = rankOf(tally, kind)
  return first && first[1] === tally.alerts ? first[0] : null
}
