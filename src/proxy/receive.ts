import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest } from 'node:http2'
import type { Ambiguity } from '../acme/ambiguity.ts'
import type { FieldList, ObservedRequest } from '../exchange/exchange.ts'
import { REQUEST_BODY_LIMIT } from '../policy/decide.ts'

const TARGET_LIMIT = 16 * 1024

/**
 * Reads a request whole, up to {@link REQUEST_BODY_LIMIT} bytes; what lies beyond is read and dropped, so that
 * the client can hear the refusal. Rejects when the client goes away before its request is complete.
 * `target` is the raw request target, whatever a router has made of the URL.
 */
export async function receiveRequest(
  message: IncomingMessage | Http2ServerRequest,
  target: string,
): Promise<ObservedRequest> {
  const { body, truncated } = await readBody(message)
  const fields = fieldsOf(message.rawHeaders)
  const authorities = authoritiesOf(fields)
  const ambiguities: Ambiguity[] = []
  if (new Set(authorities).size > 1) ambiguities.push({ kind: 'two-authorities', where: 'Host' })
  if (!target.startsWith('/') || target.includes('#') || target.length > TARGET_LIMIT) {
    ambiguities.push({ kind: 'target-form', where: 'target' })
  }
  return {
    method: message.method ?? 'GET',
    target,
    authority: authorities[0] ?? null,
    fields: fields.filter(([name]) => !name.startsWith(':')),
    body,
    truncated,
    httpVersion: message.httpVersionMajor === 2 ? '2' : message.httpVersion,
    ambiguities,
  }
}

/** `:authority` first, then every `Host` (RFC 9113 §8.3.1, RFC 9112 §3.2). */
function authoritiesOf(fields: FieldList): string[] {
  const authority = fields.filter(([name]) => name === ':authority').map(([, value]) => value)
  const hosts = fields.filter(([name]) => name.toLowerCase() === 'host').map(([, value]) => value)
  return [...authority, ...hosts]
}

function fieldsOf(raw: readonly string[]): FieldList {
  const fields: [string, string][] = []
  for (let i = 0; i + 1 < raw.length; i += 2) fields.push([raw[i]!, raw[i + 1]!])
  return fields
}

function readBody(
  message: IncomingMessage | Http2ServerRequest,
): Promise<{ body: Buffer; truncated: boolean }> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    let truncated = false
    message.on('data', (chunk: Buffer) => {
      const room = REQUEST_BODY_LIMIT - size
      if (chunk.length > room) truncated = true
      if (room === 0) return
      const kept = chunk.subarray(0, room)
      size += kept.length
      chunks.push(kept)
    })
    let complete = false
    message.once('end', () => {
      complete = true
      resolve({ body: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks), truncated })
    })
    message.once('error', reject)
    message.once('aborted', () => reject(new Error('the client went away before its request was complete')))
    // Every request's stream closes in the end; making an error each time would cost more than reading the body.
    message.once('close', () => {
      if (!complete) reject(new Error('the connection ended before the request was complete'))
    })
  })
}
