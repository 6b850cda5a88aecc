import path from 'node:path'
import {
  type AcmeClient,
  baseName,
  HOOK,
  runClient,
  type Surroundings,
  type WholeClient,
  type Wish,
} from './client.ts'

export interface Library
  extends Pick<AcmeClient, 'name' | 'methods' | 'userAgent' | 'survivesBadNonce' | 'missing'> {
  /** False where the library knows no EAB keys. */
  readonly knowsEab: boolean
  /** False where it cannot change an account's key. */
  readonly rollsKey: boolean
  /** The interpreter and its script, a small program over the library. */
  readonly command: readonly [string, string]
  environment(surroundings: Surroundings): Readonly<Record<string, string>>
}

/**
 * A library, used as a program would use it: `SCRIPT issue|revoke|roll-key|deactivate METHOD NAME`, with everything
 * else in the environment. The script keeps `account.pem` and `certificate.pem` in its folder; a second `issue` renews.
 */
export function libraryClient({
  command: [interpreter, script],
  environment,
  rollsKey,
  ...rest
}: Library): WholeClient {
  const run = (
    surroundings: Surroundings,
    wish: Wish,
    verb: 'issue' | 'revoke' | 'roll-key' | 'deactivate',
  ) =>
    runClient(
      interpreter,
      [path.join(import.meta.dirname, script), verb, wish.method, wish.name],
      surroundings,
      {
        HOOK,
        ACME_DIRECTORY: surroundings.directory,
        ACME_FOLDER: surroundings.folder,
        ACME_BASE_NAME: baseName(wish),
        ...(surroundings.listens === undefined
          ? {}
          : {
              ACME_ADDRESS: surroundings.listens.address,
              ACME_TLS_PORT: String(surroundings.listens.tlsPort),
            }),
        ...(surroundings.eab === undefined
          ? {}
          : { ACME_EAB_KID: surroundings.eab.kid, ACME_EAB_MAC: surroundings.eab.mac }),
        ...environment(surroundings),
      },
    )
  return {
    ...rest,
    ...(rollsKey ? { rollKey: (surroundings, wish) => run(surroundings, wish, 'roll-key') } : {}),
    deactivate: (surroundings, wish) => run(surroundings, wish, 'deactivate'),
    issue: (surroundings, wish) => run(surroundings, wish, 'issue'),
    renew: (surroundings, wish) => run(surroundings, wish, 'issue'),
    revoke: (surroundings, wish) => run(surroundings, wish, 'revoke'),
    certificate: ({ folder }) => path.join(folder, 'certificate.pem'),
  }
}
