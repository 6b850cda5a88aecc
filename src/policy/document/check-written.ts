/**
 * What the schema cannot say: conditions that are empty, references that lead nowhere, names given twice, messages that
 * name what is not there. Looks at the value before the schema has accepted it, so that all is reported together; what
 * has the wrong type is left to the schema.
 */
import type { Complaint, KeyPath } from '../../config/config-error.ts'
import { LISTED_KEYS, type ListedKey } from './condition-schema.ts'
import { celWebhooks } from './expressions.ts'
import { placeholdersOf } from './message-template.ts'
import { type Mapping, mapping } from './policy-text.ts'
import { listName, nearestName } from './references.ts'

export interface Checked {
  readonly complaints: readonly Complaint[]
  /** Names of the webhooks that some condition asks. */
  readonly webhooks: ReadonlySet<string>
  /** Each place that names a list, and what the list must therefore hold. */
  readonly uses: readonly ListUse[]
}

export interface ListUse {
  readonly list: string
  readonly key: ListedKey
}

export function checkWritten(written: Mapping): Checked {
  const complaints: Complaint[] = []
  const uses: ListUse[] = []
  const asked = new Set<string>()
  const lists = Object.keys(mapping(written.lists))
  const webhooks = Object.keys(mapping(written.webhooks))
  const names = new Map<unknown, number>()
  for (const [at, entry] of sequence(written.rules).entries()) {
    const rule = mapping(entry)
    const path = ['rules', at]
    const first = names.get(rule.name)
    if (first === undefined) names.set(rule.name, at)
    else if (typeof rule.name === 'string') {
      complaints.push(complaint([...path, 'name'], `is already the name of rules[${first}]`, 'Take another'))
    }
    checkRule(rule, path)
    if (typeof rule.when === 'object') checkCondition(rule.when, [...path, 'when'])
  }
  return { complaints, webhooks: asked, uses }

  function checkRule(rule: Mapping, path: KeyPath): void {
    const { message, effect, problem } = rule
    if (problem !== undefined && (effect === 'allow' || effect === 'warn')) {
      complaints.push({
        ...complaint([...path, 'problem'], `means nothing where effect is ${effect}`),
        at: 'key',
      })
    }
    if (typeof message !== 'string') return
    for (const key of ['owner', 'link', 'expires'] as const) {
      if ((rule[key] ?? (key === 'link' ? written.link : undefined)) !== undefined) continue
      if (!placeholdersOf(message).includes(key)) continue
      complaints.push(
        complaint([...path, 'message'], `names {${key}}`, `Write ${key} beside it, or take it out`),
      )
    }
  }

  function checkCondition(value: unknown, path: KeyPath): void {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return
    const condition = value as Mapping
    if (Object.keys(condition).length === 0) {
      const whole = path.length === 3
      complaints.push(
        complaint(path, 'holds no condition', whole ? 'Write when: always for every request' : 'Take it out'),
      )
    }
    for (const key of ['all', 'any']) {
      for (const [at, part] of sequence(condition[key]).entries()) checkCondition(part, [...path, key, at])
    }
    checkCondition(condition.not, [...path, 'not'])
    for (const key of ['client', 'key', 'csr']) {
      if (isEmpty(condition[key]))
        complaints.push(complaint([...path, key], 'holds no condition', 'Take it out'))
    }
    const time = mapping(condition.time)
    if (condition.time !== undefined && Object.keys(time).every((key) => key === 'zone')) {
      const instead = 'Write from, until, days or hours'
      if (isEmpty(condition.time) || time.zone !== undefined) {
        complaints.push(complaint([...path, 'time'], 'says no time', instead))
      }
    }
    const { webhook, cel } = condition
    if (typeof webhook === 'string') checkWebhook(webhook, [...path, 'webhook'])
    if (typeof cel === 'string') for (const name of celWebhooks(cel)) checkWebhook(name, [...path, 'cel'])
    checkLists(condition, path)
    checkLists(mapping(condition.client), [...path, 'client'])
  }

  function checkWebhook(name: string, path: KeyPath): void {
    asked.add(name)
    if (webhooks.includes(name)) return
    const instead = nearestName(name, webhooks, 'webhooks')
    complaints.push(complaint(path, 'names a webhook that is not under webhooks', instead))
  }

  function checkLists(members: Mapping, path: KeyPath): void {
    for (const key of LISTED_KEYS) {
      const written = members[key]
      for (const [at, entry] of (Array.isArray(written) ? written : [written]).entries()) {
        const list = typeof entry === 'string' ? listName(entry) : null
        if (list === null) continue
        if (lists.includes(list)) uses.push({ list, key })
        else {
          const here = Array.isArray(written) ? [...path, key, at] : [...path, key]
          complaints.push(
            complaint(here, 'names a list that is not under lists', nearestName(list, lists, 'lists')),
          )
        }
      }
    }
  }
}

function isEmpty(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0
  )
}

function sequence(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function complaint(path: KeyPath, message: string, instead: string | null = null): Complaint {
  return { path, at: 'value', message, instead }
}
