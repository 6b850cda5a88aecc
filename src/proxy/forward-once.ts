/** One plain HTTP request over a connection that was opened for it: streamed both ways, never retried. */
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { performance } from 'node:perf_hooks'
import { FailureError } from '../ca/failure.ts'
import { endToEndFields } from '../ca/hop-by-hop.ts'
import type { FieldList, TunnelEnd, TunnelTotals } from '../exchange/exchange.ts'
import { outgoingFields } from './outgoing-fields.ts'

export interface ForwardOnce {
  /** What goes out as `Host`. */
  readonly authority: string
  readonly path: string
  /** Milliseconds without a byte in either direction. */
  readonly idle: number
  readonly signal: AbortSignal
}

/**
 * Resolves when the exchange has ended, with the answer's status and the bytes that went over `upstream`, which is
 * then closed. Rejects, with nothing written to `response`, when no answer came: FailureError and Node's errors.
 */
export function forwardOnce(
  upstream: Socket,
  request: IncomingMessage,
  response: ServerResponse,
  { authority, path, idle, signal }: ForwardOnce,
): Promise<{ readonly status: number; readonly tunnel: TunnelTotals }> {
  const began = performance.now()
  return new Promise((resolve, reject) => {
    let status: number | null = null
    let settled = false
    const finish = (end: TunnelEnd, error?: Error) => {
      if (settled) return
      settled = true
      signal.removeEventListener('abort', onShutdown)
      upstream.destroy()
      request.unpipe()
      request.resume()
      if (status === null) {
        reject(error ?? new FailureError(end === 'idle' ? 'responseTimeout' : 'aborted', `ended: ${end}`))
        return
      }
      if (end !== 'serverClosed') response.destroy()
      const duration = Math.round((performance.now() - began) * 1000)
      resolve({ status, tunnel: { up: upstream.bytesWritten, down: upstream.bytesRead, duration, end } })
    }
    const onShutdown = () => finish('shutdown')
    if (signal.aborted) return finish('shutdown')
    signal.addEventListener('abort', onShutdown)
    const outgoing = httpRequest({
      method: request.method ?? 'GET',
      path,
      headers: outgoingLines(request, authority) as never,
      // Taken only without an agent: one would connect by itself, and to this machine.
      createConnection: () => upstream,
    })
    upstream.setTimeout(idle, () => finish('idle'))
    outgoing.on('error', (error) => finish('serverReset', error))
    outgoing.on('upgrade', () =>
      finish('serverReset', new FailureError('responseUnreadable', 'the host changed the protocol')),
    )
    outgoing.on('response', (answer) => {
      const { statusCode = 0 } = answer
      // RFC 9110 §15: nothing else is the status of a final answer, and Node throws for some of the others.
      if (statusCode < 200 || statusCode > 599) {
        finish('serverReset', new FailureError('responseUnreadable', `the status is ${statusCode}`))
        return
      }
      status = statusCode
      const fields = endToEndFields(pairs(answer.rawHeaders))
      for (const [name, value] of fields) response.appendHeader(name, value)
      response.writeHead(status)
      answer.on('error', () => finish('serverReset'))
      answer.on('end', () => upstream.setTimeout(0))
      answer.pipe(response)
    })
    response.on('close', () => finish(response.writableFinished ? 'serverClosed' : 'clientClosed'))
    request.pipe(outgoing)
  })
}

function outgoingLines(request: IncomingMessage, authority: string): string[] {
  const fields = pairs(request.rawHeaders)
  const lines = outgoingFields(fields, authority, false).flat()
  const length = request.headers['content-length']
  if (length !== undefined) lines.push('Content-Length', length)
  else if (request.headers['transfer-encoding'] !== undefined) lines.push('Transfer-Encoding', 'chunked')
  else if (request.method !== 'GET' && request.method !== 'HEAD') lines.push('Content-Length', '0')
  lines.push('Connection', 'close')
  return lines
}

function pairs(raw: readonly string[]): FieldList {
  const fields: [string, string][] = []
  for (let i = 0; i + 1 < raw.length; i += 2) fields.push([raw[i]!, raw[i + 1]!])
  return fields
}
