import type { ConfigProblem, KeyPath } from '../../config/config-error.ts'
import { formatPath } from '../../config/config-error.ts'
import { type ConfigDocument, readDocument } from '../../config/document.ts'
import type { PolicyBundle } from '../bundle.ts'

/** A policy's YAML, read but not judged. */
export interface PolicyText {
  readonly document: ConfigDocument
  readonly listFiles: readonly ListFile[]
  /** Place of a value for a complaint, and its path as text. */
  locate(path: KeyPath, at?: 'key' | 'value'): Pick<ConfigProblem, 'line' | 'column' | 'path'>
}

export interface ListFile {
  readonly path: KeyPath
  /** As written. */
  readonly name: string
}

/** The YAML of a bundle is read twice, for its list files and for itself; its text never changes. */
const texts = new WeakMap<PolicyBundle, PolicyText>()

export function policyText(bundle: PolicyBundle): PolicyText {
  const before = texts.get(bundle)
  if (before !== undefined) return before
  const document = readDocument(bundle.text, null)
  const text: PolicyText = {
    document,
    listFiles: listFilesOf(document.value),
    locate: (path, at = 'value') => ({ ...document.locate(path, at), path: formatPath(path) }),
  }
  texts.set(bundle, text)
  return text
}

/** What has the wrong type is left to the schema. */
function listFilesOf(value: unknown): ListFile[] {
  return Object.entries(mapping(mapping(value).lists)).flatMap(([list, written]) => {
    const { file } = mapping(written)
    const named = typeof file === 'string' && file !== '' && !file.includes('\0')
    return named ? [{ path: ['lists', list, 'file'], name: file }] : []
  })
}

export type Mapping = Readonly<Record<string, unknown>>

/** The value as a mapping; what is none has no members. */
export function mapping(value: unknown): Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Mapping) : {}
}
