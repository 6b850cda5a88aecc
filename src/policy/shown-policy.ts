import type { Effect, PolicyMode } from '../exchange/decision.ts'
import type { PolicyBundle } from './bundle.ts'
import type { Policy } from './policy.ts'

/** A policy as people and programs look at it: every default filled in, without what its lists hold. JSON. */
export interface ShownPolicy {
  readonly file: string
  readonly digest: string
  readonly mode: PolicyMode
  readonly default: Effect
  readonly rules: readonly ShownRule[]
  readonly lists: readonly { readonly name: string; readonly entries: number }[]
  readonly webhooks: readonly { readonly name: string; readonly url: string; readonly signed: boolean }[]
  /** As written. */
  readonly text: string
}

export interface ShownRule {
  readonly name: string
  readonly effect: 'allow' | 'deny' | 'warn'
  readonly mode: PolicyMode
  readonly unknown: 'match' | 'skip'
  /** Its conditions on one line. */
  readonly when: string
  readonly owner: string | null
  readonly link: string | null
  /** RFC 3339; from then on it matches nothing. */
  readonly expires: string | null
  readonly expired: boolean
  readonly line: number
}

/** `now` in milliseconds since 1970. */
export function shownPolicy(
  { document, digest, rules }: Policy,
  { file, text }: PolicyBundle,
  now: number,
): ShownPolicy {
  return {
    file,
    digest,
    mode: document.mode,
    default: document.default,
    rules: rules.map(({ index, name, effect, mode, unknown, when, owner, link, expires }) => ({
      name,
      effect,
      mode,
      unknown,
      when: when.text,
      owner,
      link,
      expires: expires === null ? null : new Date(expires).toISOString(),
      expired: expires !== null && expires <= now,
      line: document.rules[index]?.line ?? 1,
    })),
    lists: Object.entries(document.lists).map(([name, entries]) => ({ name, entries: entries.length })),
    webhooks: Object.entries(document.webhooks).map(([name, { url, secretFile }]) => ({
      name,
      url,
      signed: secretFile !== null,
    })),
    text,
  }
}
