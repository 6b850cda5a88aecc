import { type CelCondition, compileCel } from './cel.ts'
import { clientParts } from './conditions/client.ts'
import { allOf, anyOf, notAny } from './conditions/combined.ts'
import type { Part, Slots } from './conditions/condition.ts'
import { csrParts, keyParts } from './conditions/csr.ts'
import * as byName from './conditions/name.ts'
import { cel, webhook } from './conditions/outside.ts'
import * as byRequest from './conditions/request.ts'
import { time, ZoneClock } from './conditions/time.ts'
import type { ConditionDocument } from './document.ts'
import { Networks } from './names/networks.ts'
import type { PatternSets } from './pattern-sets.ts'
import { compileRegExp } from './regular-expression.ts'

/** What the conditions of one policy share. */
export class Workshop {
  readonly slots: Slots = { count: 0 }
  readonly sets: PatternSets
  readonly #networks = new Map<string, Networks>()
  readonly #expressions = new Map<string, CelCondition>()
  readonly #clocks = new Map<string, ZoneClock>()
  readonly #shared = new Map<string, readonly Part[]>()

  constructor(sets: PatternSets) {
    this.sets = sets
  }

  /** Equal conditions of many rules are one, so that a request is asked once. `what`: all that makes them equal. */
  shared(what: object, make: () => readonly Part[]): readonly Part[] {
    const key = JSON.stringify(what)
    const parts = this.#shared.get(key) ?? make()
    this.#shared.set(key, parts)
    return parts
  }

  networks(written: readonly string[]): Networks {
    const key = written.join('\n')
    const networks = this.#networks.get(key) ?? sound(Networks.of(this.sets.entries(written)))
    this.#networks.set(key, networks)
    return networks
  }

  readonly cel = (text: string): CelCondition => {
    const expression = this.#expressions.get(text) ?? sound(compileCel(text))
    this.#expressions.set(text, expression)
    return expression
  }

  clock(zone: string): ZoneClock {
    const clock = this.#clocks.get(zone) ?? new ZoneClock(zone)
    this.#clocks.set(zone, clock)
    return clock
  }
}

/** `reach`: see conditions/name.ts. Throws a TypeError for what the reader of documents refuses. */
export function compileCondition(document: ConditionDocument, reach: byName.Reach, workshop: Workshop): Part {
  const members = membersOf(document, reach, workshop)
  const [only] = members
  if (members.length === 1 && only !== undefined) return only
  const text = members.length === 0 ? 'always' : members.map(({ text }) => text).join('; ')
  return allOf(workshop.slots, members, text)
}

function membersOf(document: ConditionDocument, reach: byName.Reach, workshop: Workshop): readonly Part[] {
  const { slots, sets } = workshop
  const parts: Part[] = []
  const compiled = (one: ConditionDocument) => compileCondition(one, reach, workshop)
  if (document.all !== undefined) parts.push(allOf(slots, document.all.map(compiled)))
  if (document.any !== undefined) parts.push(anyOf(slots, document.any.map(compiled)))
  if (document.not !== undefined) {
    parts.push(notAny(slots, compileCondition(document.not, reach === 'cover' ? 'touch' : 'cover', workshop)))
  }
  const { names, wildcard, registered_domain, public_suffix, ip, identifier_type, cel: expression } = document
  const add = (what: object, make: () => Part) =>
    parts.push(...workshop.shared({ ...what, reach }, () => [make()]))
  if (names !== undefined) add({ names }, () => byName.names(slots, names, sets.nameSet(names), reach))
  if (wildcard !== undefined) add({ wildcard }, () => byName.wildcard(slots, wildcard, reach))
  if (registered_domain !== undefined) {
    const entries = sets.entries(registered_domain)
    add({ registered_domain }, () => byName.registeredDomain(slots, registered_domain, entries, reach))
  }
  if (public_suffix !== undefined) {
    const entries = sets.entries(public_suffix)
    add({ public_suffix }, () => byName.inPublicSuffix(slots, public_suffix, entries, reach))
  }
  if (ip !== undefined) add({ ip }, () => byName.addresses(slots, ip, workshop.networks(ip)))
  if (identifier_type !== undefined)
    add({ identifier_type }, () => byName.identifierType(slots, identifier_type))
  for (const one of requestConditions(document))
    parts.push(...workshop.shared(one, () => requestParts(one, workshop)))
  if (expression !== undefined)
    add({ cel: expression }, () => cel(slots, expression, workshop.cel(expression)))
  return parts
}

/** Its conditions on the request, each by itself. */
function requestConditions(document: ConditionDocument): readonly ConditionDocument[] {
  const { mode, ca, operation, count, profile, validity, replaces, time, duplicates, orders, webhook } =
    document
  const { client = {}, key = {}, csr = {} } = document
  const { software, version, ...ofClient } = client
  return [
    ...singly(ofClient).map((one) => ({ client: one })),
    ...((software ?? version) === undefined ? [] : [{ client: given({ software, version }) }]),
    ...singly(key).map((one) => ({ key: one })),
    ...singly(csr).map((one) => ({ csr: one })),
    ...singly(
      given({ mode, ca, operation, count, profile, validity, replaces, time, duplicates, orders, webhook }),
    ),
  ] as readonly ConditionDocument[]
}

function given(members: object): object {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

function singly(members: object): readonly object[] {
  return Object.entries(members).map(([name, value]) => ({ [name]: value }))
}

function requestParts(document: ConditionDocument, workshop: Workshop): readonly Part[] {
  const { slots } = workshop
  const parts: Part[] = []
  const { client, mode, ca, operation, count, profile, validity, replaces } = document
  if (client !== undefined) {
    const networks = (written: readonly string[]) => workshop.networks(written)
    const expression = (text: string) => sound(compileRegExp(text))
    parts.push(...clientParts(slots, client, { networks, expression }))
  }
  if (mode !== undefined) parts.push(byRequest.mode(slots, mode))
  if (ca !== undefined) parts.push(byRequest.ca(slots, ca))
  if (operation !== undefined) parts.push(byRequest.operation(slots, operation))
  if (count !== undefined) parts.push(byRequest.count(slots, count))
  if (profile !== undefined) parts.push(byRequest.profile(slots, profile))
  if (validity !== undefined) parts.push(byRequest.validity(slots, validity))
  if (replaces !== undefined) parts.push(byRequest.replaces(slots, replaces))
  if (document.key !== undefined) parts.push(...keyParts(slots, document.key))
  if (document.csr !== undefined) parts.push(...csrParts(slots, document.csr))
  if (document.time !== undefined) parts.push(time(slots, document.time, workshop.clock(document.time.zone)))
  if (document.duplicates !== undefined) {
    const { within, count } = document.duplicates
    parts.push(byRequest.budget(slots, { kind: 'duplicates', within }, count))
  }
  if (document.orders !== undefined) {
    const { per, within, count } = document.orders
    parts.push(byRequest.budget(slots, { kind: 'orders', per, within }, count))
  }
  if (document.webhook !== undefined) parts.push(webhook(slots, document.webhook))
  return parts
}

/** What was read without a fault; the reader of documents has told the others. */
export function sound<T extends object>(result: T | { readonly fault: string }): T {
  if ('fault' in result) throw new TypeError(`a condition that cannot be read: ${String(result.fault)}`)
  return result
}
