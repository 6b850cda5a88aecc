import type { IntentContent, OutcomeContent } from '../../../src/audit/record.ts'
import { UNKNOWN_OUTCOME } from '../../../src/audit/unknown-outcome.ts'
import { sha256 } from '../../support/facts.ts'
import type { TranscribedExchange, Transcript } from './transcript.ts'

/** What can become of an issuance, and how many in a thousand it becomes of. */
export interface Variant {
  readonly name: string
  readonly weight: number
  readonly transcript: Transcript
}

/** Issuances as they were recorded, broken off, and refused: each made of a recorded one. */
export function variantsOf(transcripts: readonly Transcript[]): Variant[] {
  const issued = transcripts.filter((one) => one.issued)
  const failed = transcripts.filter((one) => !one.issued)
  const share = (weight: number, among: readonly unknown[]) => weight / among.length
  return [
    ...issued.map((transcript) => ({ name: 'issued', weight: share(810, issued), transcript })),
    ...failed.map((transcript) => ({ name: 'failed', weight: share(110, failed), transcript })),
    ...issued.flatMap((transcript) => [
      { name: 'revoked', weight: share(10, issued), transcript: revoked(transcript) },
      { name: 'limited', weight: share(25, issued), transcript: endedBy(transcript, limited) },
      { name: 'refused', weight: share(10, issued), transcript: endedBy(transcript, refused) },
      { name: 'unreachable', weight: share(10, issued), transcript: endedBy(transcript, unreachable) },
      { name: 'not answered', weight: share(10, issued), transcript: until(transcript, 'challenge') },
      { name: 'not finalized', weight: share(8, issued), transcript: until(transcript, 'finalize') },
      { name: 'not downloaded', weight: share(7, issued), transcript: until(transcript, 'certificate') },
    ]),
  ]
}

const operationOf = ({ intent }: TranscribedExchange) => (intent.content as IntentContent).operation

function until(transcript: Transcript, operation: string): Transcript {
  const end = transcript.exchanges.findIndex((one) => operationOf(one) === operation)
  return { ...transcript, exchanges: transcript.exchanges.slice(0, end) }
}

/** Ends with the newOrder, which nothing comes of. */
function endedBy(transcript: Transcript, end: Partial<OutcomeContent>): Transcript {
  const begun = until(transcript, 'newOrder')
  const newOrder = transcript.exchanges[begun.exchanges.length]!
  const { account } = newOrder.outcome.content as OutcomeContent
  return {
    ...transcript,
    exchanges: [
      ...begun.exchanges,
      {
        ...newOrder,
        outcome: {
          ...newOrder.outcome,
          blobs: [],
          content: { ...UNKNOWN_OUTCOME, account, ...end } as OutcomeContent,
        },
      },
    ],
  }
}

const limited: Partial<OutcomeContent> = {
  outcome: 'response',
  status: 429,
  durationTotal: 30_000,
  retryAfter: 3600,
  problem: {
    type: 'urn:ietf:params:acme:error:rateLimited',
    detail:
      'too many new orders (300) from this account in the last 3h0m0s, retry after 2026-11-22 09:00:00 UTC: see https://letsencrypt.org/docs/rate-limits/#new-orders-per-account',
    subproblems: [],
  },
}

const refused: Partial<OutcomeContent> = {
  outcome: 'refused',
  status: 403,
  durationTotal: 900,
  problem: {
    type: 'urn:ietf:params:acme:error:unauthorized',
    detail: 'refused by acmetap: ambiguous',
    subproblems: [],
  },
}

const unreachable: Partial<OutcomeContent> = {
  outcome: 'failed',
  status: 502,
  durationTotal: 10_000_000,
  failure: { cause: 'timeout', message: 'the CA did not answer in time' },
}

/** By the account that ordered it (RFC 8555 §7.6). */
function revoked(transcript: Transcript): Transcript {
  const finalize = transcript.exchanges.find((one) => operationOf(one) === 'finalize')!
  const last = transcript.exchanges.at(-1)!
  const intent = finalize.intent.content as IntentContent
  const outcome = finalize.outcome.content as OutcomeContent
  // In place of `@leaf@` the certificate stands.
  const payload = Buffer.from('{"certificate":"@leaf@","reason":4}')
  const of = (after: number) => last.outcome.after + after
  return {
    ...transcript,
    exchanges: [
      ...transcript.exchanges,
      {
        id: `${finalize.id.slice(0, -4)}ffff`,
        intent: {
          after: of(60e6),
          personal: finalize.intent.personal,
          blobs: [{ bytes: payload.toString('base64'), repeats: false }],
          content: {
            ...intent,
            operation: 'revokeCert',
            issuance: null,
            order: null,
            identifiers: [],
            request: { ...intent.request, target: '/revoke-cert' },
            jws: { ...intent.jws!, payload: sha256(payload), protected: '0'.repeat(64), signature: null },
          },
        },
        outcome: {
          after: of(60.1e6),
          personal: [],
          blobs: [],
          content: {
            ...outcome,
            issuance: null,
            order: null,
            certificate: null,
            identifiers: [],
            objectStatus: null,
            body: null,
          },
        },
      },
    ],
  }
}
