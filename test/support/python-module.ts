import { spawnSync } from 'node:child_process'

/** Whether Debian's own Python has it. */
export function hasPythonModule(name: string): boolean {
  return spawnSync('/usr/bin/python3', ['-c', `import ${name}`], { stdio: 'ignore', env: {} }).status === 0
}
