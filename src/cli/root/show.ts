import { X509Certificate } from 'node:crypto'
import { CliError, UsageError } from '../cli-error.ts'
import { type CommandContext, command } from '../command-context.ts'
import { renderFields } from '../render.ts'
import { writeJson } from '../terminal.ts'
import { type Authorities, allNames, look, openAuthorities, summary } from './authorities.ts'
import { type ShownAs, showListenerRoot, writeDer } from './show-listener.ts'

interface ShowOptions extends ShownAs {
  readonly listener?: boolean
  readonly interception?: boolean
}

export function showCommand(context: CommandContext) {
  return command('show', 'show a root that clients must trust', [
    ['root show', 'fingerprint, validity, names and PEM'],
    ['root show --pem > root.pem', 'for SSL_CERT_FILE, REQUESTS_CA_BUNDLE or --cacert'],
    ['root show --der root.der', 'for programs that take DER'],
    ['root show --listener', 'the root of listener acme, for clients of relays'],
  ])
    .option('--interception', 'the interception root (default where intercept.cas names a CA)')
    .option('--listener', 'the listener root (default elsewhere)')
    .option('--pem', 'only the PEM; with several interception roots, all of them')
    .option('--der <file>', 'also write the current root as DER to this file')
    .option('--json', 'as JSON')
    .action(async (options: ShowOptions, self) => {
      if (options.listener === true && options.interception === true) {
        throw new UsageError('--listener and --interception: name one of them')
      }
      const authorities = await openAuthorities(context, self)
      const intercepts = authorities.config.intercept.cas.length > 0
      const interception = options.interception ?? (intercepts && options.listener !== true)
      if (interception) await showInterceptionRoot(context, authorities, options)
      else await showListenerRoot(context, authorities.config, options)
    })
}

async function showInterceptionRoot(
  context: CommandContext,
  authorities: Authorities,
  options: ShownAs,
): Promise<void> {
  const { terminal } = context
  const { folder, names, now } = authorities
  const { current, next, previous, pending } = await look(authorities, async () => ({
    current: await folder.readCurrent(),
    next: await folder.readNext(),
    previous: await folder.readPrevious(now),
    pending: (await folder.readPending()) !== null,
  }))
  if (current === null) {
    throw new CliError(
      `there is no interception root yet: ${folder.current}`,
      'It is made at the first start with a CA under intercept.cas: acmetap serve',
    )
  }
  const { namesNotCovered } = await import('../../interception/name-constraints.ts')
  const root = new X509Certificate(current.root)
  if (options.der !== undefined) writeDer(context, options.der, root)
  const older = previous.filter((one) => one.root !== current.root && one.root !== next?.root)
  const roots = [current, ...(next === null ? [] : [next]), ...older]
  const pem = [...new Set(roots.map((one) => one.root))].join('')
  const missing = namesNotCovered(current.permitted, names)
  if (options.json === true) {
    return writeJson(terminal, {
      root: 'interception',
      file: folder.current,
      subject: root.subject,
      ...summary(current),
      namesNotCovered: missing,
      next: next === null ? null : summary(next),
      previous: older.map(summary),
      pending,
      pem,
    })
  }
  if (options.pem === true) return terminal.write(pem)
  if (missing.length > 0) {
    const run = current.own ? 'acmetap root rotate' : 'acmetap root csr'
    terminal.warn(
      `note: it does not cover ${missing.join(', ')}, which are therefore not served; run: ${run}`,
    )
  }
  terminal.write(
    renderFields(terminal, [
      ['root', 'interception root, for clients with a proxy (listener root: acmetap root show --listener)'],
      ['file', folder.current],
      ['subject', root.subject],
      ['made by', current.own ? 'acmetap' : 'your own CA'],
      ['names', allNames(current.permitted).join(', ')],
      ['sha256', current.rootFingerprint],
      ['issuer sha256', current.fingerprint],
      ['notBefore', current.notBefore.toISOString()],
      ['notAfter', current.notAfter.toISOString()],
      ['next', next && `${next.rootFingerprint}, for ${allNames(next.permitted).join(', ')}`],
      ['previous', older.map((one) => one.rootFingerprint).join(', ') || null],
      ['pending', pending ? 'a request was printed (acmetap root csr) and nothing imported since' : null],
    ]),
  )
  terminal.write(`\n${pem}`)
}
