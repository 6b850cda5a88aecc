/** The deadlines of a connection that Node does not keep: looked at for every connection at each sweep. */
import { constants } from 'node:http2'
import type { ConnectionEventKind, ListenerLimits } from './listener-options.ts'
import type { Peer, RequestUnderWay } from './peer.ts'

export type ReportEvent = (peer: Peer, kind: ConnectionEventKind, detail: string) => void

/** Report why and destroy the connection, without a second report when it closes. */
export function cutOff(peer: Peer, report: ReportEvent, kind: ConnectionEventKind, detail: string): void {
  peer.stage = 'open'
  report(peer, kind, detail)
  peer.socket.destroy()
}

/** End what is overdue at `time` (monotonic ms). An idle connection ends quietly, anything else is reported. */
export function enforceDeadlines(
  peer: Peer,
  time: number,
  limits: ListenerLimits,
  report: ReportEvent,
): void {
  const age = time - peer.since
  if (peer.ending) {
    if (age > limits.checkInterval) peer.socket.destroy()
  } else if (peer.stage === 'proxyHeader') {
    if (age > limits.proxyHeaderTimeout) cutOff(peer, report, 'timeout', 'PROXY protocol header')
  } else if (peer.stage === 'firstByte') {
    if (age > limits.headersTimeout) cutOff(peer, report, 'timeout', 'first byte')
  } else if (peer.stage === 'handshake') {
    if (age > limits.handshakeTimeout) cutOff(peer, report, 'timeout', 'TLS handshake')
  } else {
    for (const underWay of peer.requests) {
      if (underWay.response.writableEnded) checkAnswer(peer, underWay, time, limits, report)
      else checkRequest(peer, underWay, time, limits, report)
    }
    if (peer.requests.size === 0 && peer.protocol?.kind === 'http2' && age > limits.idleTimeout) {
      peer.ending = true
      peer.since = time
      peer.protocol.session.close()
    }
  }
}

function checkAnswer(
  peer: Peer,
  underWay: RequestUnderWay,
  time: number,
  limits: ListenerLimits,
  report: ReportEvent,
): void {
  underWay.answeredSince ??= time
  if (time - underWay.answeredSince <= limits.answerTimeout) return
  const { response } = underWay
  report(peer, 'timeout', 'answer not taken')
  if ('stream' in response) response.stream.close(constants.NGHTTP2_CANCEL)
  else peer.socket.destroy()
}

/** HTTP/2 only: in HTTP/1 Node keeps `requestTimeout`. */
function checkRequest(
  peer: Peer,
  underWay: RequestUnderWay,
  time: number,
  limits: ListenerLimits,
  report: ReportEvent,
): void {
  const { request } = underWay
  if (!('stream' in request) || request.readableEnded || time - underWay.since <= limits.requestTimeout)
    return
  report(peer, 'timeout', 'request body')
  if (!request.stream.headersSent) request.stream.respond({ ':status': 408 }, { endStream: true })
  request.stream.close(constants.NGHTTP2_CANCEL)
}
