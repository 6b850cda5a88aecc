import { createTransport } from 'nodemailer'
import { guarded, refuseLiteral } from '../../ca/address-guard.ts'
import { createDial, type WayOut } from '../../ca/dial.ts'
import { upstreamFailure } from '../../ca/failure.ts'
import { visible } from '../render/visible.ts'
import type { Channel, Receipt } from './channel.ts'
import { type Addresses, mailOf } from './email.ts'
import { scrubber } from './scrub.ts'

/** ms for each step of a session. */
const TIMEOUT = 10_000
/** ms for all of a session: a server that says a word now and then would hold the channel for ever, and nobody knew. */
const SESSION = 60_000

interface MailSenderOptions extends Addresses {
  readonly name: string
  /** `smtp://host[:port]` or `smtps://host[:port]`. */
  readonly smtp: string
  /** `required`: no word without TLS, by STARTTLS (RFC 3207) or from the beginning. `off`: plain text. */
  readonly tls: 'required' | 'off'
  readonly username: string | null
  readonly password: string | null
  /** PEM of the only roots to trust, or null for the public ones. */
  readonly trust: string | null
  readonly way: WayOut
  /** ms for all of a session; 60 s where it is left out. */
  readonly session?: number
}

/** A channel over SMTP: a session for each mail. */
export function mailSender(options: MailSenderOptions): Channel {
  const { name, smtp, tls, username, password, trust, way, session = SESSION } = options
  const scrub = scrubber([...(password === null ? [] : [password, `\0${username ?? ''}\0${password}`])])
  const url = new URL(smtp)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const isTls = url.protocol === 'smtps:'
  const port = Number(url.port) || (isTls ? 465 : 587)
  const dial = createDial({ ...way, resolve: guarded(way.resolve) })

  const send = async (rendered: Parameters<Channel['send']>[0], signal: AbortSignal): Promise<Receipt> => {
    refuseLiteral(host)
    const connection = await dial({ host, port, vouched: true, timeout: TIMEOUT, signal })
    let isLate = false
    const giveUp = () => connection.destroy()
    signal.addEventListener('abort', giveUp, { once: true })
    const late = setTimeout(() => {
      isLate = true
      giveUp()
    }, session)
    const transport = createTransport({
      host,
      port,
      secure: isTls,
      requireTLS: !isTls && tls === 'required',
      ignoreTLS: tls === 'off',
      connection,
      tls: {
        rejectUnauthorized: true,
        minVersion: 'TLSv1.2',
        ...(trust === null ? {} : { ca: trust }),
      },
      ...(username === null ? {} : { auth: { user: username, pass: password ?? '' } }),
      connectionTimeout: TIMEOUT,
      greetingTimeout: TIMEOUT,
      socketTimeout: TIMEOUT,
      disableFileAccess: true,
      disableUrlAccess: true,
    })
    try {
      const { response, rejected } = await transport.sendMail(mailOf(rendered, options))
      const missed = rejected.length === 0 ? '' : `; not for ${rejected.join(', ')}`
      return { kind: 'taken', said: visible(scrub(`${response}${missed}`), 300) }
    } catch (error) {
      throw isLate ? new Error(`the session did not end within ${session} ms`) : error
    } finally {
      clearTimeout(late)
      signal.removeEventListener('abort', giveUp)
      transport.close()
      connection.destroy()
    }
  }

  return {
    name,
    async send(rendered, _at, signal) {
      try {
        return await send(rendered, signal)
      } catch (error) {
        const { kind, message } = faultOf(error)
        const text = `${smtp}: ${visible(scrub(message), 300)}`
        return kind === 'later' ? { kind, error: text, after: null } : { kind, error: text }
      }
    },
    remind: null,
    async close() {},
  }
}

/** RFC 5321 §4.2.1: 4yz may pass, 5yz stays. A refused login or address is about the channel, a refused content about the mail. */
function faultOf(error: unknown): { kind: 'later' | 'rejected' | 'refused'; message: string } {
  const { code, responseCode, message } = error as Error & { code?: string; responseCode?: number }
  if (code === 'EAUTH') return { kind: 'rejected', message: `the login is refused: ${message}` }
  const stays = responseCode !== undefined && responseCode >= 500
  if (stays && code === 'EMESSAGE') return { kind: 'refused', message }
  if (stays) return { kind: 'rejected', message }
  return { kind: 'later', message: code?.startsWith('E') === true ? message : upstreamFailure(error).message }
}
