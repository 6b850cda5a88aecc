import type { CurrentCertificateCount } from '../../../../audit/inventory/inventory-counts.ts'
import type { Reading } from './common.ts'

const DAY = 86_400_000_000

/** By CA, over the index of current certificates alone. */
export function currentCertificates(
  { inventory, vocabulary, now }: Reading,
  days: readonly number[],
): readonly CurrentCertificateCount[] {
  const at = now()
  const sums = days.map((_, n) => `, sum(not_after <= ?) as within${n}`).join('')
  return inventory
    .all<Record<string, number> & { readonly ca: number | null; readonly current: number }>(
      `select ca, count(*) as current${sums} from certificates indexed by certificates_current
        where revoked_at is null and replaced_by is null and not_after > ? group by ca`,
      ...days.map((count) => at + count * DAY),
      at,
    )
    .map((row) => ({
      ca: vocabulary.wordOrNull(row.ca),
      current: row.current,
      within: days.map((_, n) => row[`within${n}`] ?? 0),
    }))
}
