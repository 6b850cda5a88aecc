import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type Complaint, ConfigError, type ConfigProblem, formatPath } from './config-error.ts'
import { configDigest } from './digest.ts'
import { type ConfigDocument, readDocument } from './document.ts'
import { explainIssue } from './explain-issue.ts'
import { checkFiles } from './files.ts'
import { resolvePaths } from './paths.ts'
import { withPresets } from './presets.ts'
import { checkReferences } from './references.ts'
import { REMOVED_KEYS, type RemovedKeys } from './removed-keys.ts'
import { type Config, configSchema } from './schema.ts'
import { configWarnings } from './warnings.ts'

export const MOST_BYTES = 1 << 20

export interface LoadedConfig {
  readonly config: Config
  /** Absolute path of the file it came from. */
  readonly file: string
  /** {@link configDigest} of the effective configuration. */
  readonly digest: string
  /** {@link configWarnings}: one line each. */
  readonly warnings: readonly string[]
}

export interface LoadOptions {
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Also read the PEM files it names. False for commands that only look: they may lack the right to. Default true. */
  readonly readFiles?: boolean
  readonly removedKeys?: RemovedKeys
  /** What those parts complain of that know more of their keys than their form. */
  readonly furtherCheck?: (config: Config) => readonly Complaint[]
}

/** Reads a configuration file. Throws {@link ConfigError} with everything that is wrong, never anything else. */
export function loadConfig(file: string, options: LoadOptions = {}): LoadedConfig {
  return parseConfig(readText(file), file, options)
}

/** As {@link loadConfig}, from text. `file` names it in messages; relative paths start at its folder. */
export function parseConfig(text: string, file: string, options: LoadOptions = {}): LoadedConfig {
  if (Buffer.byteLength(text) > MOST_BYTES) throw wholeFile(file, 'is larger than 1 MiB')
  const document = readDocument(text, options.env ?? process.env)
  const problems: ConfigProblem[] = document.faults.map((fault) => ({
    file,
    path: '',
    instead: null,
    ...fault,
  }))
  const complain = (complaints: readonly Complaint[]) => {
    const faulty = new Set(document.faults.map(({ line, column }) => `${line}:${column}`))
    for (const one of complaints) {
      const problem = placed(one, file, document)
      if (!faulty.has(`${problem.line}:${problem.column}`)) problems.push(problem)
    }
  }
  if (document.value === undefined) throw new ConfigError(problems)
  const { config, complaints } = check(document, options.removedKeys ?? REMOVED_KEYS)
  complain(complaints)
  if (config === null || problems.length > 0) throw new ConfigError(distinct(problems))
  const effective = resolvePaths(config, dirname(resolve(file)))
  if (options.furtherCheck !== undefined) complain(options.furtherCheck(effective))
  if (options.readFiles !== false) complain(checkFiles(effective))
  if (problems.length > 0) throw new ConfigError(problems)
  return {
    config: effective,
    file: resolve(file),
    digest: configDigest(effective),
    warnings: configWarnings(effective),
  }
}

function check(
  document: ConfigDocument,
  removed: RemovedKeys,
): { config: Config | null; complaints: Complaint[] } {
  const { value, firstKey } = document
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const message = value === null ? 'is empty' : 'must be a mapping of keys to values'
    return {
      config: null,
      complaints: [{ path: [], at: 'value', message, instead: 'Begin with version: 1' }],
    }
  }
  const complaints: Complaint[] = []
  if (firstKey !== 'version' && Object.hasOwn(value, 'version')) {
    complaints.push({
      path: ['version'],
      at: 'key',
      message: 'must be the first key',
      instead: 'Move it to the top',
    })
  }
  const written = withPresets(value)
  complaints.push(...checkReferences(written))
  const result = configSchema.safeParse(written)
  if (result.success) return { config: result.data, complaints }
  complaints.push(...result.error.issues.flatMap((issue) => explainIssue(issue, written, removed)))
  return { config: null, complaints }
}

function placed(complaint: Complaint, file: string, document: ConfigDocument): ConfigProblem {
  const { path, at, message, instead } = complaint
  return { file, ...document.locate(path, at), path: formatPath(path), message, instead }
}

function distinct(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()]
}

function wholeFile(file: string, message: string, instead: string | null = null): ConfigError {
  return new ConfigError([{ file, line: 1, column: 1, path: '', message, instead }])
}

function readText(file: string): string {
  let descriptor: number | undefined
  try {
    descriptor = openSync(file, 'r')
    const facts = fstatSync(descriptor)
    if (facts.isDirectory()) throw wholeFile(file, 'is a folder', 'Name the file in it')
    if (facts.size > MOST_BYTES) throw wholeFile(file, 'is larger than 1 MiB')
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(descriptor))
  } catch (error) {
    if (error instanceof ConfigError) throw error
    if (error instanceof TypeError) throw wholeFile(file, 'is not valid UTF-8')
    const { code } = error as NodeJS.ErrnoException
    const message = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code ?? 'unknown'})`
    throw wholeFile(
      file,
      message,
      'Name another with --config FILE, or start from the output of: acmetap config example',
    )
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}
