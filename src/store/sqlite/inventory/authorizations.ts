import type Database from 'better-sqlite3'
import type { Identifier } from '../../../acme/identifier.ts'
import type { AuthorizationChange } from '../../../audit/inventory/project/change.ts'
import { furthest, mergeStatement } from './merge-statement.ts'
import type { Moment } from './moment.ts'
import { objectKey } from './object-key.ts'
import type { Vocabulary } from './vocabulary.ts'

/** Rows of authorizations. Their names are as orders name them: with `*.` for a wildcard. */
export class Authorizations {
  readonly #run: ReturnType<typeof statements>
  readonly #vocabulary: Vocabulary

  constructor(db: Database.Database, vocabulary: Vocabulary) {
    this.#run = statements(db)
    this.#vocabulary = vocabulary
  }

  take(
    { url, identifier, wildcard, status, expires }: AuthorizationChange,
    moment: Moment,
  ): { readonly id: number; readonly status: string | null } {
    return this.#run.merge.get(
      objectKey('authorization', moment.caName, url),
      moment.ca,
      url,
      moment.account,
      identifier && this.#vocabulary.name(identifier),
      wildcard ? 1 : 0,
      status,
      expires,
      status === 'valid' ? moment.sequence : null,
      moment.first,
      moment.sequence,
    )!
  }

  /** An order names it, which says little; how far it had come then. */
  name(
    url: string,
    identifier: Identifier | null,
    moment: Moment,
  ): { readonly id: number; readonly validSequence: number | null } {
    const { id, valid_sequence } = this.#run.name.get(
      objectKey('authorization', moment.caName, url),
      moment.ca,
      url,
      moment.account,
      identifier && this.#vocabulary.name(identifier),
      identifier?.value.startsWith('*.') ? 1 : 0,
      moment.first,
      moment.sequence,
    )!
    return { id, validSequence: valid_sequence }
  }

  /** The row for a URL that is known to be one. */
  rowFor(url: string, moment: Moment): number {
    return this.name(url, null, moment).id
  }

  identifierOf(id: number): Identifier | null {
    return this.#run.identifier.get(id) ?? null
  }
}

function statements(db: Database.Database) {
  return {
    merge: db.prepare<unknown[], { id: number; status: string | null }>(
      mergeStatement(
        'authorizations',
        'key',
        {
          ca: 'first',
          url: 'first',
          account: 'first',
          // A CA that says nothing of wildcards does not unsay what the order said.
          name: {
            sql: `case when authorizations.wildcard > excluded.wildcard then authorizations.name
              when excluded.last_sequence >= authorizations.last_sequence then coalesce(excluded.name, authorizations.name)
              else coalesce(authorizations.name, excluded.name) end`,
          },
          wildcard: 'max',
          status: furthest('authorizations', [
            ['pending'],
            ['valid', 'invalid'],
            ['deactivated', 'expired', 'revoked'],
          ]),
          expires: 'latest',
          valid_sequence: 'min',
          first_sequence: 'min',
          last_sequence: 'max',
        },
        'id, status',
      ),
    ),
    name: db.prepare<unknown[], { id: number; valid_sequence: number | null }>(
      `insert into authorizations (key, ca, url, account, name, wildcard, first_sequence, last_sequence)
       values (?, ?, ?, ?, ?, ?, ?, ?)
       on conflict (key) do update set name = coalesce(authorizations.name, excluded.name),
         wildcard = case when authorizations.name is null then excluded.wildcard else authorizations.wildcard end,
         first_sequence = min(authorizations.first_sequence, excluded.first_sequence)
       returning id, valid_sequence`,
    ),
    identifier: db.prepare<[number], Identifier>(
      `select w.word as type, n.value from authorizations as z join names as n on n.id = z.name
       join words as w on w.id = n.type where z.id = ?`,
    ),
  }
}
