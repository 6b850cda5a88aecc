import type { InventoriedCertificate } from '../../audit/inventory/certificate.ts'
import { everyPage } from '../../audit/inventory/every-page.ts'
import type { InventoryReader } from '../../audit/inventory/inventory-reader.ts'
import { type Candidate, evaluator } from './evaluate-where.ts'
import { asksFor, speaksOf, type Where } from './where.ts'
import { KEY_COMPROMISE } from './why-chosen.ts'

type Inventory = Pick<InventoryReader, 'certificates' | 'clients'>

/**
 * Certificates of the inventory that an expression chooses, page by page. What was replaced has its successor in the
 * inventory, and what was revoked or has ended may be of a name that is no more: such are chosen only where the expression
 * speaks of them.
 */
export async function* chooseCertificates(
  inventory: Inventory,
  where: Where,
  now: number,
  isManaged: (certificate: InventoriedCertificate) => boolean,
): AsyncGenerator<Candidate> {
  const holds = evaluator(where, now)
  const all = (['replaced', 'revoked', 'expired'] as const).map((state) => speaksOf(where, state))
  const [replaced, revoked, expired] = all
  const labels = asksFor(where, 'label') ? await labelsOf(inventory) : null
  const filter = all.some(Boolean) ? {} : ({ state: 'valid' } as const)
  for await (const { items } of everyPage((paging) => inventory.certificates({ ...filter, ...paging }))) {
    for (const certificate of items) {
      if (certificate.replacedBy !== null && !replaced) continue
      if (certificate.revokedAt !== null && !revoked) continue
      if (Date.parse(certificate.notAfter) * 1000 <= now && !expired) continue
      const label = certificate.client === null ? null : (labels?.get(certificate.client) ?? null)
      const candidate = { certificate, label, managed: isManaged(certificate) }
      if (holds(candidate)) yield candidate
    }
  }
}

/** SubjectPublicKeyInfo digests of keys that were given away: nothing may be certified for them again. */
export async function compromisedKeys(inventory: Inventory): Promise<ReadonlySet<string>> {
  const keys = new Set<string>()
  for await (const { items } of everyPage((paging) =>
    inventory.certificates({ state: 'revoked', ...paging }),
  ))
    for (const { revocationReason, spki } of items) if (revocationReason === KEY_COMPROMISE) keys.add(spki)
  return keys
}

async function labelsOf(inventory: Inventory): Promise<ReadonlyMap<string, string | null>> {
  const labels = new Map<string, string | null>()
  for await (const { items } of everyPage((paging) => inventory.clients(paging)))
    for (const { id, label } of items) labels.set(id, label)
  return labels
}
