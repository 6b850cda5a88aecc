import { hash } from 'node:crypto'

/**
 * Where resources of one CA, authority and canonical target are looked for: 48 bits of a digest. Two targets may
 * share a place, so a query names all three besides.
 */
export function resourcePlace(ca: string, authority: string, canonical: string): number {
  return Number.parseInt(hash('sha256', `${ca}\0${authority}\0${canonical}`).slice(0, 12), 16)
}
