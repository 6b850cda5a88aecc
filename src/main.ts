#!/usr/bin/env node
// Everything else is imported after this check: older versions cannot even load it.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 22)) {
  process.stderr.write(`acmetap needs Node 22.22 or newer, and this is Node ${process.versions.node}.\n`)
  process.exit(1)
}
const { run } = await import('./cli/program.ts')
const { processTerminal } = await import('./cli/terminal.ts')

process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))
process.exitCode = await run(process.argv.slice(2), processTerminal())

export {}
