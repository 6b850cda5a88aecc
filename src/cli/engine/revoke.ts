import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { REVOCATION_REASONS } from '../../api/schemas/engine.ts'
import { closest } from '../../config/keys.ts'
import { CliError, UsageError } from '../cli-error.ts'
import { type CommandContext, command } from '../command-context.ts'
import { escapeText } from '../escape.ts'
import { LOCAL } from '../local-actor.ts'
import { type Terminal, writeJson } from '../terminal.ts'
import { withEngine } from './backend.ts'
import { readGiven, readPem } from './given.ts'

interface RevokeOptions {
  readonly reason?: string
  readonly ca?: string
  readonly key?: string
  readonly yes?: boolean
  readonly json?: boolean
}

const REASONS = Object.keys(REVOCATION_REASONS)

export function revokeCommand(context: CommandContext) {
  return command('revoke', 'revoke a certificate at its CA, for good', [
    ['engine revoke www.example.com --reason superseded', 'the newest of a managed certificate'],
    ['engine revoke 5a1e9d3b…  --yes', 'by its SHA-256 fingerprint or its serial number, without asking'],
    ['engine revoke web.pem --key web.key --reason keyCompromise', "signed with the certificate's own key"],
  ])
    .addHelpText(
      'after',
      `\nReasons: ${REASONS.join(', ')}. Without one: unspecified.\nOne that another account obtained is revoked with its own key (--key), or by that account. For a managed\ncertificate a server obtains another at once; without one: acmetap engine renew NAME.`,
    )
    .argument('<certificate>', 'a managed certificate, a fingerprint, a serial number, or a file')
    .option('--reason <reason>', 'why')
    .option('--ca <name>', 'its CA, where acmetap has not seen it')
    .option('--key <file>', "the certificate's private key, PEM: signs instead of the account")
    .option('--yes', 'do not ask')
    .option('--json', 'as JSON')
    .action(async (word: string, options: RevokeOptions, self) => {
      const { terminal } = context
      const { ca } = options
      const reason = options.reason === undefined ? undefined : reasonOf(options.reason)
      const certificate = certificateOf(terminal, word)
      const key = options.key === undefined ? undefined : keyOf(terminal, options.key)
      await withEngine(context, self, async ({ kind, operations, loaded }) => {
        if (options.yes !== true) await mustAgree(terminal, word)
        const revoked = await operations.revoke(
          {
            certificate,
            ...(reason === undefined ? {} : { reason }),
            ...(ca === undefined ? {} : { ca }),
            ...(key === undefined ? {} : { key }),
          },
          LOCAL,
        )
        if (options.json === true) return writeJson(terminal, revoked)
        terminal.write(`${escapeText(revoked.fingerprint)} is revoked at ${escapeText(revoked.ca)}\n`)
        if (loaded.config.engine.certificates.some(({ name }) => name === word))
          terminal.warn(
            kind === 'server'
              ? 'it is served until another takes its place, which the server obtains now; see acmetap engine certificates'
              : `it is served until another takes its place: acmetap engine renew ${word}`,
          )
      })
    })
}

/** By name or by its number. */
function reasonOf(text: string): number {
  const named = REASONS.find((name) => name.toLowerCase() === text.toLowerCase())
  if (named !== undefined) return REVOCATION_REASONS[named as keyof typeof REVOCATION_REASONS]
  const number = Object.values<number>(REVOCATION_REASONS).find((code) => String(code) === text)
  if (number !== undefined) return number
  const near = closest(text, REASONS)
  throw new UsageError(
    `--reason ${JSON.stringify(text)} is not known: ${near === undefined ? REASONS.join(', ') : `did you mean ${near}?`}`,
  )
}

/** A file's first certificate; anything else as it is. */
function certificateOf(terminal: Terminal, word: string): string {
  if (/^[0-9A-Fa-f:]{1,96}$/.test(word) || !existsSync(resolve(terminal.folder, word))) return word
  return readPem(terminal, word, 'CERTIFICATE')
}

function keyOf(terminal: Terminal, name: string): string {
  const text = readGiven(terminal, name).toString('latin1')
  if (!/-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/.test(text))
    throw new CliError(`${resolve(terminal.folder, name)} holds no private key in PEM form`)
  return text
}

async function mustAgree(terminal: Terminal, word: string): Promise<void> {
  if (terminal.ask === undefined)
    throw new UsageError('this cannot be undone, and clients will refuse the certificate: say --yes')
  const answer = await terminal.ask(`Revoke ${escapeText(word)}? This cannot be undone. (yes/no) `)
  if (answer.trim().toLowerCase() !== 'yes') throw new CliError('nothing was revoked')
}
