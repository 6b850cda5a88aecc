import { isIP } from 'node:net'
import { asciiText, isNumeric, LONGEST_NAME, labelFault, lowerCased, quoted } from './label.ts'
import type { PolicyName } from './policy-name.ts'

/**
 * A set of DNS names. `labels` from the right, `*` for any one label; left of them stand no label (`apex`), or 1 to
 * `depth` labels, whatever they are.
 *
 *     example.com         labels com example      apex
 *     *.example.com       labels com example *    apex
 *     **.example.com      labels com example            depth Infinity
 *     .example.com        labels com example      apex  depth Infinity
 *     **{3}.example.com   labels com example            depth 3
 *     **                  no labels                     depth Infinity
 */
export interface Pattern {
  /** As written, in lower case. */
  readonly text: string
  readonly labels: readonly string[]
  readonly apex: boolean
  readonly depth: number
}

/** One line: what is wrong, and what to write instead. */
export interface PatternFault {
  readonly fault: string
}

/** DNS has no name with more labels. */
const MOST_LABELS = 127
/** In a pattern with a `*` between labels: what bounds the ways that a name can go through a set (label-trie.ts). */
const MOST_LABELS_AROUND_STAR = 10

export function parsePattern(written: string): Pattern | PatternFault {
  const text = lowerCased(written)
  const [start = '', limit] = START.exec(text) ?? []
  const rest = text.slice(start.length)
  const fault = rest === '' ? aloneFault(start, text) : restFault(rest, start)
  const wrong = fault ?? limitFault(limit)
  if (wrong !== null) return { fault: `${quoted(written)} ${wrong}` }
  const labels = rest === '' ? [] : rest.split('.').reverse()
  if (start === '') return { text, labels, apex: true, depth: 0 }
  const depth = limit === undefined ? Number.POSITIVE_INFINITY : Number(limit)
  return { text, labels, apex: start === '.', depth }
}

/** `.`, `**.` and `**{3}.`; `**` and `**{3}` alone. */
const START = /^(?:\.|\*\*(?:\{(\d{1,9})\})?(?:\.|$))/

function aloneFault(start: string, text: string): string | null {
  if (text === '') return 'is empty: write ** for every name'
  return start.endsWith('.') ? 'has nothing after its dot: write ** for every name' : null
}

function limitFault(limit: string | undefined): string | null {
  if (limit === undefined || (Number(limit) >= 1 && Number(limit) < MOST_LABELS)) return null
  return `limits the depth to ${limit}: write 1 to ${MOST_LABELS - 1}`
}

function restFault(rest: string, start: string): string | null {
  if (rest === '*' && !start.startsWith('**')) return ONE_LABEL
  if (rest.length > LONGEST_NAME) return `is longer than any name; ${LONGEST_NAME} characters are allowed`
  if (isIP(rest) !== 0 || /\/\d+$/.test(rest)) return 'is an address: it belongs under ip, not under names'
  if (rest.endsWith('.')) return 'ends with a dot: write it without'
  const labels = rest.split('.').reverse()
  for (const label of labels) {
    const wrong = label === '*' ? null : patternLabelFault(label)
    if (wrong === null) continue
    const instead = asciiText(rest)
    return instead === null ? wrong : `${wrong}: write ${instead} there`
  }
  if (isNumeric(labels[0] ?? '')) return `ends with the number ${labels[0]}, as no name does`
  if (labels.length <= MOST_LABELS_AROUND_STAR || !STAR_WITHIN.test(rest)) return null
  return `has a * right of another label and ${labels.length} labels; ${MOST_LABELS_AROUND_STAR} are allowed then`
}

/** Which of the two is meant decides what a rule protects. */
const ONE_LABEL = 'can be read in two ways: write **{1} for names of one label, or ** for every name'

const STAR_WITHIN = /[^*.]\.(?:.*\.)?\*(?:\.|$)/

function patternLabelFault(label: string): string | null {
  if (label.includes('**')) return 'has ** where only its beginning may have it, as in **.NAME or **{3}.NAME'
  return label.includes('*') ? 'has a * within a label; * stands for a whole label' : labelFault(label)
}

/** The hosts that a name stands for, as a pattern. Not for addresses. */
export function patternOf({ value, labels, covers }: PolicyName): Pattern {
  if (covers === 'wildcard') return { text: `*.${value}`, labels: [...labels, '*'], apex: true, depth: 0 }
  if (covers === 'subtree') return { text: `.${value}`, labels, apex: true, depth: Number.POSITIVE_INFINITY }
  return { text: value, labels, apex: true, depth: 0 }
}

/** Whether every name of `b` is one of `a`. */
export function patternCovers(a: Pattern, b: Pattern): boolean {
  for (const [place, label] of a.labels.entries()) {
    if (label !== '*' && label !== b.labels[place]) {
      // `b` has no label there: whatever stands there in its names, it can be another.
      return false
    }
  }
  return leastOf(a) <= leastOf(b) && mostOf(b) <= mostOf(a)
}

/** Whether some name is one of both. */
export function patternsTouch(a: Pattern, b: Pattern): boolean {
  const common = Math.min(a.labels.length, b.labels.length)
  for (let place = 0; place < common; place++) {
    const [one, other] = [a.labels[place], b.labels[place]]
    if (one !== other && one !== '*' && other !== '*') return false
  }
  return leastOf(a) <= mostOf(b) && leastOf(b) <= mostOf(a)
}

/** How many labels the shortest and the longest of its names have. */
function leastOf({ labels, apex }: Pattern): number {
  return apex ? labels.length : labels.length + 1
}

function mostOf({ labels, depth }: Pattern): number {
  return labels.length + depth
}
