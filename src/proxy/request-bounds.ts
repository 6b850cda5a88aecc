/** Requests that are refused at the edge: what the parsers let pass and a proxy must not (RFC 9112 §3.2, §6.3). */
import type { HttpRequest, ListenerLimits } from './listener-options.ts'

export interface Refusal {
  readonly status: 400 | 414 | 431
  readonly detail: string
}

/**
 * Why a request is outside the bounds, or null. Only what needs no reading of the body. Counting `Host` fields
 * is ours because Node keeps the first and drops the others silently; measuring the header, because Node only
 * announces the maximum to HTTP/2 clients.
 */
export function outsideBounds(request: HttpRequest, limits: ListenerLimits): Refusal | null {
  const { rawHeaders } = request
  let hosts = 0
  let codings = 0
  let fields = 0
  let bytes = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? ''
    bytes += name.length + (rawHeaders[i + 1]?.length ?? 0) + 4
    if (name.startsWith(':')) continue
    fields += 1
    if (name.length === 4 && name.toLowerCase() === 'host') hosts += 1
    if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') codings += 1
  }
  if (bytes > limits.headerBytes) return { status: 431, detail: 'header too large' }
  if (fields > limits.headerFields) return { status: 431, detail: 'too many header fields' }
  if ((request.url ?? '').length > limits.targetBytes)
    return { status: 414, detail: 'request target too long' }
  if ('stream' in request) return null
  // The parser takes 0.9, which has no header and no end, and 2.0, which is another protocol.
  if (request.httpVersion !== '1.1' && request.httpVersion !== '1.0') {
    return { status: 400, detail: 'neither HTTP/1.0 nor HTTP/1.1' }
  }
  if (hosts > 1) return { status: 400, detail: 'more than one Host field' }
  if (hosts === 0 && request.httpVersion === '1.1') return { status: 400, detail: 'no Host field' }
  const coding = request.headers['transfer-encoding']
  if (codings > 1 || (coding !== undefined && coding.trim().toLowerCase() !== 'chunked')) {
    return { status: 400, detail: 'a transfer coding other than chunked' }
  }
  return null
}
