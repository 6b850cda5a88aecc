import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cleanEnvironment, runProgram, startDaemon } from '../../../src/cli/demo/child.ts'
import { freePorts } from '../../../src/cli/demo/free-ports.ts'
import { makeServerCertificate } from '../../../src/cli/demo/test-certificates.ts'

/** Debian's own: the library is installed for no other. */
const PYTHON = '/usr/bin/python3'

/** Why there is no SMTP server here; null when there is. */
export async function reasonWithoutSmtp(): Promise<string | null> {
  const asked = await runProgram(PYTHON, ['-c', 'import aiosmtpd'], {
    environment: cleanEnvironment(tmpdir()),
    folder: tmpdir(),
    timeout: 20_000,
  }).catch(() => null)
  return asked?.code === 0 ? null : 'python3-aiosmtpd is not installed'
}

/** A mail as another program reads it. */
export interface ReadMail {
  readonly headers: Readonly<Record<string, readonly string[]>>
  /** Decoded, in their order. */
  readonly parts: readonly { readonly type: string; readonly text: string }[]
  readonly envelope: {
    readonly from: string
    readonly to: readonly string[]
    readonly tls: boolean
    readonly user: string | null
  }
}

export interface SmtpServer {
  readonly port: number
  /** PEM file of the root of its certificate. */
  readonly trust: string
  readonly password: string
  /** The mails so far. */
  mails(): Promise<readonly ReadMail[]>
  /** What it answers to a verb (RCPT, DATA) from now on; empty: as usual. */
  answer(answers: Readonly<Record<string, string>>): Promise<void>
  stop(): Promise<void>
}

/** aiosmtpd with what the mode says: plain, or TLS by STARTTLS or from the beginning; a login or none. */
export async function startSmtpServer(
  mode: 'plain' | 'plain+auth' | 'starttls' | 'starttls+auth' | 'smtps' | 'smtps+auth',
): Promise<SmtpServer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'smtp-'))
  const [port] = (await freePorts(1)) as [number]
  const made = await makeServerCertificate(['localhost'], ['127.0.0.1'])
  const file = (name: string) => path.join(folder, name)
  await writeFile(file('root.pem'), made.root)
  await writeFile(file('server.pem'), made.certificate)
  await writeFile(file('server.key'), made.key)
  const password = 'canary password 7d21'
  const environment = cleanEnvironment(folder, { SMTP_TEST_PASSWORD: password })
  const script = path.join(import.meta.dirname, 'smtp-server.py')
  const daemon = startDaemon(
    PYTHON,
    [script, String(port), folder, mode, file('server.pem'), file('server.key')],
    { environment, folder },
  )
  for (let tries = 0; !daemon.log().includes('ready'); tries += 1) {
    if (tries === 1000) throw new Error(`the SMTP server does not start: ${daemon.log()}`)
    await sleep(50)
  }
  return {
    port,
    trust: file('root.pem'),
    password,
    async mails() {
      const { code, output } = await runProgram(PYTHON, ['-c', READ, folder], {
        environment,
        folder,
        timeout: 20_000,
      })
      if (code !== 0) throw new Error(output)
      return JSON.parse(output) as ReadMail[]
    },
    answer: (answers) => writeFile(file('answers.json'), JSON.stringify(answers)),
    async stop() {
      await daemon.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Reads all mails with Python's own parser. */
const READ = `
import email, email.policy, glob, json, os, sys
mails = []
for name in sorted(glob.glob(os.path.join(sys.argv[1], '*.eml')), key=lambda n: int(os.path.basename(n)[:-4])):
    with open(name, 'rb') as file:
        mail = email.message_from_binary_file(file, policy=email.policy.default)
    headers = {}
    for key, value in mail.items():
        headers.setdefault(key.lower(), []).append(str(value))
    parts = [{'type': p.get_content_type(), 'text': p.get_content()} for p in mail.walk() if not p.is_multipart()]
    with open(name[:-4] + '.json') as file:
        envelope = json.load(file)
    mails.append({'headers': headers, 'parts': parts, 'envelope': envelope})
print(json.dumps(mails))
`
