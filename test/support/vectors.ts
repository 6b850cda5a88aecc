import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export interface VectorGroup {
  readonly comment: string
  readonly public?: Readonly<Record<string, unknown>> & { readonly keys?: readonly Record<string, unknown>[] }
  readonly private?: Readonly<Record<string, unknown>> & {
    readonly keys?: readonly Record<string, unknown>[]
  }
  readonly publicKey?: { readonly wx: string; readonly wy: string }
  readonly tests: readonly {
    readonly tcId: number
    readonly comment: string
    readonly jws?: string
    readonly msg?: string
    readonly sig?: string
    readonly result: 'valid' | 'invalid' | 'acceptable'
  }[]
}

/** Groups of a Wycheproof file that lies beside the project, in `shared/vectors`; null when it is not there. */
export function readVectors(name: string): readonly VectorGroup[] | null {
  const file = fileURLToPath(new URL(`../../../shared/vectors/${name}`, import.meta.url))
  if (!existsSync(file)) return null
  return (JSON.parse(readFileSync(file, 'utf8')) as { testGroups: VectorGroup[] }).testGroups
}
