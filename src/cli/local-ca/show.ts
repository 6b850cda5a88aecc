import { CliError } from '../cli-error.ts'
import { type CommandContext, command } from '../command-context.ts'
import { renderFields } from '../render.ts'
import { writeJson } from '../terminal.ts'
import { fieldsOf, openConfigured, summary, withFiles } from './configured.ts'

interface ShowOptions {
  readonly pem?: boolean
  readonly json?: boolean
}

export function showCommand(context: CommandContext) {
  return command('show', 'show the issuer of a local CA and the root that clients must trust', [
    ['local-ca show internal', 'fingerprints, validity, names and the root'],
    ['local-ca show internal --pem > root.pem', 'the roots alone, that of the next issuer among them'],
  ])
    .argument('<name>', 'a name under local_cas')
    .option('--pem', 'only the PEM of the roots')
    .option('--json', 'as JSON')
    .action(async (name: string, options: ShowOptions, self) => {
      const { terminal } = context
      const configured = await openConfigured(context, self, name, false)
      const { files, settings } = configured
      const { readCertificates } = await import('../../broker/local-ca/read-issuer.ts')
      const { NameScope, isWithin } = await import('../../broker/local-ca/name-scope.ts')
      const { isFault, normalise } = await import('../../policy/names/normalise.ts')
      const { current, all, pending } = await withFiles(configured, async () => ({
        current: await files.current(),
        all: await Promise.all(
          (await files.generations()).map(async (number) =>
            readCertificates(await files.read(number), number),
          ),
        ),
        pending: (await files.pending()) !== null,
      }))
      const signs = all.find(({ generation }) => generation === current)
      if (signs === undefined)
        throw new CliError(
          `the local CA ${name} has no issuer yet`,
          `Make one: acmetap local-ca create ${name}; or under your own root: acmetap local-ca csr ${name}`,
        )
      const next = all.filter(({ generation }) => generation > signs.generation)
      const earlier = all.filter(({ generation }) => generation < signs.generation)
      const pem = [...new Set([...next, signs, ...earlier].map(({ root }) => root))].join('')
      if (options.pem === true) return terminal.write(pem)
      const { constraints } = signs
      const scope = new NameScope(settings.names, settings.networks)
      const notCovered = scope.samples
        .filter((sample) => {
          const read = normalise(sample)
          return constraints !== null && (isFault(read) || !isWithin(constraints, read))
        })
        .map(({ value }) => value)
      if (options.json === true)
        return writeJson(terminal, {
          name,
          file: files.issuerFile(signs.generation),
          ...summary(signs),
          names: settings.names,
          networks: settings.networks,
          notCovered,
          next: next.map(summary),
          earlier: earlier.map(summary),
          pending,
          pem,
        })
      if (notCovered.length > 0)
        terminal.warn(
          `note: its name constraints do not cover ${notCovered.join(', ')}, which are therefore not signed; make the next issuer`,
        )
      if (signs.notAfter - terminal.now() < settings.validity * 2000)
        terminal.warn('note: its end cuts its certificates short, or soon will: make the next issuer')
      terminal.write(
        renderFields(terminal, [
          ['name', name],
          ['file', files.issuerFile(signs.generation)],
          ...fieldsOf(signs),
          ['names', [...settings.names, ...settings.networks].join(', ')],
          ['constraints', constraints === null ? 'none' : 'critical'],
          ['next', next.map((one) => `${one.subject}, root ${one.rootFingerprint}`).join('; ') || null],
          ['earlier', earlier.map((one) => `${one.subject}, root ${one.rootFingerprint}`).join('; ') || null],
          [
            'pending',
            pending ? 'a request was printed (acmetap local-ca csr) and nothing imported since' : null,
          ],
        ]),
      )
      terminal.write(`\n${pem}`)
    })
}
