import { access } from 'node:fs/promises'

/** What programs over GnuTLS' libcurl and Perl on Debian trust; no variable or option changes it. */
export const SYSTEM_BUNDLE = '/etc/ssl/certs/ca-certificates.crt'
export const HOSTS_FILE = '/etc/hosts'

/** Mounts pairs of `FILE OVER` up to `--`, then becomes the rest of its arguments. */
const MOUNT_THEN =
  'while [ "$1" != -- ]; do mount --bind "$1" "$2" || exit 125; shift 2; done; shift; exec "$@"'

export interface Overlay {
  readonly file: string
  readonly over: string
}

/**
 * The command that runs `program` where files of the machine look different, to it alone: each is laid over in a
 * mount namespace of its own. Without an overlay it is the program itself. Needs root.
 */
export function overlaid(
  overlays: readonly Overlay[],
  program: string,
  args: readonly string[],
): { program: string; args: string[] } {
  if (overlays.length === 0) return { program, args: [...args] }
  return {
    program: 'unshare',
    args: [
      ...['--mount', '--propagation', 'private', 'sh', '-c', MOUNT_THEN, 'overlaid'],
      ...overlays.flatMap(({ file, over }) => [file, over]),
      ...['--', program, ...args],
    ],
  }
}

/** Why the test's root can't be laid over the system's store here, or null. */
export async function reasonWithoutSystemStore(client: string): Promise<string | null> {
  if (process.getuid?.() !== 0)
    return `${client} trusts the system store only; a private one needs root (unshare --mount)`
  return access(SYSTEM_BUNDLE).then(
    () => null,
    () => `there is no ${SYSTEM_BUNDLE} to lay the test's root over`,
  )
}
