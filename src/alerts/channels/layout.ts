import type { Rendered } from '../render/renderer.ts'
import { cut } from '../render/visible.ts'

/** A line of the text: `Why: …` has a label. */
export interface Line {
  readonly label: string | null
  readonly text: string
  /** It is a link of our own. */
  readonly link: boolean
}

/** The text as lines, of at most so many characters in all. Empty ones are left out. */
export function linesOf({ text, view }: Rendered, most: number): readonly Line[] {
  const links = new Set([view.link, ...view.alerts.map(({ link }) => link)])
  return cut(text, most)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [, label, rest] = /^([A-Z][a-z]+(?: [a-z]+)?): (.*)$/.exec(line) ?? []
      if (label === undefined || rest === undefined) return { label: null, text: line, link: false }
      return { label, text: rest, link: links.has(rest) }
    })
}

/** The first link into acmetap's own pages, or null. */
export function linkOf({ view }: Rendered): string | null {
  return (view.count === 1 ? view.alerts[0]?.link : null) ?? view.link
}

/** 0xRRGGBB. */
export function colorOf({ view }: Rendered): number {
  if (view.kind === 'resolved') return 0x1a7f37
  if (view.severity === 'critical') return 0xcf222e
  return view.severity === 'warning' ? 0xbf8700 : 0x0969da
}

/** `@` before a zero-width space mentions nobody, and looks the same. */
export function withoutMentions(text: string): string {
  return text.replaceAll('@', '@\u200b')
}

/** What Markdown of the chat services could take for markup shows itself. */
export function escapeMarkdown(text: string): string {
  return withoutMentions(
    text.replace(/[\\`*_~|[\]()<>#!]/g, '\\$&').replace(/^(\s*)([-+>]|\d+\.)/gm, '$1\\$2'),
  )
}

/** `&`, `<`, `>`: what HTML of Telegram and texts of Slack reserve. */
export function escapeAngles(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
