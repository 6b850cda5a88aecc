import { FilterRefused } from '../../../../audit/inventory/values.ts'

/** A place in a list that runs from the newest to the oldest: a sequence number, then a row's id. Exclusive. */
export interface Place {
  readonly position: number
  readonly id: number
}

export type ListName =
  | 'exchanges'
  | 'accounts'
  | 'clients'
  | 'orders'
  | 'challenges'
  | 'certificates'
  | 'failures'
  | 'rateLimits'
  | 'alerts'
  | 'deliveries'
  | 'endpoints'

export const BEFORE_ALL: Place = { position: Number.MAX_SAFE_INTEGER, id: Number.MAX_SAFE_INTEGER }

export function encodeCursor(list: ListName, { position, id }: Place): string {
  return Buffer.from(`${list} ${position} ${id}`).toString('base64url')
}

/** Throws FilterRefused for a cursor that this list did not give. */
export function decodeCursor(list: ListName, cursor: string | undefined): Place {
  if (cursor === undefined) return BEFORE_ALL
  const text = Buffer.from(cursor, 'base64url').toString('latin1')
  const [, of, position, id] = /^([a-zA-Z]{1,20}) (\d{1,15}) (-?\d{1,15})$/.exec(text) ?? []
  if (of !== list || position === undefined || id === undefined)
    throw new FilterRefused('cursor', `must be the \`next\` of a page of ${list}`)
  return { position: Number(position), id: Number(id) }
}

/** True where `a` comes later in the list than `b`. */
export function isOlder(a: Place, b: Place): boolean {
  return a.position < b.position || (a.position === b.position && a.id < b.id)
}
