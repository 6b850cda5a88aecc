import type { MetricObjectWithValues, MetricValue, OpenMetricsContentType, Registry } from 'prom-client'

export interface Exposition {
  readonly contentType: string
  readonly body: string
}

const PLAIN = 'text/plain; version=0.0.4; charset=utf-8'
const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

interface Exemplar {
  readonly labelSet: Readonly<Record<string, string>>
  readonly value: number
  /** Seconds since 1970. */
  readonly timestamp: number
}
type Sample = MetricValue<string> & { readonly metricName?: string; readonly exemplar?: Exemplar | null }
type Family = MetricObjectWithValues<Sample>

/**
 * All metrics as text: OpenMetrics with exemplars where `accept` (the field of the request) prefers it, else the plain
 * format of Prometheus. Both are written here: prom-client's own writer is of one kind for a registry's whole life, and
 * takes `_total` off the names of counters for good once it has written OpenMetrics.
 */
export async function exposition(
  registry: Registry<OpenMetricsContentType>,
  accept: string | undefined,
): Promise<Exposition> {
  const families = (await registry.getMetricsAsJSON()) as unknown as Family[]
  return prefersOpenMetrics(accept)
    ? { contentType: OPEN_METRICS, body: `${families.map(openMetrics).join('')}# EOF\n` }
    : { contentType: PLAIN, body: families.map(plain).join('') }
}

/** RFC 9110 §12.5.1. Where both are equally welcome, as in Prometheus' own order, the plain one is for those who ask for it by name. */
export function prefersOpenMetrics(accept: string | undefined): boolean {
  let open = 0
  let text = 0
  for (const part of (accept ?? '').slice(0, 1000).split(',')) {
    const [range = '', ...parameters] = part.split(';').map((one) => one.trim().toLowerCase())
    const given = new Map(parameters.map((one) => one.split('=', 2) as [string, string]))
    const quality = Math.min(1, Math.max(0, Number(given.get('q') ?? 1) || 0))
    const version = given.get('version') ?? '1.0.0'
    if (range === 'application/openmetrics-text' && (version === '1.0.0' || version === '0.0.1'))
      open = Math.max(open, quality)
    if (range === 'text/plain') text = Math.max(text, quality)
  }
  return open > 0 && open >= text
}

function plain({ name, help, type, values }: Family): string {
  const lines = values.map(
    (sample) => `${sample.metricName ?? name}${labelsOf(sample)} ${numberText(sample.value)}`,
  )
  return [`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${type}`, ...lines, ''].join('\n')
}

/** A counter's family is named without `_total`, its samples with it; a boundary is written as a float. */
function openMetrics({ name, help, type, values }: Family): string {
  const isCounter = (type as unknown) === 'counter'
  const family = isCounter ? name.replace(/_total$/, '') : name
  const lines = values.map((sample) => {
    const line = `${isCounter ? `${family}_total` : (sample.metricName ?? name)}${labelsOf(sample, float)} ${numberText(sample.value)}`
    const { exemplar } = sample
    if (!exemplar) return line
    return `${line} # ${labelText(exemplar.labelSet)} ${numberText(exemplar.value)} ${exemplar.timestamp}`
  })
  return [
    `# HELP ${family} ${escaped(help).replaceAll('"', '\\"')}`,
    `# TYPE ${family} ${type}`,
    ...lines,
    '',
  ].join('\n')
}

function labelsOf({ labels }: Sample, boundary: (le: string) => string = (le) => le): string {
  const { le, ...others } = labels as Record<string, string | number>
  return labelText(le === undefined ? others : { ...others, le: boundary(String(le)) })
}

function labelText(labels: Readonly<Record<string, string | number>>): string {
  const parts = Object.entries(labels).map(
    ([name, value]) => `${name}="${escaped(String(value)).replaceAll('"', '\\"')}"`,
  )
  return parts.length === 0 ? '' : `{${parts.join(',')}}`
}

function float(le: string): string {
  return /^\d+$/.test(le) ? `${le}.0` : le
}

function numberText(value: number): string {
  return Number.isFinite(value) ? String(value) : Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}
