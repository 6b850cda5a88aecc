import { oneLine } from '../one-line.ts'
import { type RunProgramOptions, runProgram } from '../run-program.ts'
import { solverError, throwIfAborted } from './solver-error.ts'

/** Of a program's words, as many as fit into a line. */
const SHOWN = 300
/** `1` and `yes` are none: to hide them would hide everything. */
const SHORTEST_SECRET = 4

export interface ProgramCall extends Omit<RunProgramOptions, 'secrets'> {
  readonly solver: string
  /** What it is about: the record's name or the domain. */
  readonly name: string
  readonly argv: readonly string[]
  /** Variables that are no secrets, and that `environment`, whose values all are, can't change. */
  readonly fixed?: Readonly<Record<string, string>>
  /** What it is for people, where its first argument does not say it. */
  readonly title?: string
  /** Where to look when it fails. */
  readonly advice: string
}

/** Resolves where the program ended with code 0; rejects with EngineError, which holds the last it said. */
export async function callProgram(call: ProgramCall): Promise<void> {
  const { solver, name, argv, title = argv[0], advice, fixed, ...options } = call
  const { signal, environment } = options
  throwIfAborted(signal, solver, name)
  const { trouble, output } = await runProgram(argv, {
    ...options,
    environment: { ...environment, ...fixed },
    secrets: Object.values(environment).filter((value) => value.length >= SHORTEST_SECRET),
  }).catch((error: unknown) => {
    throwIfAborted(signal, solver, name)
    throw error
  })
  if (trouble === null) return
  const said = oneLine(output.slice(-SHOWN * 2))
    .slice(-SHOWN)
    .replace(/[.\s]+$/, '')
  throw solverError(solver, name, `${title} ${trouble}${said === '' ? '' : `: ${said}`}. ${advice}`)
}
