import { clientText } from '../../../audit/inventory/client-text.ts'
import { productOf } from '../../../audit/inventory/project/client.ts'
import type { PolicyVerdict } from '../../../exchange/decision.ts'
import type { Policy } from '../../../policy/policy.ts'
import type { PersonalField } from '../../../policy/recorded-facts.ts'
import type { PersonalTexts, RecordedRequest } from '../../../policy/recorded-request.ts'
import { Replay, readsFrom } from '../../../policy/replay.ts'
import type { ReplayEvent, ReplayRange } from '../../../policy/replay-report.ts'
import type { RecordedOutcome, RecordedPages } from './recorded-pages.ts'

/** ms between two words of progress. */
const TELL_EVERY = 200

export interface WalkOptions extends ReplayRange {
  readonly file: string
  readonly dropped: readonly PersonalField[]
}

/** Walks the record once: intents and outcomes in their order. A report is the last it gives; `judged` is told each verdict. */
export async function* walkRecord(
  pages: RecordedPages,
  policy: Policy,
  { file, since, until, dropped }: WalkOptions,
  judged: (exchange: string, verdict: PolicyVerdict) => void = () => {},
): AsyncGenerator<ReplayEvent> {
  const from = readsFrom(policy.needs, since)
  const ends = pages.ends()
  const first = ends === null ? 1 : pages.sequenceAt(from * 1000)
  const last = ends === null ? 0 : until === null ? ends.last : lastBefore(pages, ends.last, until)
  const begins = (ends === null ? null : pages.timeOf(first)) ?? since * 1000
  const replay = await Replay.begin(policy, {
    file,
    since,
    countedFrom: Math.max(from, begins / 1000),
    incomplete: pages.isCut() && first <= (ends?.first ?? 0),
    dropped: new Set(dropped),
  })
  const total = Math.max(0, last - first + 1)
  const waiting: RecordedOutcome[] = []
  let newest = since
  let told = performance.now()
  for (let passed = first - 1; passed < last; ) {
    const page = pages.after(passed, last)
    for (const { outcome } of page.rows) if (outcome !== null) waiting.push(outcome)
    waiting.sort((a, b) => b.sequence - a.sequence)
    for (const { intent } of page.rows) {
      while ((waiting.at(-1)?.sequence ?? Infinity) < intent.sequence) replay.ended(waiting.pop()!)
      if (until !== null && intent.at >= until * 1000) continue
      newest = Math.max(newest, intent.at / 1000)
      const personal = pages.personal(intent)
      const verdict = replay.request(intent, personal, nameOf)
      if (verdict !== null) judged(intent.exchange, verdict)
    }
    passed = page.passed
    if (performance.now() - told < TELL_EVERY) continue
    told = performance.now()
    const at = new Date(newest).toISOString()
    yield { kind: 'progress', done: passed - first + 1, total, decided: replay.decided, at }
  }
  yield { kind: 'progress', done: total, total, decided: replay.decided, at: new Date(newest).toISOString() }
  yield { kind: 'report', report: replay.report(until ?? newest) }
}

/** Far enough behind the end of the range for times that came out of order. */
function lastBefore(pages: RecordedPages, last: number, until: number): number {
  const SLACK = 4_000
  return Math.min(last, pages.sequenceAt(until * 1000) + SLACK)
}

/** As the inventory shows it. */
function nameOf({ mode, client, request }: RecordedRequest, personal: PersonalTexts): string {
  return clientText({
    program: productOf(client.userAgent).program,
    source: personal.clientAddress ?? null,
    label: personal.proxyUser ?? (mode === 'relay' ? request.authority : null),
  })
}
