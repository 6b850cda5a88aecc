import type { IntentContent, OutcomeContent } from '../../src/audit/record.ts'
import type { RecordedExchange } from '../../src/audit/record-store.ts'
import { UNKNOWN_OUTCOME } from '../../src/audit/unknown-outcome.ts'

interface Parts {
  readonly sequence: number
  readonly operation: string
  readonly intent?: Partial<IntentContent>
  readonly outcome?: Partial<OutcomeContent> | null
  readonly client?: Partial<IntentContent['client']>
  readonly request?: Partial<IntentContent['request']>
  readonly personal?: Readonly<Record<string, string>>
}

const START = Date.UTC(2026, 10, 22, 1, 20, 25) * 1000
const DIGEST = 'ab'.repeat(32)

/** A recorded exchange as a reader gives it; one second passes from each sequence number to the next. */
export function recorded({
  sequence,
  operation,
  intent,
  outcome,
  client,
  request,
  personal,
}: Parts): RecordedExchange {
  const id = `019ab${String(sequence).padStart(3, '0')}-0000-7000-8000-000000000000`
  const at = START + sequence * 1_000_000
  const envelope = {
    version: 1,
    stream: 'test',
    boot: 'boot',
    exchange: id,
    previous: '0'.repeat(64),
    personal: {},
  }
  return {
    id,
    personal: { clientAddress: '192.0.2.7', ...personal },
    intent: {
      ...envelope,
      kind: 'intent',
      sequence,
      at,
      monotonic: at,
      parent: null,
      issuance: null,
      tenant: 'default',
      instance: 'acmetap',
      configDigest: DIGEST,
      policyDigest: null,
      mode: 'relay',
      ca: 'pebble',
      operation,
      client: {
        listener: 'acme',
        port: 40_000,
        userAgent: 'Tester/1.0 more',
        tlsVersion: 'TLSv1.3',
        httpVersion: '1.1',
        ...client,
      },
      request: {
        method: 'POST',
        authority: 'localhost:8443',
        target: `/${operation}`,
        fields: {},
        bytes: 10,
        digest: DIGEST,
        ...request,
      },
      jws: null,
      account: null,
      identifiers: [],
      order: null,
      authorization: null,
      challenge: null,
      certificate: null,
      decision: { effect: 'allow', rule: null, ambiguities: [] },
      ...intent,
    },
    outcome:
      outcome === null
        ? null
        : {
            ...envelope,
            kind: 'outcome',
            sequence: sequence + 1,
            at: at + 12_000,
            monotonic: at + 12_000,
            ...UNKNOWN_OUTCOME,
            outcome: 'response',
            status: 200,
            durationTotal: 12_000,
            durationCa: 9_000,
            ...outcome,
          },
  }
}
