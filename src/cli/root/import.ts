import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { CliError, UsageError } from '../cli-error.ts'
import { type CommandContext, command } from '../command-context.ts'
import { renderFields } from '../render.ts'
import { writeJson } from '../terminal.ts'
import {
  allNames,
  alsoNames,
  change,
  look,
  mustHaveNames,
  openAuthorities,
  readPem,
  summary,
} from './authorities.ts'

interface ImportOptions {
  readonly root?: string
  readonly key?: string
  readonly next?: boolean
  readonly also?: readonly string[]
  readonly json?: boolean
}

export function importCommand(context: CommandContext) {
  return command('import', 'issue under what your own CA signed, or with the key of another instance', [
    ['root import acmetap.pem --root root.pem', "what your CA signed of 'root csr', and its root"],
    ['root import acmetap.pem ca.pem --root root.pem', 'with an intermediate of your CA'],
    ['root import --key authority.pem', "a file of 'root export' of another instance"],
    ['root import --key data/interception/previous/….pem', 'back to what issued before'],
    ['root import --key next.pem --next', "a file of 'root export --next': its root is published first"],
  ])
    .argument('[files...]', 'PEM files with the certificate for the request and the intermediates')
    .option('--root <file>', 'PEM file of the root that clients trust')
    .option('--key <file>', "PEM file with key and certificates, from 'root export'")
    .option('--next', 'with --key: as the next authority, not as the current one')
    .option('--also <names...>', 'hosts that may be permitted besides those of intercept.cas')
    .option('--json', 'as JSON')
    .action(async (files: readonly string[], options: ImportOptions, self) => {
      const { terminal } = context
      mustMakeSense(files, options)
      const authorities = await openAuthorities(context, self)
      mustHaveNames(authorities)
      const { folder, names, now } = authorities
      const given = (options.key === undefined ? files : [options.key]).map((name) => readPem(context, name))
      const { assembleCertifiedChain } = await import('../../interception/certified-chain.ts')
      const { pemBlocks } = await import('../../interception/issuing-authority.ts')
      const [bundled] = given.flatMap((text) => pemBlocks(text, 'PRIVATE KEY'))
      if (options.key === undefined && bundled !== undefined) {
        throw new CliError(
          'one of the files holds a private key',
          'For a file of root export, write --key FILE.',
        )
      }
      const key = options.key === undefined ? await look(authorities, () => folder.readPending()) : bundled
      if (key === null || key === undefined) {
        throw options.key === undefined
          ? new CliError('no request is pending', 'Print one for your CA to sign: acmetap root csr')
          : new CliError('there is no private key in it', 'On the other instance: acmetap root export FILE')
      }
      const authority = await assembleCertifiedChain({
        key,
        certificates: given.join('\n'),
        roots: options.root === undefined ? null : readPem(context, options.root),
        names,
        also: await alsoNames(options.also),
        now,
      })
      const asNext = options.next === true
      await change(authorities, () =>
        asNext ? folder.writeNext(authority) : folder.replaceCurrent(authority),
      )
      if (options.key !== undefined) warnOfExposure(context, options.key)
      const done = { ...summary(authority), next: asNext }
      if (options.json === true) return writeJson(terminal, done)
      terminal.write(
        asNext
          ? 'imported as the next authority; its root is published from now on\n'
          : 'imported; a running server takes it up within 10 seconds\n',
      )
      terminal.write(
        renderFields(terminal, [
          ['root sha256', authority.rootFingerprint],
          ['issuer sha256', authority.fingerprint],
          ['names', allNames(authority.permitted).join(', ')],
          ['notAfter', done.notAfter],
        ]),
      )
    })
}

function mustMakeSense(files: readonly string[], { key, next }: ImportOptions): void {
  if (files.length === 0 && key === undefined)
    throw new UsageError('name the file that your CA sent, or --key FILE')
  if (files.length > 0 && key !== undefined)
    throw new UsageError('--key FILE holds everything: name no other file')
  if (next === true && key === undefined) throw new UsageError('--next goes with --key')
}

function warnOfExposure({ terminal }: CommandContext, name: string): void {
  const file = resolve(terminal.folder, name)
  const open = (statSync(file).mode & 0o077) !== 0
  terminal.warn(
    open
      ? `warning: others on this machine may read ${file}, which holds the private key. Remove it now.`
      : `note: ${file} holds the private key; remove it.`,
  )
}
