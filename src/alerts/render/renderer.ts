/** src/alerts/render makes of a notification what people read. Start here; view.ts is what templates see. */
import type { Liquid, Template } from 'liquidjs'
import { parseTemplate, templateEngine } from '../../config/templates.ts'
import type { Notification } from '../notification.ts'
import type { AlertSettings } from '../rule.ts'
import { HTML, TEXT, TITLE } from './built-in.ts'
import { type MessageView, viewOf } from './view.ts'
import { cut, visible } from './visible.ts'

/** A notification as people read it. */
export interface Rendered {
  readonly notification: Notification
  readonly view: MessageView
  /** One line, at most 250 characters. */
  readonly title: string
  /** Plain text, at most 16,000 characters. */
  readonly text: string
  readonly html: string
}

type Part = 'title' | 'text' | 'html'
const BUILT_IN: Readonly<Record<Part, string>> = { title: TITLE, text: TEXT, html: HTML }

export class Renderer {
  readonly #url: string | null
  readonly #own = new Map<Part, Template[]>()
  readonly #builtIn: Readonly<Record<Part, Template[]>>
  readonly #plain: Liquid = templateEngine({ html: false })
  readonly #html: Liquid = templateEngine({ html: true })
  readonly #report: (part: Part, message: string) => void

  /**
   * Reads the template files; throws what `config check` complains of. `report` is told when a template fails over a
   * message, which then goes out as the built-in one has it.
   */
  constructor(
    { url, templates }: Pick<AlertSettings, 'url' | 'templates'>,
    report: (part: Part, message: string) => void = () => undefined,
  ) {
    this.#url = url ?? null
    this.#report = report
    this.#builtIn = {
      title: this.#plain.parse(BUILT_IN.title),
      text: this.#plain.parse(BUILT_IN.text),
      html: this.#html.parse(BUILT_IN.html),
    }
    for (const part of ['title', 'text', 'html'] as const) {
      const file = templates?.[part]
      if (file !== undefined) this.#own.set(part, this.#engine(part).parse(parseTemplate(file).text))
    }
  }

  render(notification: Notification): Rendered {
    const view = viewOf(notification, this.#url)
    const title = visible(this.#part('title', view), 250).trim()
    return {
      notification,
      view,
      title,
      text: cut(this.#part('text', view).trim(), 16_000),
      html: this.#part('html', { ...view, subject: title }),
    }
  }

  #engine(part: Part): Liquid {
    return part === 'html' ? this.#html : this.#plain
  }

  #part(part: Part, view: object): string {
    const own = this.#own.get(part)
    if (own !== undefined) {
      try {
        return this.#engine(part).renderSync(own, view)
      } catch (error) {
        this.#report(part, error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error))
      }
    }
    return this.#engine(part).renderSync(this.#builtIn[part], view)
  }
}
