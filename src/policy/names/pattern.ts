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

export function parsePattern(written: string): Pattern | PatternFault {
  const fault = (text: string) => ({ fault: `${quoted(written)} ${text}` })
  const text = lowerCased(written)
  if (text === '') return fault('is empty; ** stands for every name')
  if (text.length > LONGEST_NAME + '**{126}.'.length) return fault('is longer than any name')
  if (text === '*') return fault('stands for names of one label: write **{1}, or ** for every name')
  const start = START.exec(text)
  const depth = start?.[2] === undefined ? Number.POSITIVE_INFINITY : Number(start[2])
  if (depth < 1 || (start?.[2] !== undefined && depth >= MOST_LABELS)) {
    return fault('limits the depth: write 1 to 126 within { }')
  }
  const rest = start ? text.slice(start[0].length) : text
  if (rest === '') {
    return start?.[1] === '.'
      ? fault('has nothing after its dot; ** stands for every name')
      : { text, labels: [], apex: false, depth }
  }
  if (isIP(rest) !== 0 || /\/\d+$/.test(rest))
    return fault('is an address: it belongs under ip, not under names')
  if (rest.endsWith('.')) return fault('ends with a dot: write it without')
  const labels = rest.split('.').reverse()
  for (const label of labels) {
    if (label === '*') continue
    if (label.includes('**'))
      return fault('has ** where only its beginning may have it: **.NAME or **{3}.NAME')
    if (label.includes('*')) return fault('has a * within a label; * stands for a whole label')
    const wrong = labelFault(label)
    if (wrong === null) continue
    const instead = asciiText(text)
    return fault(instead === null ? wrong : `${wrong}: write ${instead}`)
  }
  if (isNumeric(labels[0] ?? '')) return fault(`ends with the number ${labels[0]}, as no name does`)
  if (rest.length > LONGEST_NAME) return fault('is longer than any name')
  if (!start) return { text, labels, apex: true, depth: 0 }
  return { text, labels, apex: start[1] === '.', depth }
}

/** `.`, `**.`, `**{3}.`, and the last two alone. */
const START = /^(\.(?!\.)|\*\*(?:\{(\d{1,4})\})?(?:\.|$))/

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
