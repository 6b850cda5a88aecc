/** Problem documents of the control plane (RFC 9457). Their type is about:blank: the title and the status are one. */
import { z } from 'zod'

export const problemDocument = z.strictObject({
  title: z.string().meta({ description: 'What the status means.' }),
  status: z.int(),
  detail: z.string().meta({ description: 'What was wrong this time, and what is allowed instead.' }),
  parameters: z
    .array(
      z.strictObject({
        name: z.string().meta({ description: 'Of the query member, path segment or member of the body.' }),
        value: z.string().nullable().meta({ description: 'What was given, cut and escaped; null for none.' }),
        message: z.string().meta({ description: 'What is allowed.' }),
      }),
    )
    .optional()
    .meta({ description: 'What was refused by name, where it was.' }),
})
export type ControlProblem = z.output<typeof problemDocument>

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'No valid token',
  403: 'Forbidden',
  404: 'Not found',
  409: 'Conflict',
  413: 'Too large',
  415: 'Unsupported media type',
  429: 'Too many at once',
  500: 'Internal error',
  502: 'Bad gateway',
  503: 'Unavailable',
}

export function problemOf(
  status: number,
  detail: string,
  parameters?: ControlProblem['parameters'],
): ControlProblem {
  const title = TITLES[status] ?? 'Refused'
  return { title, status, detail, ...(parameters === undefined ? {} : { parameters }) }
}

/** A request that is turned away before any operation is asked: told in one line, with fields where they help. */
export class RequestRefused extends Error {
  readonly status: number
  readonly fields: Readonly<Record<string, string>>
  readonly parameters: ControlProblem['parameters']
  constructor(
    status: number,
    message: string,
    more: {
      readonly fields?: Readonly<Record<string, string>>
      readonly parameters?: NonNullable<ControlProblem['parameters']>
    } = {},
  ) {
    super(message)
    this.name = 'RequestRefused'
    this.status = status
    this.fields = more.fields ?? {}
    this.parameters = more.parameters
  }
}

const SHOWN = 80

/** A value from outside as an error may repeat it: short, escaped, and never a private key. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  if (/PRIVATE KEY/.test(text)) return '[private key]'
  const start = [...text.slice(0, 2 * SHOWN)].slice(0, SHOWN).join('')
  return escaped(start.length < text.length ? `${start}…` : text)
}

/** Without what a terminal or a page would act on. */
export function escaped(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (one) => `\\u{${one.codePointAt(0)?.toString(16)}}`)
}
