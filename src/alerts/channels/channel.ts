/**
 * src/alerts/channels tells people. One file per kind makes of a notification what its service takes, purely; the
 * senders (http-sender.ts, mail-sender.ts) carry it there. Start at channels.ts.
 */
import type { Rendered } from '../render/renderer.ts'
import type { AlertSettings, Millis } from '../rule.ts'

export type ChannelSettings = NonNullable<AlertSettings['channels']>[number]

/** Where a notification can go. */
export interface Channel {
  readonly name: string
  /** Sends once and says what came of it; `at` is the time it goes out. Never rejects. */
  send(rendered: Rendered, at: Millis, signal: AbortSignal): Promise<Receipt>
  /**
   * Of a receiver that forgets: tells anew what goes on. Null where receivers do not forget, as nearly all.
   */
  readonly remind:
    | ((rendered: readonly Rendered[], at: Millis, signal: AbortSignal) => Promise<Receipt>)
    | null
  close(): Promise<void>
}

/** What came of one attempt. No text has a secret of the channel in it. */
export type Receipt =
  /** It has it. `said` is its answer, for people. */
  | { readonly kind: 'taken'; readonly said: string }
  /** Not now: try again, not before `after` ms where the channel said so. */
  | { readonly kind: 'later'; readonly error: string; readonly after: Millis | null }
  /**
   * It takes nothing from us: a token was withdrawn, a hook removed. Somebody has to mend that, and nothing is to be
   * lost until then, so it is tried again, slowly.
   */
  | { readonly kind: 'rejected'; readonly error: string }
  /** It will never take this one. */
  | { readonly kind: 'refused'; readonly error: string }

/** One POST. */
export interface Outgoing {
  readonly url: string
  readonly fields: Readonly<Record<string, string>>
  readonly body: string
  /** When the channel rejects it, that says nothing of other notifications. */
  readonly alone?: boolean
}

/** A service spoken to by HTTP. */
export interface HttpService {
  /** In the order they are sent; all must be taken. Pure. */
  requests(rendered: Rendered, at: Millis): readonly Outgoing[]
  /** Appear in no error and no log. */
  readonly secrets: readonly string[]
  /** Whether an answer of 400 to 499 is about the channel (a wrong key) rather than about what was sent. */
  readonly isAboutUs?: (answer: Answer) => boolean
  /** Why an answer of 200 to 299 is none; null when it is. */
  readonly faultIn?: (answer: Answer) => string | null
  /** The seconds to wait that the body says. */
  readonly waitIn?: (answer: Answer) => number | null
  readonly reminders?: (rendered: readonly Rendered[], at: Millis) => readonly Outgoing[]
}

export interface Answer {
  readonly status: number
  /** At most 64 KiB. */
  readonly body: string
}

export const JSON_FIELDS = { 'content-type': 'application/json' } as const

/** `base` may end in a slash or not. */
export function below(base: string, path: string): string {
  return `${base.replace(/\/+$/, '')}${path}`
}
