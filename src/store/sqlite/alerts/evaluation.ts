import { Evaluator } from '../../../alerts/evaluate/evaluator.ts'
import type { IssuedIn } from '../../../alerts/evaluate/weekly-report.ts'
import type { Look } from '../../../alerts/look.ts'
import type { AlertSettings } from '../../../alerts/rule.ts'
import type { RuleName } from '../../../alerts/rule-names.ts'
import { EVENT_RULES } from '../../../alerts/rules/event-rules.ts'
import { STATE_RULES } from '../../../alerts/rules/state-rules.ts'
import type { AlertsDatabase } from './alerts-database.ts'
import { eventLook } from './event-look.ts'
import type { Inventory } from './inventory-source.ts'
import { stateLook } from './state-look.ts'

/** What is asked of an evaluator. Each call writes what it decides, in the transaction that is open. */
export type Evaluation = Pick<
  Evaluator,
  'use' | 'happened' | 'look' | 'nextLook' | 'tick' | 'nextTick' | 'silencesChanged'
>

/**
 * Makes one; `inventory` is null while there is none that is whole. Made anew with every other inventory, and after a
 * transaction that failed.
 */
export type EvaluationMaker = (
  alerts: AlertsDatabase,
  inventory: Inventory | null,
  settings: AlertSettings,
) => Evaluation

/** Rules that ask the inventory how things stand: what is missing in one that is being made is not over. */
const OF_INVENTORY: readonly RuleName[] = ['renewal-overdue', 'certificate-expiring', 'client-silent']

export const evaluationOf: EvaluationMaker = (alerts, inventory, settings) =>
  new Evaluator({
    memory: alerts.memory,
    look: lookOf(alerts, inventory),
    eventRules: EVENT_RULES,
    stateRules: STATE_RULES.filter(({ name }) => inventory !== null || !OF_INVENTORY.includes(name)),
    settings,
    issued: inventory === null ? null : issuedIn(inventory),
  })

function lookOf(alerts: AlertsDatabase, inventory: Inventory | null): Look {
  const endpoints = () => alerts.endpoints.all()
  if (inventory === null) return { ...WITHOUT_INVENTORY, endpoints }
  return {
    ...eventLook(inventory.db, alerts.db, inventory.record),
    ...stateLook(inventory.db, inventory.record),
    endpoints,
  }
}

/** Asked by no rule that is evaluated without an inventory. */
const WITHOUT_INVENTORY: Omit<Look, 'endpoints'> = {
  isNew: absent,
  recordBegan: absent,
  accountsMade: absent,
  issuances: absent,
  refusedNonces: absent,
  currentCertificates: absent,
  currentWith: absent,
  lastOrder: absent,
  clients: absent,
}

function absent(): never {
  throw new Error('the inventory is being made anew')
}

/** Of the last eight days, as happenings are kept. */
function issuedIn({ db }: Inventory): IssuedIn {
  const count = db
    .prepare<[string, number, number], number>(
      'select count(*) from happenings where kind = ? and at >= ? and at < ?',
    )
    .pluck()
  const of = (kind: string, from: number, to: number) => count.get(kind, from * 1000, to * 1000) ?? 0
  return (from, to) => ({ certificates: of('issued', from, to), failures: of('failed', from, to) })
}
