import type { AlertActions, AlertFeed, AlertReader, Outbox } from '../../../alerts/alert-desk.ts'
import type { Millis } from '../../../alerts/rule.ts'
import { FilterRefused } from '../../../audit/inventory/values.ts'
import type { Person } from '../../../audit/person.ts'
import type { AlertsDatabase } from './alerts-database.ts'

type Answers<Port> = {
  readonly [Name in keyof Port]: Port[Name] extends (...given: infer Given) => Promise<infer Answer>
    ? (...given: Given) => Answer
    : never
}

/** What the thread is asked, by name: the ports of the desk, answered at once. */
export type AlertAnswers = Answers<
  AlertReader & AlertActions & Outbox & Pick<AlertFeed, 'probed' | 'watched'>
>
export type AlertQuestion = keyof AlertAnswers

export interface AskedOfAlerts {
  readonly name: AlertQuestion
  readonly given: readonly unknown[]
}

/** A filter that was refused crosses the thread's border as a value, so that it stays what it is. */
export type AlertAnswered =
  | { readonly value: unknown }
  | { readonly refused: { readonly filter: string; readonly reason: string } }

/** What is asked of what is kept. `change` is one transaction, and what it changes may have to be told. */
export interface AlertsKept {
  ask<T>(question: (alerts: AlertsDatabase, now: Millis) => T): T
  change<T>(question: (alerts: AlertsDatabase, now: Millis) => T): T
  /** The same, for what may end the silence about an alert, or begin it. */
  changeSilences<T>(question: (alerts: AlertsDatabase, now: Millis) => T): T
  /** Not in a transaction of its own; whatever was read before is read anew. */
  forget(person: Person): number
}

export function answersOf(kept: AlertsKept): AlertAnswers {
  return {
    alerts: (filter) => kept.ask(({ memory }) => memory.alerts.list(filter)),
    alert: (id) => kept.ask(({ memory }) => memory.alerts.alert(id)),
    deliveries: (filter) => kept.ask(({ outbox }) => outbox.list(filter)),
    silences: (ended) => kept.ask(({ silences }, now) => silences.list(ended, now)),
    endpoints: (filter) => kept.ask(({ endpoints }) => endpoints.list(filter)),
    silence: (request, by) => kept.changeSilences(({ silences }, now) => silences.add(request, by, now)),
    endSilence: (id) => kept.changeSilences(({ silences }, now) => silences.end(id, now)),
    addEndpoint: (endpoint) => kept.change(({ endpoints }) => endpoints.add(endpoint)),
    removeEndpoint: (endpoint) => kept.change(({ endpoints }) => endpoints.remove(endpoint)),
    forget: (person, dry) => (dry ? kept.ask((alerts) => alerts.countNaming(person)) : kept.forget(person)),
    due: (now, limit) => kept.ask(({ outbox }) => outbox.due(now, limit)),
    settle: (id, channel, settled) => kept.change(({ outbox }) => outbox.settle(id, channel, settled)),
    next: () => kept.ask(({ outbox }) => outbox.next()),
    hurry: (channels, now) => kept.change(({ outbox }) => outbox.hurry(channels, now)),
    add: (notification) => kept.change(({ outbox }) => outbox.add(notification)),
    probed: (state) => kept.change(({ endpoints }) => endpoints.probed(state)),
    watched: (endpoints) => kept.change((alerts) => alerts.endpoints.watched(endpoints)),
  }
}

/** Throws what the question throws, but for a filter that was refused. */
export function answer(answers: AlertAnswers, { name, given }: AskedOfAlerts): AlertAnswered {
  try {
    const question = answers[name] as (...given: readonly unknown[]) => unknown
    return { value: question(...given) }
  } catch (error) {
    if (!(error instanceof FilterRefused)) throw error
    return { refused: { filter: error.filter, reason: error.reason } }
  }
}
