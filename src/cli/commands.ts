import type { Command } from 'commander'
import type { CommandContext } from './command-context.ts'

type MakeCommand = (context: CommandContext) => Command

/** In the order of the help. */
const COMMANDS: Readonly<Record<string, () => Promise<MakeCommand>>> = {
  serve: async () => (await import('./serve.ts')).serveCommand,
  demo: async () => (await import('./demo.ts')).demoCommand,
  config: async () => (await import('./config.ts')).configCommand,
  ca: async () => (await import('./ca.ts')).caCommand,
  root: async () => (await import('./root/command.ts')).rootCommand,
  'local-ca': async () => (await import('./local-ca/command.ts')).localCaCommand,
  enroll: async () => (await import('./enroll/command.ts')).enrollCommand,
  doctor: async () => (await import('./doctor/command.ts')).doctorCommand,
  policy: async () => (await import('./policy/command.ts')).policyCommand,
  engine: async () => (await import('./engine/command.ts')).engineCommand,
  reissue: async () => (await import('./reissue/command.ts')).reissueCommand,
  broker: async () => (await import('./broker/command.ts')).brokerCommand,
  eab: async () => (await import('./eab/command.ts')).eabCommand,
  alerts: async () => (await import('./alerts/command.ts')).alertsCommand,
  watch: async () => (await import('./watch/command.ts')).watchCommand,
  failures: async () => (await import('./failures/command.ts')).failuresCommand,
  orders: async () => (await import('./orders/command.ts')).ordersCommand,
  certificates: async () => (await import('./certificates/command.ts')).certificatesCommand,
  accounts: async () => (await import('./accounts/command.ts')).accountsCommand,
  clients: async () => (await import('./clients/command.ts')).clientsCommand,
  exchanges: async () => (await import('./exchanges/command.ts')).exchangesCommand,
  tail: async () => (await import('./tail.ts')).tailCommand,
  import: async () => (await import('./import/command.ts')).importCommand,
  export: async () => (await import('./export.ts')).exportCommand,
  report: async () => (await import('./report/command.ts')).reportCommand,
  token: async () => (await import('./token.ts')).tokenCommand,
  rebuild: async () => (await import('./rebuild.ts')).rebuildCommand,
  record: async () => (await import('./record/command.ts')).recordCommand,
  forget: async () => (await import('./forget.ts')).forgetCommand,
  backup: async () => (await import('./backup.ts')).backupCommand,
  restore: async () => (await import('./restore.ts')).restoreCommand,
}

/**
 * Those that a command line (without node and script) may mean: the one it names, else all of them. Reading the code of
 * all takes longer than most of them run.
 */
export async function commandsFor(words: readonly string[]): Promise<readonly MakeCommand[]> {
  const name = commandNamed(words)
  const own = name !== null && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  return Promise.all((own === undefined ? Object.values(COMMANDS) : [own]).map((load) => load()))
}

/** Null where something else than the configuration comes before it: a wish for help, a mistake. */
function commandNamed(words: readonly string[]): string | null {
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!
    if (word === '--config') at += 1
    else if (!word.startsWith('-')) return word
    else if (!word.startsWith('--config=')) return null
  }
  return null
}
