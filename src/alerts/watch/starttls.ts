import { isIP } from 'node:net'
import type { Place, StartTls } from './place.ts'
import { DialogueError, type PlainText } from './plain-text.ts'

/** Speaks until the server awaits a ClientHello. Sends nothing but what asks for TLS. Rejects as {@link PlainText}. */
type Dialogue = (plain: PlainText, place: Place) => Promise<void>

export const DIALOGUES: Readonly<Record<StartTls, Dialogue>> = {
  smtp,
  imap,
  pop3,
  ftp,
  ldap,
  postgres,
  xmpp,
  sieve,
}

const GREETING = 'its greeting'

/** RFC 3207 §4. */
async function smtp(plain: PlainText): Promise<void> {
  await reply(plain, 220, GREETING)
  // RFC 5321 §4.1.4: a client without a name of its own gives its address.
  const { localAddress } = plain
  plain.send(`EHLO [${isIP(localAddress) === 6 ? `IPv6:${localAddress}` : localAddress}]\r\n`)
  const offered = await reply(plain, 250, 'EHLO')
  if (!offered.some((line) => /^STARTTLS\b/i.test(line))) throw new DialogueError('offers no STARTTLS')
  plain.send('STARTTLS\r\n')
  await reply(plain, 220, 'STARTTLS')
}

/** RFC 4217 §4. */
async function ftp(plain: PlainText): Promise<void> {
  await reply(plain, 220, GREETING)
  plain.send('AUTH TLS\r\n')
  await reply(plain, 234, 'AUTH TLS')
}

/** RFC 5321 §4.2.1: lines that begin with the code; the last has a space, or nothing, behind it. */
async function reply(plain: PlainText, code: number, to: string): Promise<readonly string[]> {
  const texts: string[] = []
  for (;;) {
    const line = await plain.line()
    if (line.slice(0, 3) !== String(code)) {
      // RFC 959 §4.2: within a reply of several lines FTP servers may leave the code out.
      if (texts.length > 0 && !/^\d{3}(?:[ -]|$)/.test(line)) continue
      throw answered(to, line)
    }
    texts.push(line.slice(4))
    if (line[3] !== '-') return texts
  }
}

/** RFC 9051 §6.2.1. */
async function imap(plain: PlainText): Promise<void> {
  const greeting = await plain.line()
  if (!/^\* (?:OK|PREAUTH)\b/i.test(greeting)) throw answered(GREETING, greeting)
  plain.send('a STARTTLS\r\n')
  for (;;) {
    const line = await plain.line()
    if (line.startsWith('* ')) continue
    if (/^a OK\b/i.test(line)) return
    throw answered('STARTTLS', line)
  }
}

/** RFC 2595 §4. */
async function pop3(plain: PlainText): Promise<void> {
  const greeting = await plain.line()
  if (!greeting.startsWith('+OK')) throw answered(GREETING, greeting)
  plain.send('STLS\r\n')
  const line = await plain.line()
  if (!line.startsWith('+OK')) throw answered('STLS', line)
}

/** RFC 5804 §2.2: capabilities come first, and end with OK. */
async function sieve(plain: PlainText): Promise<void> {
  let offered = false
  for (let line = await plain.line(); !/^OK\b/i.test(line); line = await plain.line()) {
    if (/^(?:NO|BYE)\b/i.test(line)) throw answered(GREETING, line)
    offered ||= /^"STARTTLS"/i.test(line)
  }
  if (!offered) throw new DialogueError('offers no STARTTLS')
  plain.send('STARTTLS\r\n')
  const line = await plain.line()
  if (!/^OK\b/i.test(line)) throw answered('STARTTLS', line)
}

/** RFC 4511 §4.14.1: message 1, an extended request of this name. */
const LDAP_START = Buffer.concat([
  Buffer.from('301d02010177188016', 'hex'),
  Buffer.from('1.3.6.1.4.1.1466.20037'),
])

/** The answer is `SEQUENCE { messageID, [APPLICATION 24] { resultCode, … } }`, RFC 4511 §4.12. */
async function ldap(plain: PlainText): Promise<void> {
  plain.send(LDAP_START)
  const [tag = 0] = await plain.bytes(1)
  if (tag !== 0x30) throw new DialogueError('does not speak LDAP')
  const body = await plain.bytes(await berLength(plain))
  const response = body.indexOf(Buffer.of(0x78))
  const result = response === -1 ? -1 : body.indexOf(Buffer.of(0x0a, 0x01), response)
  const code = result === -1 ? null : (body[result + 2] ?? null)
  if (code !== 0) throw new DialogueError(`answers StartTLS with LDAP result ${code ?? 'of no kind'}`)
}

async function berLength(plain: PlainText): Promise<number> {
  const [first = 0] = await plain.bytes(1)
  if (first < 0x80) return first
  const size = first & 0x7f
  if (size < 1 || size > 2) throw new DialogueError('does not speak LDAP')
  return (await plain.bytes(size)).readUIntBE(0, size)
}

/** PostgreSQL's SSLRequest: the length 8 and the code 80877103; the answer is one byte. */
async function postgres(plain: PlainText): Promise<void> {
  plain.send(Buffer.from('0000000804d2162f', 'hex'))
  const answer = (await plain.bytes(1)).toString('latin1')
  if (answer !== 'S') {
    throw new DialogueError(
      answer === 'N' ? 'has TLS switched off' : 'does not speak the PostgreSQL protocol',
    )
  }
}

/** RFC 6120 §5.4; port 5269 is where servers meet. */
async function xmpp(plain: PlainText, { host, port }: Place): Promise<void> {
  const kind = port === 5269 ? 'jabber:server' : 'jabber:client'
  plain.send(
    `<?xml version='1.0'?><stream:stream xmlns='${kind}' xmlns:stream='http://etherx.jabber.org/streams' to='${host}' version='1.0'>`,
  )
  const features = await plain.until('</stream:features>')
  if (!features.includes('urn:ietf:params:xml:ns:xmpp-tls')) throw new DialogueError('offers no STARTTLS')
  plain.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
  const answer = await plain.until('>')
  if (!/^\s*<proceed\b/.test(answer)) throw answered('starttls', answer)
  if (!answer.endsWith('/>')) await plain.until('</proceed>')
}

function answered(to: string, line: string): DialogueError {
  const said = JSON.stringify(line.slice(0, 120))
  return new DialogueError(to === GREETING ? `greets with ${said}` : `answers ${to} with ${said}`)
}
