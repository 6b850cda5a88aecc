import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import type { DiagnosisClass } from '../../audit/diagnosis/classes.ts'
import type { Examination } from './examination.ts'

const ALPN = 'alpn' satisfies DiagnosisClass
const PROTOCOL = 'acme-tls/1'

type Answer =
  | { readonly kind: 'negotiated'; readonly names: string }
  | { readonly kind: 'other'; readonly protocol: string | null }
  | { readonly kind: 'no-protocol' }
  | {
      readonly kind: 'failed'
      readonly check: DiagnosisClass
      readonly says: string
      readonly remedy: string
    }

/** tls-alpn-01 (RFC 8737 §3): what each address answers to a handshake for `acme-tls/1` alone. */
export async function examineAlpn(examination: Examination, addresses: readonly string[]): Promise<void> {
  const { probe, findings } = examination
  const answers = await Promise.all(addresses.map((address) => shake(examination, address)))
  for (const [index, answer] of answers.entries()) {
    const address = addresses[index]!
    const place = `tls-alpn-01 at ${isIP(address) === 6 ? `[${address}]` : address}:${probe.ports.https}`
    if (answer.kind === 'negotiated') {
      if (answer.names === `DNS:${probe.name}` || answer.names === `IP Address:${probe.name}`)
        findings.ok(ALPN, `${place}: ${PROTOCOL} is answered, with a certificate for ${probe.name}`)
      else
        findings.fail(
          ALPN,
          `${place}: ${PROTOCOL} is answered with a certificate for ${answer.names || 'no name'}`,
          'The certificate of the challenge must name this one name: another client or vhost answers; correct the record or the routing by server name.',
        )
    } else if (answer.kind === 'no-protocol') {
      findings.note(
        ALPN,
        `${place}: TLS answers, ${PROTOCOL} is not offered now`,
        'Right where the client answers only during an order (lego, certbot plug-ins) or once it has one (Caddy, mod_md). Anything that ends TLS before it must pass acme-tls/1 on untouched.',
      )
    } else if (answer.kind === 'other') {
      findings.fail(
        ALPN,
        `${place}: TLS is completed ${answer.protocol === null ? 'without a protocol' : `with ${answer.protocol}`}, as if ${PROTOCOL} had not been asked for`,
        'What ends TLS here (a load balancer, CDN or old web server) knows no acme-tls/1: pass TCP port 443 through, or use http-01 or dns-01.',
      )
    } else findings.fail(answer.check, `${place}: ${answer.says}`, answer.remedy)
  }
}

function shake({ probe, signal }: Examination, address: string): Promise<Answer> {
  return new Promise((resolve) => {
    let connected = false
    const settle = (answer: Answer) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', late)
      resolve(answer)
      socket.destroy()
    }
    const late = () => settle(connected ? SLOW : DROPPED)
    const socket = connect({
      host: address,
      port: probe.ports.https,
      ...(isIP(probe.name) === 0 ? { servername: probe.name } : {}),
      ALPNProtocols: [PROTOCOL],
      rejectUnauthorized: false,
    })
    const timer = setTimeout(late, probe.patience.answer)
    signal.addEventListener('abort', late, { once: true })
    socket.once('connect', () => {
      connected = true
    })
    socket.once('secureConnect', () => settle(read(socket)))
    socket.on('error', (error: NodeJS.ErrnoException) => settle(failureOf(error, connected)))
    socket.on('close', () => settle(CUT))
    if (signal.aborted) late()
  })
}

function read(socket: TLSSocket): Answer {
  const protocol = socket.alpnProtocol || null
  if (protocol !== PROTOCOL) return { kind: 'other', protocol }
  const { raw } = socket.getPeerCertificate()
  return { kind: 'negotiated', names: (raw && new X509Certificate(raw).subjectAltName) || '' }
}

const failed = (check: DiagnosisClass, says: string, remedy: string): Answer => ({
  kind: 'failed',
  check,
  says,
  remedy,
})
const DROPPED = failed(
  'firewall',
  'does not answer (time-out while connecting)',
  'Let the whole Internet reach port 443 at this address, or correct the record.',
)
const SLOW = failed(
  'slow-server',
  'is connected, but TLS is not answered in time',
  'Look what holds the server up: CAs give up after 10 s.',
)
const CUT = failed(
  'connection-reset',
  'closes the connection without an answer',
  'Something before the server cuts TLS off by its server name or protocol: let acme-tls/1 through.',
)

function failureOf({ code = '', message }: NodeJS.ErrnoException, connected: boolean): Answer {
  if (/NO_APPLICATION_PROTOCOL/i.test(code) || /no application protocol/i.test(message))
    return { kind: 'no-protocol' }
  if (code === 'ECONNREFUSED')
    return failed(
      'connection-refused',
      'refuses the connection',
      'Start what answers on port 443, let it listen on this address, or correct the record.',
    )
  if (code === 'ENETUNREACH' || code === 'EHOSTUNREACH' || code === 'EADDRNOTAVAIL')
    return failed(
      'network-unreachable',
      `cannot be reached (${code})`,
      'Correct the record, or look from a machine with a route to it.',
    )
  if (code === 'ETIMEDOUT') return DROPPED
  if (code === 'ECONNRESET' || code === 'EPIPE') return CUT
  if (connected && /WRONG_VERSION_NUMBER|packet length too long|unknown protocol/i.test(`${code} ${message}`))
    return failed(
      'other-server',
      `answers something that is not TLS (${code})`,
      'Another service has port 443: let the TLS server listen there.',
    )
  return failed(
    ALPN,
    `does not complete TLS (${code || message})`,
    'Look into the log of the TLS server: does it know this server name?',
  )
}
