import type { Command } from 'commander'
import { Document } from 'yaml'
import { ConfigError, formatProblem } from '../config/config-error.ts'
import { renderExample } from '../config/example.ts'
import type { LoadedConfig } from '../config/load.ts'
import { shownForm } from '../config/shown-form.ts'
import { type CommandContext, command, configOf, type GlobalOptions } from './command-context.ts'
import { findConfig, judgedConfig } from './config-file.ts'
import { escapeText } from './escape.ts'
import { type Terminal, writeJson } from './terminal.ts'

export function configCommand(context: CommandContext) {
  return command('config', 'check, show or begin a configuration', [
    ['config check', 'what serve and a reload would say of it'],
    ['config show', 'the effective configuration, defaults filled in'],
    ['config example > acmetap.yaml', 'every key with its default'],
  ])
    .addCommand(checkCommand(context))
    .addCommand(showCommand(context))
    .addCommand(exampleCommand(context.terminal))
}

function checkCommand(context: CommandContext) {
  return command('check', 'give the verdict that a start or a reload would give; exit code 1 if it is no', [
    ['config check', 'the configuration that serve would take'],
    ['config check --config new.yaml', 'another one, before it is put in place'],
  ])
    .option('--json', 'as JSON')
    .action(async (options: { json?: boolean }, self: Command) => {
      const { terminal } = context
      const file = findConfig(terminal, self.optsWithGlobals<GlobalOptions>().config)
      const verdict = await judge(file, terminal)
      if (verdict instanceof ConfigError) {
        context.exitWith(1)
        if (options.json === true) return writeJson(terminal, { ok: false, file, problems: verdict.problems })
        for (const problem of verdict.problems) terminal.warn(escapeText(formatProblem(problem)))
        return terminal.warn(`${escapeText(file)}: not ok, ${counted(verdict.problems.length)}`)
      }
      const { digest, warnings } = verdict
      if (options.json === true) return writeJson(terminal, { ok: true, file, digest, warnings })
      for (const warning of warnings) terminal.warn(`warning: ${escapeText(warning)}`)
      terminal.write(`${escapeText(file)}: ok, digest ${digest}\n`)
    })
}

function counted(problems: number): string {
  return problems === 1 ? '1 problem' : `${problems} problems`
}

async function judge(file: string, terminal: Terminal): Promise<LoadedConfig | ConfigError> {
  try {
    const loaded = await judgedConfig(file, terminal)
    return { ...loaded, warnings: [...loaded.warnings, ...(await policyWarnings(loaded))] }
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
}

/** What is odd about the policy it names. Rejects with ConfigError where that can't be used. */
async function policyWarnings({ config }: LoadedConfig): Promise<readonly string[]> {
  if (config.policy === undefined) return []
  const { loadPolicy } = await import('../app/policy-file.ts')
  return (await loadPolicy(config))?.warnings ?? []
}

function showCommand(context: CommandContext) {
  return command('show', 'show the effective configuration', [
    ['config show', 'as a file that means the same'],
    ['config show --json', 'for other programs'],
  ])
    .option('--json', 'as JSON')
    .action((options: { json?: boolean }, self) => {
      const { config, file, digest } = configOf(context, self)
      const written = shownForm(config)
      if (options.json === true) return writeJson(context.terminal, { file, digest, config: written })
      context.terminal.write(`# ${escapeText(file)}\n# digest ${digest}\n${new Document(written).toString()}`)
    })
}

function exampleCommand(terminal: Terminal) {
  return command('example', 'print a configuration with every key, its description and its default', [
    ['config example > acmetap.yaml', 'to start from'],
  ]).action(() => terminal.write(renderExample()))
}
