import { bothOf, eitherOf, FALSE, notOf, type Possible, TRUE } from '../possible.ts'
import { COST, type Part, part, type Slots } from './condition.ts'

interface Kind {
  readonly join: (a: Possible, b: Possible) => Possible
  /** Of none. */
  readonly empty: Possible
  /** What no further part changes. */
  readonly settled: Possible
}

const ALL: Kind = { join: bothOf, empty: TRUE, settled: FALSE }
const ANY: Kind = { join: eitherOf, empty: FALSE, settled: TRUE }

export function allOf(slots: Slots, parts: readonly Part[], text = `all (${textOf(parts)})`): Part {
  return combined(slots, ALL, parts, text)
}

export function anyOf(slots: Slots, parts: readonly Part[]): Part {
  return combined(slots, ANY, parts, `any (${textOf(parts)})`)
}

export function notAny(slots: Slots, inner: Part): Part {
  return part(slots, {
    text: `not (${inner.text})`.slice(0, LONGEST_TEXT),
    perName: inner.perName,
    cost: inner.cost,
    parts: [inner],
    possibleAt: (operation) => notOf(inner.possibleAt(operation)),
    judge: (judging, name) => notOf(inner.judge(judging, name)),
  })
}

/** Its parts in the order of their cost: no part changes what another says, so the result is that of any order. */
function combined(slots: Slots, kind: Kind, parts: readonly Part[], text: string): Part {
  const byCost = requestFirst(slots, kind, parts)
  return part(slots, {
    text: text.slice(0, LONGEST_TEXT),
    perName: parts.some(({ perName }) => perName),
    cost: Math.max(COST.request, ...parts.map(({ cost }) => cost)),
    parts,
    first: kind === ALL ? firstOf(byCost) : null,
    ...(kind === ALL && { needed: parts.flatMap(({ needed }) => needed) }),
    possibleAt: (operation) =>
      parts.reduce((result, one) => kind.join(result, one.possibleAt(operation)), kind.empty),
    judge(judging, name) {
      let result = kind.empty
      for (const one of byCost) {
        const possible = one.judge(judging, name)
        if (possible === kind.settled) return possible
        result = kind.join(result, possible)
      }
      return result
    },
  })
}

/** What is cheap and does not depend on the name is one part of its own, whose answer holds for every name. */
function requestFirst(slots: Slots, kind: Kind, parts: readonly Part[]): readonly Part[] {
  const sorted = parts.toSorted((a, b) => a.cost - b.cost)
  const ofRequest = sorted.filter(({ perName, cost }) => !perName && cost === COST.request)
  if (ofRequest.length < 2 || ofRequest.length === parts.length) return sorted
  const rest = sorted.filter((one) => !ofRequest.includes(one))
  return [combined(slots, kind, ofRequest, textOf(ofRequest)), ...rest]
}

function firstOf([cheapest]: readonly Part[]): Part | null {
  if (cheapest === undefined) return null
  return cheapest.perName || cheapest.cost > COST.request ? cheapest.first : cheapest
}

function textOf(parts: readonly Part[]): string {
  return parts.map(({ text }) => text).join('; ')
}

const LONGEST_TEXT = 500
