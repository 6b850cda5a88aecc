import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'
import { AcmeProblem } from '../acme/problem.ts'
import type { Completed, FieldList } from '../exchange/exchange.ts'

type Response = ServerResponse | Http2ServerResponse

/** The one field acmetap adds to an answer: the id of the exchange in the record. */
export const EXCHANGE_FIELD = 'acmetap-exchange'

/**
 * Answers the client: exactly what the CA said, or our own problem document. `beside`: fields that are put there where
 * acmetap is the server itself. Never throws.
 */
export function replyWith(exchange: Completed, response: Response, beside?: FieldList): void {
  const { outcome, id } = exchange
  if (outcome.kind === 'response') {
    const { status, fields, body } = outcome.response
    const headers = grouped(beside === undefined ? fields : [...fields, ...beside])
    headers[EXCHANGE_FIELD] = id
    const hasBody = exchange.request.method !== 'HEAD' && status !== 204 && status !== 304
    if (hasBody) headers['content-length'] = String(body.length)
    else if (exchange.request.method !== 'HEAD') delete headers['content-length']
    // `Date` is the CA's, or absent where the CA sent none.
    write(response, status, headers, hasBody ? body : null, beside !== undefined)
  } else {
    const { decision } = exchange
    const told = decision.effect === 'deny' ? { retryAfter: decision.retryAfter, help: decision.help } : {}
    writeProblem(response, exchange.request.method, outcome.problem, told, id, beside)
  }
}

/** Answers with a problem that has no record of its own: the record could not be written, or a bug. */
export function replyProblem(
  error: unknown,
  method: string,
  id: string,
  response: Response,
  beside?: FieldList,
): void {
  const problem =
    error instanceof AcmeProblem
      ? error
      : new AcmeProblem(
          'serverInternal',
          `acmetap failed for a reason of its own; the request may not have been sent (exchange ${id})`,
          {
            instance: `urn:uuid:${id}`,
          },
        )
  writeProblem(response, method, problem.document(), { retryAfter: problem.retryAfter }, id, beside)
}

/** What stands beside a problem document. Never a Replay-Nonce where nonces are a CA's. */
interface Told {
  /** Seconds. */
  readonly retryAfter?: number | undefined
  readonly help?: string | undefined
}

function writeProblem(
  response: Response,
  method: string,
  problem: { readonly status: number },
  { retryAfter, help }: Told,
  id: string,
  beside: FieldList = [],
): void {
  const body = Buffer.from(JSON.stringify(problem))
  const headers: Record<string, string | string[]> = {
    ...grouped(beside),
    'content-type': 'application/problem+json',
    'content-length': String(body.length),
    'cache-control': 'no-store',
    [EXCHANGE_FIELD]: id,
  }
  if (retryAfter !== undefined) headers['retry-after'] = String(retryAfter)
  const link = help === undefined ? null : helpLink(help)
  if (link !== null) headers.link = [headers.link ?? [], link].flat()
  write(response, problem.status, headers, method === 'HEAD' ? null : body, true)
}

/** RFC 8288 §3, relation `help` (§10.4 of HTML 4, in IANA's list). Null for what is no web address: nobody could follow it. */
function helpLink(help: string): string | null {
  const url = URL.canParse(help) ? new URL(help) : null
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) return null
  // As the URL parser writes it, a URL holds printable ASCII only; `>` would end the target.
  return /^[!-;=?-~]+$/.test(url.href) ? `<${url.href}>;rel="help"` : null
}

function write(
  response: Response,
  status: number,
  headers: Record<string, string | string[]>,
  body: Buffer | null,
  sendDate: boolean,
): void {
  // The client may be gone; what it was owed is in the record.
  if (response.destroyed || response.headersSent) return
  try {
    response.sendDate = sendDate
    writeHead(response, status, headers)
    ;(response as ServerResponse).end(body ?? undefined)
  } catch {
    response.destroy()
  }
}

function writeHead(response: Response, status: number, headers: Record<string, string | string[]>): void {
  try {
    ;(response as ServerResponse).writeHead(status, headers)
  } catch (error) {
    // Node's HTTP/2 does not send two of a field that RFC 9110 has only one of; the first is what clients take.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_HTTP2_HEADER_SINGLE_VALUE') throw error
    const single = Object.entries(headers).map(([name, value]) =>
      name === 'link' || typeof value === 'string' ? [name, value] : [name, value[0]],
    )
    ;(response as ServerResponse).writeHead(status, Object.fromEntries(single))
  }
}

function grouped(fields: FieldList): Record<string, string | string[]> {
  // Without a prototype: a CA may name a field `constructor`.
  const headers: Record<string, string | string[]> = Object.create(null)
  for (const [name, value] of fields) {
    const known = headers[name]
    headers[name] = known === undefined ? value : [known, value].flat()
  }
  return headers
}
