import { resolve } from 'node:path'
import type { ConfigDocument } from '../../config/document.ts'
import type { ConditionDocument, PolicyDocument, RuleDocument, WebhookSetting } from '../document.ts'
import { LISTED_KEYS } from './condition-schema.ts'
import { listName } from './references.ts'
import type { WrittenPolicy } from './schema.ts'

/** Entries by name of the list. Without a prototype: `constructor` is a name as any other. */
export type Lists = Record<string, readonly string[]>

/** What passed the schema as the program holds it: defaults as null, paths absolute, rules with their places. */
export function documentOf(
  written: WrittenPolicy,
  lists: Lists,
  text: ConfigDocument,
  folder: string,
): PolicyDocument {
  const webhooks: Record<string, WebhookSetting> = Object.create(null)
  for (const [name, { url, secret_file, timeout, cache, trust }] of Object.entries(written.webhooks)) {
    webhooks[name] = {
      url,
      secretFile: secret_file === undefined ? null : resolve(folder, secret_file),
      timeout,
      cache,
      trust: trust === undefined ? null : resolve(folder, trust),
    }
  }
  return {
    version: 1,
    mode: written.mode,
    default: written.default,
    message: written.message ?? null,
    link: written.link ?? null,
    lists,
    webhooks,
    rules: written.rules.map(
      (rule, at): RuleDocument => ({
        name: rule.name,
        // An optional key that is absent is absent here too, though zod's type also lets it be undefined.
        when: withLists(rule.when as ConditionDocument, lists),
        effect: rule.effect,
        mode: rule.mode ?? null,
        message: rule.message ?? null,
        link: rule.link ?? null,
        owner: rule.owner ?? null,
        expires: rule.expires ?? null,
        unknown: rule.unknown ?? null,
        problem: rule.problem ?? null,
        ...text.locate(['rules', at], 'value'),
      }),
    ),
  }
}

/** The same with the entries of each list in place of its name; those of names and addresses, which are long, stay. */
function withLists(condition: ConditionDocument, lists: Lists): ConditionDocument {
  const { all, any, not, client } = condition
  return {
    ...expanded(condition, lists),
    ...(all && { all: all.map((part) => withLists(part, lists)) }),
    ...(any && { any: any.map((part) => withLists(part, lists)) }),
    ...(not && { not: withLists(not, lists) }),
    ...(client && { client: expanded(client, lists) }),
  }
}

const STAY: readonly string[] = ['names', 'ip']

function expanded<T extends object>(members: T, lists: Lists): T {
  const entries = Object.entries(members).map(([key, value]) => {
    const isListed = (LISTED_KEYS as readonly string[]).includes(key) && !STAY.includes(key)
    if (!isListed) return [key, value]
    const written = value as readonly string[]
    const only = written.length === 1 ? listName(written[0]!) : null
    // One list for all that name it, also where the document goes to another thread.
    if (only !== null) return [key, lists[only]!]
    const all = written.flatMap((entry) => {
      const list = listName(entry)
      return list === null ? [entry] : lists[list]!
    })
    return [key, all]
  })
  return Object.fromEntries(entries) as T
}
