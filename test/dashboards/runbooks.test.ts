import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { RULES } from '../../src/alerts/rule-names.ts'
import { alerts } from '../../src/config/alerts.ts'
import { runHere } from '../support/run-here.ts'
import { PROJECT, RUNBOOKS, rulesIn } from './files.ts'

const pages = readdirSync(RUNBOOKS).filter((name) => name.endsWith('.md'))
const textOf = (page: string) => readFileSync(path.join(RUNBOOKS, page), 'utf8')
const SECTIONS = [
  'What it means',
  'How it is found',
  'Why it matters',
  'First look',
  'Mend it',
  'Silence it',
  'When it is over',
  'Settings',
]

interface JsonSchema {
  readonly description?: string
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, JsonSchema>>
}
const rules = (z.toJSONSchema(alerts, { io: 'input', unrepresentable: 'any' }) as JsonSchema).properties
  ?.rules?.properties

test('there is one for each rule and each alert, and the index names them all', () => {
  const told = rulesIn('acmetap.alerts.yml').map(({ annotations }) =>
    path.basename(annotations?.runbook_url ?? ''),
  )
  const wanted = new Set([...RULES.map((rule) => `${rule}.md`), ...told, 'README.md'])
  expect(new Set(pages)).toEqual(wanted)
  const index = textOf('README.md')
  for (const page of pages) if (page !== 'README.md') expect(index).toContain(`(${page})`)
})

test.each(pages.filter((page) => page !== 'README.md'))(
  '%s has its parts, and its links lead somewhere',
  (page) => {
    const text = textOf(page)
    expect(text).toMatch(new RegExp(`^# ${page.replace('.md', '')}\n`))
    expect([...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title)).toEqual(SECTIONS)
    for (const [, target = ''] of text.matchAll(/\]\(([^)#]+)/g))
      expect(() => readFileSync(path.join(RUNBOOKS, target))).not.toThrow()
    for (const [, file = ''] of text.matchAll(/`(dashboards\/[^`]+)`/g))
      expect(() => readFileSync(path.join(PROJECT, file))).not.toThrow()
  },
)

test.each([...RULES])('%s: its settings are those of the configuration', (rule) => {
  const text = textOf(`${rule}.md`)
  const rows = [...text.matchAll(/^\| `([a-z0-9_]+)` \| `([^`]+)` \| (.+) \|$/gm)].map(
    ([, key, value, says]) => [key, value?.replaceAll(' ', ''), says],
  )
  const shown = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))
  const keys = Object.entries(rules?.[rule]?.properties ?? {})
  expect(rows).toEqual(keys.map(([key, one]) => [key, shown(one.default), one.description]))
  const severity = rules?.[rule]?.properties?.severity?.default
  expect(text).toContain(`Severity: ${severity}. Rule \`${rule}\``)
  expect(text).toContain(`acmetap alerts silence --rule ${rule}`)
})

/** Command lines of acmetap: in blocks, and within sentences. */
function commandsIn(text: string): string[] {
  const lines = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = '']) => block.split('\n'))
  const spans = [...text.replaceAll(/```[\s\S]*?```/g, '').matchAll(/`(acmetap [^`]+)`/g)].map(
    ([, span = '']) => span,
  )
  return [...lines, ...spans]
    .map((line) => line.replace(/ {2}# .*$/, '').trim())
    .filter((line) => line.startsWith('acmetap '))
}

const helps = new Map<string, Promise<string>>()
function helpOf(words: readonly string[]): Promise<string> {
  const asked = words.join(' ')
  const help =
    helps.get(asked) ?? runHere([...words, '--help'], PROJECT, { columns: 1000 }).then(({ out }) => out)
  helps.set(asked, help)
  return help
}
const subcommandsOf = (help: string) =>
  [...(/^Commands:\n([\s\S]*?)(?:\n\n|$(?!\n))/m.exec(help)?.[1] ?? '').matchAll(/^ {2}([a-z-]+)/gm)].map(
    ([, name]) => name ?? '',
  )

describe('every command in them exists, with its options', () => {
  const commands = [...new Set(pages.flatMap((page) => commandsIn(textOf(page))))].sort()

  test('there are many', () => expect(commands.length).toBeGreaterThan(60))

  test.each(commands)('%s', async (command) => {
    const words = command
      .replaceAll(/'[^']*'|"[^"]*"/g, 'TEXT')
      .split(/\s+/)
      .slice(1)
    const path_: string[] = []
    let help = await helpOf([])
    for (const word of words) {
      if (!subcommandsOf(help).includes(word)) break
      path_.push(word)
      help = await helpOf(path_)
    }
    expect(path_, command).not.toEqual([])
    const rest = words.slice(path_.length)
    // A group without a command lists.
    if (subcommandsOf(help).includes('list')) help = await helpOf([...path_, 'list'])
    const options = rest.filter((word) => word.startsWith('--'))
    for (const option of options) expect(help).toMatch(new RegExp(`^ +(-., )?${option}\\b`, 'm'))
    const operands = rest.filter((word, at) => !word.startsWith('--') && !rest[at - 1]?.startsWith('--'))
    const usage = /^Usage: .*$/m.exec(help)?.[0] ?? ''
    const taken = usage.match(/[<[](?!options|command)[^>\]]+[>\]]/g) ?? []
    if (!taken.some((one) => one.includes('...')))
      expect(operands.length, usage).toBeLessThanOrEqual(taken.length)
  })
})
