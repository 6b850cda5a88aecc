import { problemShortName } from '../../acme/problem-types.ts'
import type { ExchangeListFilter } from '../../audit/inventory/exchange-filter.ts'
import type { NameFilter } from '../../audit/inventory/values.ts'
import type { RecordedExchange } from '../../audit/record-store.ts'
import { accountOf, issuanceOf, namesOf, operationOf } from '../describe-exchange.ts'
import { diagnosisOf } from './diagnosis-of.ts'

/** Conditions that one exchange alone answers. */
export type PassFilter = Pick<
  ExchangeListFilter,
  | 'ca'
  | 'mode'
  | 'operation'
  | 'outcome'
  | 'status'
  | 'problem'
  | 'diagnosis'
  | 'account'
  | 'issuance'
  | 'name'
>

/** Whether an exchange meets every condition. */
export function passes(exchange: RecordedExchange, filter: PassFilter): boolean {
  const { intent, outcome } = exchange
  const equal: readonly (readonly [unknown, unknown])[] = [
    [filter.ca, intent.ca],
    [filter.mode, intent.mode],
    [filter.operation, operationOf(exchange)],
    [filter.outcome, outcome?.outcome ?? 'running'],
    [filter.status, outcome?.status ?? null],
    [filter.account, accountOf(exchange)],
    [filter.issuance, issuanceOf(exchange)],
  ]
  if (equal.some(([wanted, is]) => wanted !== undefined && wanted !== is)) return false
  if (filter.problem !== undefined && !problemsOf(exchange).includes(problemShortName(filter.problem)))
    return false
  if (filter.name !== undefined && !namesOf(exchange).some((name) => isMeant(filter.name!, name)))
    return false
  return filter.diagnosis === undefined || diagnosisOf(exchange)?.class === filter.diagnosis
}

function problemsOf({ outcome }: RecordedExchange): readonly string[] {
  return [outcome?.problem, outcome?.objectError].flatMap((problem) =>
    problem ? [problemShortName(problem.type)] : [],
  )
}

function isMeant({ kind, value }: NameFilter, name: string): boolean {
  const lower = name.toLowerCase().replace(/\.$/, '')
  return lower === value || (kind === 'below' && lower.endsWith(`.${value}`))
}
