/** Tracers over OpenTelemetry's API alone that keep what they are given, as an SDK would before it exports it. */
import { randomBytes } from 'node:crypto'
import {
  type Attributes,
  type Context,
  type Span,
  type SpanContext,
  type SpanOptions,
  type SpanStatus,
  TraceFlags,
  type Tracer,
  type TracerProvider,
  trace,
} from '@opentelemetry/api'

export interface RecordedSpan {
  readonly name: string
  readonly trace: string
  readonly span: string
  readonly parent: string | null
  readonly kind: SpanOptions['kind']
  readonly start: unknown
  readonly attributes: Attributes
  status: SpanStatus | null
  end: unknown
}

export class RecordingTracers implements TracerProvider {
  readonly spans: RecordedSpan[] = []
  readonly names: string[] = []
  /** Of traces that begin; those that go on follow their parent. */
  sampled = true

  getTracer(name: string): Tracer {
    this.names.push(name)
    return {
      startSpan: (span: string, options: SpanOptions = {}, context?: Context) =>
        this.#start(span, options, context),
      startActiveSpan: () => {
        throw new Error('nobody needs an active span')
      },
    }
  }

  #start(name: string, { kind, startTime, attributes = {} }: SpanOptions, context?: Context): Span {
    const parent = context === undefined ? undefined : trace.getSpanContext(context)
    const isSampled = parent === undefined ? this.sampled : (parent.traceFlags & TraceFlags.SAMPLED) !== 0
    const own: SpanContext = {
      traceId: parent?.traceId ?? randomBytes(16).toString('hex'),
      spanId: randomBytes(8).toString('hex'),
      traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    }
    if (!isSampled) return trace.wrapSpanContext(own)
    const recorded: RecordedSpan = {
      name,
      trace: own.traceId,
      span: own.spanId,
      parent: parent?.spanId ?? null,
      kind,
      start: startTime,
      attributes: { ...attributes },
      status: null,
      end: null,
    }
    const span: Span = {
      spanContext: () => own,
      setAttribute: (key, value) => {
        recorded.attributes[key] = value
        return span
      },
      setAttributes: (more) => {
        Object.assign(recorded.attributes, more)
        return span
      },
      addEvent: () => span,
      addLink: () => span,
      addLinks: () => span,
      setStatus: (status) => {
        recorded.status = status
        return span
      },
      updateName: () => span,
      end: (time) => {
        recorded.end = time
        this.spans.push(recorded)
      },
      isRecording: () => true,
      recordException: () => undefined,
    }
    return span
  }
}
