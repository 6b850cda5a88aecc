import { DIAGNOSIS_CLASSES, type DiagnosisClass, FIXER_TEXTS } from '../../../audit/diagnosis/classes.ts'
import { describe } from '../../../audit/diagnosis/describe.ts'
import { instantOf } from '../../../audit/inventory/values.ts'
import { contactsText } from '../../accounts/list.ts'
import { reasonText } from '../../certificates/render-certificate.ts'
import { keyText, stateOf } from '../../describe-inventory.ts'
import { utcTime } from '../../time.ts'
import type { Period, Reach, RegisterRow, Surroundings, Tally } from './collect.ts'
import type { ReportDocument, ReportSection } from './document.ts'

/** A row of the register, as it is shown: short, for there may be very many. */
export interface ShownRow {
  readonly cells: readonly string[]
  readonly revoked: readonly string[] | null
  readonly state: string
  readonly source: string
}

export function shownRow({ certificate: one, orderedBy, validated }: RegisterRow, period: Period): ShownRow {
  const state = stateOf(one, period.until)
  const names = one.identifiers.map(({ value }) => value).join(', ')
  const origin = one.source === 'imported' ? `imported from ${one.imported?.host ?? 'a file'}` : orderedBy
  const revokedNow = one.revokedAt !== null && Date.parse(one.revokedAt) * 1000 >= period.since
  return {
    state,
    source: one.source,
    cells: [
      one.serial,
      names,
      one.issuer,
      one.notBefore,
      one.notAfter,
      keyText(one),
      one.account?.url ?? '-',
      origin,
      validated,
      state,
    ],
    revoked: revokedNow
      ? [
          one.serial,
          names,
          one.revokedAt!,
          reasonText(one.revocationReason),
          one.revokedBy === 'certificateKey' ? "the certificate's key" : (one.revokedBy ?? '-'),
        ]
      : null,
  }
}

export function composeReport(
  rows: readonly ShownRow[],
  around: Surroundings,
  period: Period,
): ReportDocument {
  const { reach, accounts, failures, refusals } = around
  return {
    title: `Certificate register of ${reach.last?.intent.instance || 'acmetap'}`,
    facts: [
      ['Period', `${instantOf(period.since)} to ${instantOf(period.until)}`],
      ['Instance', reach.last?.intent.instance || '-'],
      ...completeness(reach),
      ...counts(rows, around),
    ],
    sections: [
      {
        title: 'Certificates',
        note: 'Every certificate that was valid at some time of the period, newest first. The state is that at its end.',
        head: [
          'Serial',
          'Names',
          'Issuer',
          'Not before',
          'Not after',
          'Key',
          'Account',
          'Ordered by',
          'Validated by',
          'State',
        ],
        rows: rows.map(({ cells }) => cells),
      },
      {
        title: 'Revocations',
        note: 'Certificates of the register that were revoked through acmetap in the period.',
        head: ['Serial', 'Names', 'Revoked', 'Reason', 'With'],
        rows: rows.flatMap(({ revoked }) => (revoked === null ? [] : [revoked])),
      },
      {
        title: 'Failures',
        note: 'By class, the most frequent first. A challenge that failed counts once, however often it was asked for.',
        head: ['Class', 'Cause', 'Who can mend it', 'Failures', 'Names', 'First', 'Last'],
        rows: failures.map((tally) => [tally.what, ...meaning(tally.what), ...numbers(tally)]),
      },
      {
        title: 'Refusals',
        note: 'Requests that acmetap itself did not let through, by rule.',
        head: ['Rule', 'Refusals', 'Names', 'First', 'Last'],
        rows: refusals.map((tally) => [tally.what, ...numbers(tally)]),
      },
      accountSection(accounts),
      exchangeSection(around),
    ],
  }
}

function completeness({ first, last, head, progress }: Reach): (readonly [string, string])[] {
  if (first === null || last === null) return [['Record', 'holds no exchange']]
  const end = last.outcome ?? last.intent
  const removed =
    first.intent.sequence > 1 ? '; what was before was removed for its age, or is no exchange' : ''
  return [
    ['Record', `stream ${last.intent.stream}`],
    ['First exchange', `fact ${first.intent.sequence}, ${utcTime(first.intent.at)}${removed}`],
    ['Last exchange', `fact ${end.sequence}, ${utcTime(end.at)}`],
    ['Chain', head === null ? 'of one fact' : `SHA-256 of fact ${head.sequence} is ${head.digest}`],
    [
      'Inventory',
      progress.projected < end.sequence
        ? `knows the facts up to ${progress.projected}: this report is not complete`
        : 'knows every exchange of the record',
    ],
  ]
}

function counts(
  rows: readonly ShownRow[],
  { accounts, orders, failures, refusals }: Surroundings,
): (readonly [string, string])[] {
  const states = countBy(rows.map(({ state }) => state))
  const imported = rows.filter(({ source }) => source === 'imported').length
  const sum = (tallies: readonly Tally[]) => String(tallies.reduce((total, { count }) => total + count, 0))
  const listed = (found: ReadonlyMap<string, number>) =>
    [...found]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([word, count]) => `${count} ${word}`)
      .join(', ')
  const ordered = [...orders.values()].reduce((total, count) => total + count, 0)
  const about = (count: number, words: string) => (words === '' ? String(count) : `${count} (${words})`)
  return [
    [
      'Certificates',
      about(
        rows.length,
        [listed(states), ...(imported > 0 ? [`${imported} of them imported`] : [])]
          .filter((part) => part !== '')
          .join('; '),
      ),
    ],
    ['Orders', about(ordered, listed(orders))],
    ['Failures', sum(failures)],
    ['Refusals', sum(refusals)],
    ['Accounts', String(accounts.length)],
  ]
}

function accountSection(accounts: Surroundings['accounts']): ReportSection {
  return {
    title: 'Accounts',
    note: 'Every account that was seen up to the end of the period.',
    head: [
      'CA',
      'Account',
      'Status',
      'Contacts',
      'Key',
      'Thumbprint',
      'Certificates',
      'First seen',
      'Last seen',
    ],
    rows: accounts.map((one) => [
      one.ca,
      one.url,
      one.status ?? '-',
      contactsText(one),
      one.keyType ?? '-',
      one.thumbprint ?? '-',
      String(one.certificates),
      one.firstSeen,
      one.lastSeen,
    ]),
  }
}

function exchangeSection({ summary }: Surroundings): ReportSection {
  const rows = summary.buckets.map(({ by, exchanges }) => [
    by.ca ?? '-',
    by.outcome ?? 'running',
    String(exchanges),
  ])
  return {
    title: 'Exchanges',
    note: 'Requests of the period by CA and outcome, counted in whole hours. Where the outcome is unknown, the process ended before the answer was recorded.',
    head: ['CA', 'Outcome', 'Exchanges'],
    rows: rows.sort((a, b) => (a.join(' ') < b.join(' ') ? -1 : 1)),
  }
}

function meaning(name: string): [string, string] {
  if (!(DIAGNOSIS_CLASSES as readonly string[]).includes(name)) return ['-', '-']
  const { cause, fixer } = describe(name as DiagnosisClass)
  return [cause, FIXER_TEXTS[fixer]]
}

function numbers({ count, names, first, last }: Tally): string[] {
  return [String(count), String(names), first, last]
}

function countBy(words: readonly string[]): Map<string, number> {
  const found = new Map<string, number>()
  for (const word of words) found.set(word, (found.get(word) ?? 0) + 1)
  return found
}
