/**
 * Reads `strace -f -yy` of acmetap and proves the order of what matters, request by request, with one client that
 * asks one thing at a time: the log is on disk after the request was read and before the CA is sent anything, and
 * again after the CA answered and before the client is.
 */
export interface TraceReport {
  /** Requests in whose course the client and the CA were both written to. */
  readonly exchanges: number
  readonly syncs: number
  readonly violations: readonly string[]
}

/** What a system call was about. Ports tell whom a socket leads to. */
export type TraceEvent =
  | { readonly kind: 'clientRead' | 'clientWrite' | 'caRead' | 'caWrite' | 'logWrite' }
  | { readonly kind: 'logSync' }

/**
 * One event per call that did something, in order. Writes count from their beginning, reads and syncs from their
 * end: the weaker claim in each case.
 */
export function readTrace(lines: Iterable<string>, ports: { client: number; ca: number }): TraceEvent[] {
  const events: TraceEvent[] = []
  const unfinished = new Map<string, string>()
  for (const line of lines) {
    const parts = /^(\d+)\s+(?:\d+\.\d+\s+)?(.*)$/.exec(line)
    if (!parts) continue
    const [, thread = '', call = ''] = parts
    const resumed = /^<\.\.\. (\w+) resumed>(.*)$/.exec(call)
    const whole = resumed ? `${unfinished.get(thread) ?? ''}${resumed[2]}` : call
    const begins = !resumed
    const ends = !call.includes('<unfinished ...>')
    if (!ends) unfinished.set(thread, call.replace(/ <unfinished \.\.\.>.*/, ''))
    const event = eventOf(whole, begins, ends, ports)
    if (event) events.push(event)
  }
  return events
}

export function checkTrace(events: readonly TraceEvent[]): TraceReport {
  const violations: string[] = []
  let exchanges = 0
  let syncs = 0
  // What has happened since the client was last read from, and since the CA was.
  let written = false
  let durable = false
  let sent = false
  for (const [place, { kind }] of events.entries()) {
    switch (kind) {
      case 'clientRead':
        if (!sent) written = durable = false
        break
      case 'caRead':
        if (sent) written = durable = false
        break
      case 'logWrite':
        written = true
        durable = false
        break
      case 'logSync':
        syncs++
        durable = written
        break
      case 'caWrite':
        if (!sent && !durable) violations.push(`event ${place}: sent to the CA without a synced intent`)
        sent = true
        break
      case 'clientWrite':
        if (!durable) violations.push(`event ${place}: answered the client without a synced outcome`)
        if (sent) exchanges++
        sent = false
        break
    }
  }
  return { exchanges, syncs, violations }
}

/** The inventory has a log of its own, which nobody waits for. */
const RECORD_LOG = '/acmetap.sqlite-wal'

function eventOf(
  call: string,
  begins: boolean,
  ends: boolean,
  ports: { client: number; ca: number },
): TraceEvent | null {
  const parts = /^(\w+)\(\d+<(.*?)>[,)]/.exec(call)
  if (!parts) return null
  const [, name = '', subject = ''] = parts
  if (/^f(data)?sync$/.test(name)) {
    return ends && subject.endsWith(RECORD_LOG) && / = 0$/.test(call) ? { kind: 'logSync' } : null
  }
  const isWrite = /^(write|writev|pwrite64|pwritev|sendto|sendmsg)$/.test(name)
  if (subject.endsWith(RECORD_LOG)) return isWrite && begins ? { kind: 'logWrite' } : null
  const peers = /^TCP(?:v6)?:\[.*?:(\d+)->.*:(\d+)\]$/.exec(subject)
  if (!peers) return null
  const side = Number(peers[1]) === ports.client ? 'client' : Number(peers[2]) === ports.ca ? 'ca' : null
  if (side === null) return null
  if (isWrite) return begins ? { kind: `${side}Write` } : null
  return ends && / = [1-9]\d*$/.test(call) ? { kind: `${side}Read` } : null
}
