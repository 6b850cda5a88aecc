/** The options of a list, made from the filters of its shape: a new filter is an option without a line here. */
import type { Command } from 'commander'
import { z } from 'zod'
import { closest } from '../../config/keys.ts'
import { UsageError } from '../cli-error.ts'
import { parseSince } from '../time.ts'

export type FilterShape = z.ZodObject<Readonly<Record<string, z.ZodType>>>
/** As the command line gives them, by the names of the options in camel case. */
export type GivenOptions = Readonly<Record<string, unknown>>

/** The list commands have `--limit` and `--all` in their place. */
const PAGING: readonly string[] = ['limit', 'cursor']
const TIMES: readonly string[] = ['since', 'until']
/** A longer list of words is no help in a help. */
const MOST_WORDS = 20

/** Names of the filters, as the shape has them. */
export function filterNames(filter: FilterShape): readonly string[] {
  return Object.keys(filter.shape).filter((name) => !PAGING.includes(name))
}

export function addFilterOptions(command: Command, filter: FilterShape): Command {
  for (const name of filterNames(filter)) {
    const schema = filter.shape[name]!
    command.option(`--${dashed(name)} <${placeholder(name)}>`, descriptionOf(name, schema))
  }
  return command
}

/** The filters that were given, as the text they were given in. */
export function givenFilters(filter: FilterShape, options: GivenOptions): Readonly<Record<string, string>> {
  return Object.fromEntries(
    filterNames(filter).flatMap((name) => {
      const value = options[camel(name)]
      return value === undefined ? [] : [[name, String(value)]]
    }),
  )
}

/** Reads them by the shape. Throws {@link UsageError}, naming the option. `now` in µs. */
export function readFilters<F extends FilterShape>(
  filter: F,
  given: Readonly<Record<string, string>>,
  now: number,
): z.output<F> {
  const result = filter.safeParse(Object.fromEntries(Object.entries(given).map(timeAsInstant(now))))
  if (result.success) return result.data
  const issue = result.error.issues[0]!
  const name = String(issue.path[0] ?? '')
  throw new UsageError(`--${dashed(name)} ${JSON.stringify(given[name])} ${complaint(issue, given[name])}`)
}

/** Times go by the clock of the command line, which also knows weeks and times without a zone. */
function timeAsInstant(now: number) {
  return ([name, text]: [string, string]): [string, string] => {
    if (!TIMES.includes(name)) return [name, text]
    const millis = parseSince(text, now, `--${dashed(name)}`) / 1000
    if (Math.abs(millis) > 8.64e15)
      throw new UsageError(`--${dashed(name)} ${JSON.stringify(text)} is too far away`)
    return [name, new Date(millis).toISOString()]
  }
}

function complaint(issue: z.core.$ZodIssue, text: string | undefined): string {
  if (issue.code !== 'invalid_value') return issue.message
  const known = issue.values.map(String)
  const near = closest(text ?? '', known)
  return `is not known${near === undefined ? '.' : `; did you mean ${near}?`} Known: ${known.join(', ')}`
}

function descriptionOf(name: string, schema: z.ZodType): string {
  if (TIMES.includes(name)) {
    return `${name === 'since' ? 'from then on' : 'up to then'}: 30m, 24h, 7d, 2w ago, or a time like 2026-01-31T12:00:00Z`
  }
  const said = metaOf(schema)
  const words = wordsOf(schema)
  const listed = words.length === 0 || words.length > MOST_WORDS ? [] : [`one of ${words.join(', ')}`]
  const asked = said === undefined ? [] : [lowered(said.replaceAll('`', '').replace(/\.$/, ''))]
  const parts = [...asked, ...listed]
  if (parts.length > 0) return parts.join('; ')
  return words.length === 0 ? `of this ${name.replaceAll('_', ' ')}` : `of this ${name}, as the lists name it`
}

/** As the descriptions of other options begin; `RFC 3339` stays. */
function lowered(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text
}

function metaOf(schema: z.ZodType): string | undefined {
  return schema.meta()?.description ?? (innerOf(schema) && metaOf(innerOf(schema)!))
}

function wordsOf(schema: z.ZodType): readonly string[] {
  if (schema instanceof z.ZodEnum) return schema.options.map(String)
  const inner = innerOf(schema)
  return inner === undefined ? [] : wordsOf(inner)
}

function innerOf(schema: z.ZodType): z.ZodType | undefined {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault)
    return schema.def.innerType as z.ZodType
  if (schema instanceof z.ZodPipe) return schema.def.in as z.ZodType
  return undefined
}

function placeholder(name: string): string {
  return TIMES.includes(name) || name === 'expires_before' ? 'time' : dashed(name)
}

function dashed(name: string): string {
  return name.replaceAll('_', '-')
}

function camel(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
