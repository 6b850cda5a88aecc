import type { ConditionDocument } from '../../document.ts'

/**
 * Whether budgets and what is asked of CSRs, which no one request has both of, are joined so that each is open while the
 * other is asked: by "and" where a rule denies or warns (`joined`), by "or" where it allows.
 */
export function needsTwoRequests(condition: ConditionDocument, joined: boolean): boolean {
  const { all = [], any = [], not } = condition
  const members = joined ? membersOf(condition) : any
  const isApart = members.some(
    (one) => asks(one, isBudget) && members.some((other) => other !== one && asks(other, isOfCsr)),
  )
  if (isApart) return true
  return (
    [...all, ...any].some((one) => needsTwoRequests(one, joined)) ||
    (not !== undefined && needsTwoRequests(not, !joined))
  )
}

/** What must all hold. */
function membersOf({ all = [], any, not, ...plain }: ConditionDocument): readonly ConditionDocument[] {
  const { orders, duplicates, ...others } = plain
  return [
    { ...(orders && { orders }), ...(duplicates && { duplicates }) },
    others,
    ...all,
    ...(any ? [{ any }] : []),
    ...(not ? [{ not }] : []),
  ]
}

function asks(condition: ConditionDocument, what: (condition: ConditionDocument) => boolean): boolean {
  const { all = [], any = [], not } = condition
  return what(condition) || [...all, ...any, ...(not ? [not] : [])].some((one) => asks(one, what))
}

function isBudget({ orders, duplicates }: ConditionDocument): boolean {
  return (orders ?? duplicates) !== undefined
}

function isOfCsr({ key, csr }: ConditionDocument): boolean {
  return (key ?? csr) !== undefined
}
