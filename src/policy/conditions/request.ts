import type { Operation } from '../../acme/operation.ts'
import type { Mode } from '../../exchange/mode.ts'
import type { Comparison } from '../document.ts'
import type { OrderFacts, PolicyFacts } from '../facts.ts'
import { type HistoryQuestion, questionText } from '../history.ts'
import { orderFactsOf } from '../order-facts.ts'
import { known, type Truth } from '../truth.ts'
import { meets } from './compared.ts'
import { listed, ofRequest, type Part, type Slots } from './condition.ts'

export function mode(slots: Slots, modes: readonly Mode[]): Part {
  return ofRequest(slots, 'request', `mode: ${listed(modes)}`, (facts) => modes.includes(facts.mode))
}

export function ca(slots: Slots, cas: readonly string[]): Part {
  return ofRequest(slots, 'request', `ca: ${listed(cas)}`, (facts) => cas.includes(facts.ca))
}

export function operation(slots: Slots, operations: readonly Operation[]): Part {
  return ofRequest(slots, 'request', `operation: ${listed(operations)}`, (facts) =>
    operations.includes(facts.operation),
  )
}

export function count(slots: Slots, comparison: Comparison): Part {
  return ofRequest(slots, 'count', `count: ${comparison.text}`, ({ identifiers }) =>
    known(identifiers, ({ length }) => meets(comparison, length)),
  )
}

export function profile(slots: Slots, profiles: readonly string[]): Part {
  return ofOrder(slots, `profile: ${listed(profiles)}`, (order) => profiles.includes(order.profile ?? 'none'))
}

export function validity(slots: Slots, comparison: Comparison): Part {
  return ofOrder(
    slots,
    `validity: ${comparison.text}`,
    (order) => order.validity !== null && meets(comparison, order.validity),
  )
}

export function replaces(slots: Slots, wanted: boolean): Part {
  return ofOrder(slots, `replaces: ${wanted}`, (order) => order.replaces === wanted)
}

function ofOrder(slots: Slots, text: string, test: (order: OrderFacts) => boolean): Part {
  return ofRequest(slots, 'order', text, (facts) => {
    const order = orderOf(facts)
    return order === null ? false : known(order, test)
  })
}

/** At newOrder from the request itself, later from what is remembered of it. */
function orderOf({ operation, asked, order, at }: PolicyFacts): OrderFacts | null | undefined {
  if (operation !== 'newOrder') return order
  return asked?.kind === 'order' ? orderFactsOf(asked, at) : undefined
}

export function budget(slots: Slots, question: HistoryQuestion, comparison: Comparison): Part {
  const text = questionText(question)
  return ofRequest(
    slots,
    'budget',
    `${text}: ${comparison.text}`,
    ({ history }): Truth =>
      known(Object.hasOwn(history, text) ? history[text] : undefined, (orders) => meets(comparison, orders)),
  )
}
