import { clientText } from '../../../audit/inventory/client-text.ts'
import type { Names } from '../inventory/queries/names.ts'
import type { Prepared } from '../inventory/queries/prepared.ts'
import { HOST, type References } from '../inventory/queries/references.ts'
import type { Vocabulary } from '../inventory/queries/vocabulary.ts'

/** What rows name, read when it is asked for: most rows are looked at for their times alone. */
export interface Reading {
  readonly db: Prepared
  readonly names: Names
  readonly vocabulary: Vocabulary
  readonly references: References
}

/** The client for people; what of it is personal is left out once it was erased. Null for none. */
export function whoIs({ references }: Reading, client: number | null): string | null {
  const found = references.client(client)
  return found && clientText(found)
}

/** The proxy user that a label stands for; the Host of a relay is nobody's. Null once that was erased. */
export function userOf({ references }: Reading, label: string | null): string | null {
  return label === null || label.startsWith(HOST) ? null : references.label(label)
}
