import {
  type Attributes,
  isSpanContextValid,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import type { Completed } from '../exchange/exchange.ts'
import { LruMap } from '../exchange/lru-map.ts'
import { problemLabel } from './problem-label.ts'
import { VERSION } from './version.ts'

/** Issuances whose trace is known: what comes later of an older one begins a trace of its own. */
const ISSUANCES = 10_000

/**
 * A span for each exchange, made when it has ended, and a trace for each issuance: the newOrder begins it, what is asked
 * of that order and its parts follows under it. Without an SDK that somebody registered nothing is made, and next to
 * nothing spent. Spans hold no names, addresses or accounts: they go to systems whose readers may not read the record;
 * `acmetap.exchange` leads there.
 */
export function traceExchanges(
  tracer: Tracer = trace.getTracer('acmetap', VERSION),
): (exchange: Completed) => void {
  const issuances = new LruMap<string, SpanContext>(ISSUANCES)
  return (exchange) => {
    const { id, operation, resource, receivedAt, completedAt } = exchange
    const begins = operation === 'newOrder' || operation === 'newAuthz'
    const issuance = begins ? id : (resource?.issuance ?? null)
    const parent = begins || issuance === null ? undefined : issuances.get(issuance)
    const span = tracer.startSpan(
      operation,
      { kind: SpanKind.SERVER, startTime: time(receivedAt.wall) },
      parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent),
    )
    // A trace that is not sampled is kept too: what follows it is not sampled either.
    if (begins && isSpanContextValid(span.spanContext())) issuances.set(id, span.spanContext())
    if (!span.isRecording()) return
    span.setAttributes(attributesOf(exchange, issuance))
    const { outcome } = exchange
    if (outcome.kind === 'failed')
      span.setStatus({ code: SpanStatusCode.ERROR, message: outcome.failure.cause })
    else if (outcome.kind === 'response' && outcome.response.status >= 500)
      span.setStatus({ code: SpanStatusCode.ERROR })
    span.end(time(receivedAt.wall + completedAt.monotonic - receivedAt.monotonic))
  }
}

/** Attributes are closed words and ids: see docs/metrics.md. */
function attributesOf(exchange: Completed, issuance: string | null): Attributes {
  const { id, mode, operation, destination, outcome } = exchange
  const attributes: Attributes = {
    'acmetap.exchange': id,
    'acmetap.mode': mode,
    'acmetap.ca': destination?.ca ?? 'none',
    'acmetap.operation': operation,
    'acmetap.outcome': outcome.kind,
  }
  if (issuance !== null) attributes['acmetap.issuance'] = issuance
  if (exchange.decision.effect === 'deny') attributes['acmetap.rule'] = exchange.decision.rule
  if (outcome.kind === 'failed') attributes['acmetap.cause'] = outcome.failure.cause
  if (outcome.kind !== 'refused') attributes['acmetap.ca_seconds'] = outcome.durationCa / 1e6
  if (exchange.turn.waited > 0) attributes['acmetap.wait_seconds'] = exchange.turn.waited / 1e6
  const problem = problemLabel(exchange)
  if (problem !== null) attributes['acmetap.problem'] = problem
  if (outcome.kind === 'response') {
    attributes['http.response.status_code'] = outcome.response.status
    attributes['acmetap.source'] = outcome.source ?? 'ca'
  }
  return attributes
}

/** µs since 1970 as OpenTelemetry has it: seconds and nanoseconds. */
function time(wall: number): [number, number] {
  const seconds = Math.floor(wall / 1e6)
  return [seconds, Math.round((wall - seconds * 1e6) * 1000)]
}
