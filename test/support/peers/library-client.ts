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
  /** The interpreter and its script, a small program over the library. */
  readonly command: readonly [string, string]
  environment(surroundings: Surroundings): Readonly<Record<string, string>>
}

/**
 * A library, used as a program would use it: `SCRIPT issue|revoke METHOD NAME`, with everything else in the
 * environment. The script keeps `account.pem` and `certificate.pem` in its folder; a second `issue` renews.
 */
export function libraryClient({
  command: [interpreter, script],
  environment,
  ...rest
}: Library): WholeClient {
  const run = (surroundings: Surroundings, wish: Wish, verb: 'issue' | 'revoke') =>
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
        ...environment(surroundings),
      },
    )
  return {
    ...rest,
    issue: (surroundings, wish) => run(surroundings, wish, 'issue'),
    renew: (surroundings, wish) => run(surroundings, wish, 'issue'),
    revoke: (surroundings, wish) => run(surroundings, wish, 'revoke'),
    certificate: ({ folder }) => path.join(folder, 'certificate.pem'),
  }
}
