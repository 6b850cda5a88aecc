import { join } from 'node:path'

/** Where the command line of the same user finds the running server. */
export function controlSocketPath(folder: string): string {
  return join(folder, 'control.sock')
}
