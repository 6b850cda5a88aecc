/**
 * Small readers of decoded JSON of any shape. They look at own members only, never throw, and give null (or an
 * empty list) where a member is absent, of another type or over its bound. Objects may have a null prototype.
 */

/** In UTF-16 code units. A longer URL is dropped, never cut: a cut URL is another URL. */
export const MAX_URL_LENGTH = 2048
const MAX_TEXT_LENGTH = 8192
const MAX_TOKEN_LENGTH = 256
const MAX_ELEMENTS = 1000

export type JsonObject = Readonly<Record<string, unknown>>

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function member(value: unknown, name: string): unknown {
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined
}

/** A member that is a string of at most `max` UTF-16 code units; null otherwise. */
export function stringMember(value: unknown, name: string, max: number = MAX_TOKEN_LENGTH): string | null {
  const found = member(value, name)
  return typeof found === 'string' && found.length <= max ? found : null
}

/** Text for people: cut where it is longer than 8,192 UTF-16 code units. */
export function textMember(value: unknown, name: string): string | null {
  const found = member(value, name)
  if (typeof found !== 'string') return null
  return found.length <= MAX_TEXT_LENGTH ? found : `${found.slice(0, MAX_TEXT_LENGTH).toWellFormed()}… [cut]`
}

/** A URL byte for byte as it stands: not parsed, not resolved. Null when empty or over {@link MAX_URL_LENGTH}. */
export function urlMember(value: unknown, name: string): string | null {
  const found = stringMember(value, name, MAX_URL_LENGTH)
  return found === '' ? null : found
}

export function booleanMember(value: unknown, name: string): boolean {
  return member(value, name) === true
}

/** A member that is an array: its first 1,000 elements. */
export function arrayMember(value: unknown, name: string): readonly unknown[] {
  return firstElements(member(value, name))
}

/** The strings of an array member that are not empty and not over `max`; the rest is left out. */
export function stringsMember(value: unknown, name: string, max: number = MAX_URL_LENGTH): readonly string[] {
  return arrayMember(value, name).filter(
    (element): element is string => typeof element === 'string' && element !== '' && element.length <= max,
  )
}

/** What `read` makes of each element, without the nulls. */
export function listMember<T>(
  value: unknown,
  name: string,
  read: (element: unknown) => T | null,
): readonly T[] {
  return arrayMember(value, name)
    .map(read)
    .filter((element): element is T => element !== null)
}

function firstElements(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) return []
  return value.length <= MAX_ELEMENTS ? value : value.slice(0, MAX_ELEMENTS)
}
