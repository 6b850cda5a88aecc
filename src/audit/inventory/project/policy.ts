import type { IntentContent, RecordedVerdict } from '../../record.ts'

type Recorded = IntentContent['decision']

/** Whether it was a policy that said no: not what holds in every mode, nor the pace that what it allows has to keep. */
export function isOfPolicy({ effect, policy }: Pick<Recorded, 'effect' | 'policy'>): boolean {
  return effect === 'deny' && policy?.decided.effect === 'deny'
}

/** What rules of effect or mode `warn` said of a request that was let pass; empty where none did. */
export function warningsOf({
  effect,
  policy,
}: Pick<Recorded, 'effect' | 'policy'>): RecordedVerdict['warnings'] {
  return effect === 'allow' ? (policy?.warnings ?? []) : []
}
