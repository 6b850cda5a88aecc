import { hash } from 'node:crypto'
import { type FactKind, RECORD_VERSION } from '../audit/record.ts'

/** `previous` of the first fact. */
export const NO_PREVIOUS = '0'.repeat(64)

/**
 * The stored text of a fact: the envelope's members, then the content's. `content` is the JSON text of an object
 * with at least one member, written by `JSON.stringify` once and never parsed again on the way to the disk.
 */
export function factText(
  /** JSON text of the members that never change while a process lives. */
  fixed: string,
  sequence: number,
  kind: FactKind,
  exchange: string,
  at: number,
  monotonic: number,
  personal: string,
  previous: string,
  content: string,
): string {
  return `{${fixed},"sequence":${sequence},"kind":"${kind}","exchange":"${exchange}","at":${at},"monotonic":${monotonic},"personal":${personal},"previous":"${previous}",${content.slice(1)}`
}

export function fixedMembers(stream: string, boot: string): string {
  return `"version":${RECORD_VERSION},"stream":${JSON.stringify(stream)},"boot":${JSON.stringify(boot)}`
}

/** SHA-256 of the text's UTF-8 bytes, lower-case hex. */
export function factDigest(text: string): string {
  return hash('sha256', text, 'hex')
}
