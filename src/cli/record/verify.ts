import type { BreakKind, ChainReport } from '../../audit/chain.ts'
import { type CommandContext, command, configOf } from '../command-context.ts'
import { escapeText } from '../escape.ts'
import { addPlaces, type PlaceOptions, placesOf } from '../places.ts'
import { type Terminal, writeJson } from '../terminal.ts'

interface VerifyOptions extends PlaceOptions {
  readonly json?: boolean
}

/** What is wrong with the fact at the place of the break. */
const SAYS: Readonly<Record<BreakKind, string>> = {
  gap: 'a fact was taken out or put in here',
  digest: 'its text is not what its digest was made of',
  previous: 'it does not name the fact before it',
  text: 'its text is of another fact, or of none',
  found: 'what it is found by says otherwise than its text',
  stream: "it belongs to another instance's record",
  anchor: 'the record begins or goes on here, and no event in it says that facts before it were removed',
}

const PROGRESS = 100_000

export function verifyCommand(context: CommandContext) {
  return addPlaces(
    command('verify', 'read the record from end to end and see that nothing was changed', [
      ['record verify', 'of the configured data folder, while a server runs or not'],
      ['record verify --data acmetap-2026-01-31.db', 'of a backup'],
    ]),
  )
    .addHelpText(
      'after',
      '\nFacts that were cut off at the end leave no trace in the record: compare its last digest with one noted elsewhere.\nExit code 1 where something was changed.',
    )
    .option('--json', 'as JSON')
    .action(async (options: VerifyOptions, self) => {
      const { terminal } = context
      const named = placesOf(options, terminal)
      const places = named.length > 0 ? named : [configOf(context, self).config.data]
      const reports: Record<string, ChainReport> = {}
      for (const place of new Set(places)) {
        const report = await verify(place, options.json === true ? null : terminal)
        reports[place] = report
        if (isBroken(report)) context.exitWith(1)
        if (options.json !== true) terminal.write(told(place, report))
      }
      if (options.json === true) {
        const rows = Object.entries(reports).map(([place, report]) => ({
          place,
          ok: !isBroken(report),
          ...report,
        }))
        writeJson(terminal, rows.length === 1 ? rows[0] : rows)
      }
    })
}

async function verify(place: string, terminal: Terminal | null): Promise<ChainReport> {
  const { verifyPlace } = await import('../../app/keeping-offline.ts')
  let next = PROGRESS
  return verifyPlace(place, {
    onProgress(facts) {
      if (facts < next) return
      next = facts + PROGRESS
      terminal?.warn(`${facts} facts read`)
    },
  })
}

function isBroken({ firstBroken, altered }: ChainReport): boolean {
  return firstBroken !== null || altered.length > 0
}

function told(place: string, report: ChainReport): string {
  const { facts, begins, head, firstBroken, values, altered } = report
  const lines = [`${escapeText(place)}: ${facts} facts, ${values} bodies and personal values`]
  if (begins > 1) lines.push(`  facts before ${begins} were removed for their age`)
  if (firstBroken !== null) {
    lines.push(`  BROKEN at fact ${firstBroken.sequence}: ${SAYS[firstBroken.kind]}`)
    lines.push('  what comes after it was not looked at')
  } else lines.push(`  the chain is whole; the digest of its last fact is ${head}`)
  for (const digest of altered) lines.push(`  CHANGED: ${escapeText(digest)} is not what the facts say`)
  return `${lines.join('\n')}\n`
}
