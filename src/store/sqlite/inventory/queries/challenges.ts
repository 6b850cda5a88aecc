import type { ChallengeFilter, InventoriedChallenge } from '../../../../audit/inventory/challenge.ts'
import type { NameFilter, Page } from '../../../../audit/inventory/values.ts'
import { filtersOf, pageOfList, type Reading } from './common.ts'
import type { Filters } from './filters.ts'
import { isMeant } from './names.ts'
import { instantOrNull } from './orders.ts'
import { diagnosisOf } from './references.ts'
import type { ChallengeRow } from './rows.ts'
import type { List } from './walk.ts'

const CHALLENGES: List = {
  table: 'challenges as h',
  position: 'h.first_sequence',
  id: 'h.id',
  scan: 'indexed by challenges_seen',
  always: 'h.answered_at is not null or h.judged_at is not null',
}

/** The list of challenges that were answered or judged. `since` and `until`: first seen within that time. */
export function challenges(reading: Reading, filter: ChallengeFilter): Promise<Page<InventoriedChallenge>> {
  const { vocabulary } = reading
  const filters = filtersOf(reading)
  const { ca, account, client, name, type, status, problem, diagnosis } = filter
  if (ca !== undefined) filters.oneOf('h.ca', [vocabulary.ca(ca)])
  if (account !== undefined) filters.oneOf('h.account', vocabulary.accounts(account), 'challenges_account')
  if (client !== undefined) ofClient(reading, filters, vocabulary.client(client))
  if (name !== undefined) ofName(reading, filters, name)
  filters.between('h.first_at', filter.since, filter.until)
  if (type !== undefined) filters.oneOf('h.type', [type])
  if (status !== undefined) filters.oneOf('h.status', [status])
  if (problem !== undefined) filters.oneOf('h.error_type', vocabulary.problems(problem))
  if (diagnosis !== undefined) filters.words('h.diagnosis', [diagnosis], 'challenges_diagnosis')
  return pageOfList(reading, 'challenges', CHALLENGES, filters, filter, (id) => {
    const row = reading.inventory.get<ChallengeRow>('select * from challenges where id = ?', id)
    return row === undefined ? null : challengeOf(reading, row)
  })
}

/** Through the orders that name its authorization. A client's account narrows it to that account's challenges. */
function ofClient({ inventory }: Reading, filters: Filters, client: number): void {
  const account = inventory.get<{ account: number | null }>(
    'select account from clients where id = ?',
    client,
  )
  if (account?.account != null) filters.oneOf('h.account', [account.account], 'challenges_account')
  filters.add(
    `exists (select 1 from order_authorizations as oa indexed by order_authorizations_authorization
      join orders as o on o.id = oa.order_id
      where oa.authorization = h.authorization and o.client = ?)`,
    [client],
  )
}

function ofName({ names, limits }: Reading, filters: Filters, filter: NameFilter): void {
  const ids = names.idsOf(filter, limits.nameSets)
  if (ids !== null) {
    filters.add(
      'h.authorization in (select z.id from authorizations as z indexed by authorizations_name where z.name in (select value from json_each(?)))',
      [JSON.stringify(ids)],
      { index: 'challenges_authorization', kind: 'few' },
    )
    return
  }
  filters.test({
    column: '(select z.name from authorizations as z where z.id = h.authorization)',
    passes: (id) => isMeant(filter, names.name(id) ?? ''),
  })
}

export function challengeOf(reading: Reading, row: ChallengeRow): InventoriedChallenge {
  const { inventory, vocabulary, references } = reading
  const authorization =
    row.authorization === null
      ? undefined
      : inventory.get<{ type: number; value: string; wildcard: number }>(
          'select n.type, n.value, z.wildcard from authorizations as z left join names as n on n.id = z.name where z.id = ?',
          row.authorization,
        )
  const wildcard = authorization?.wildcard === 1
  const problem = row.error_type === null ? null : { type: row.error_type, detail: row.error_detail }
  return {
    id: row.key,
    ca: vocabulary.word(row.ca),
    url: row.url,
    type: row.type,
    identifier:
      authorization?.value === undefined || authorization.value === null
        ? null
        : { type: vocabulary.word(authorization.type), value: authorization.value },
    wildcard,
    account: references.accountOf(row.account),
    status: row.status,
    answeredAt: instantOrNull(row.answered_at),
    judgedAt: instantOrNull(row.judged_at),
    error: problem,
    diagnosis: diagnosisOf(vocabulary.wordOrNull(row.diagnosis), {
      outcome: 'response',
      operation: 'challenge',
      status: 200,
      problem,
      challengeType: row.type,
      wildcard,
      failure: null,
      rule: null,
      isPolicy: false,
    }),
  }
}
