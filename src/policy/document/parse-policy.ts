import { dirname, resolve } from 'node:path'
import { type Complaint, ConfigError, type ConfigProblem } from '../../config/config-error.ts'
import { explainIssue } from '../../config/explain-issue.ts'
import type { PolicyBundle } from '../bundle.ts'
import type { PolicyDocument } from '../document.ts'
import { readList, type WrittenList } from './check-lists.ts'
import { type Checked, checkWritten } from './check-written.ts'
import { documentOf, type Lists } from './document-of.ts'
import { type Mapping, mapping, type PolicyText, policyText } from './policy-text.ts'
import { POLICY_KEYS, policySchema, type WrittenPolicy } from './schema.ts'
import { checkWebhookFiles } from './webhook-files.ts'

export interface ParseOptions {
  /** Also read the secrets and roots that webhooks name; commands that only look may lack the right to. Default false. */
  readonly readFiles?: boolean
}

/**
 * The policy a bundle holds. Rejects with {@link ConfigError}: everything that is wrong at once, never anything else.
 * Other work gets its turn while long lists are judged.
 */
export async function parsePolicy(bundle: PolicyBundle, options: ParseOptions = {}): Promise<PolicyDocument> {
  const text = policyText(bundle)
  const { document } = text
  const inFile = (problem: Omit<ConfigProblem, 'file'>) => ({ file: bundle.file, ...problem })
  const faults = document.faults.map((fault) =>
    inFile({ path: '', instead: insteadOf(fault.message), ...fault }),
  )
  const place = ({ path, at, message, instead }: Complaint) =>
    inFile({ ...text.locate(path, at), message, instead })
  if (document.value === undefined) throw new ConfigError(faults)
  const { policy, checked, complaints } = check(document.value, document.firstKey)
  const problems = [...faults, ...complaints.map(place)]
  const lists = await readLists(document.value, checked, text, bundle, problems)
  if (policy === null || problems.length > 0) throw new ConfigError(distinct(problems))
  const read = documentOf(policy, lists, text.document, dirname(bundle.file))
  if (options.readFiles === true) problems.push(...checkWebhookFiles(read.webhooks).map(place))
  if (problems.length > 0) throw new ConfigError(problems)
  return read
}

/** `size: >3072` is YAML's own: text that is folded. */
function insteadOf(message: string): string | null {
  return /block scalar/i.test(message) ? "Put a comparison in quotes: '>10'" : null
}

interface Judged {
  readonly policy: WrittenPolicy | null
  readonly checked: Checked
  readonly complaints: readonly Complaint[]
}

function check(value: unknown, firstKey: string | undefined): Judged {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const message = value === null ? 'is empty' : 'must be a mapping of keys to values'
    const complaint: Complaint = { path: [], at: 'value', message, instead: 'Begin with version: 1' }
    return { policy: null, checked: checkWritten({}), complaints: [complaint] }
  }
  const checked = checkWritten(value as Mapping)
  const complaints = [...checked.complaints]
  if (firstKey !== 'version' && Object.hasOwn(value, 'version')) {
    const instead = 'Move it to the top'
    complaints.push({ path: ['version'], at: 'key', message: 'must be the first key', instead })
  }
  const written = withAlways(value as Mapping)
  const result = policySchema.safeParse(written)
  if (result.success) return { policy: result.data, checked, complaints }
  const explained = result.error.issues.flatMap((issue) => explainIssue(issue, written, {}, POLICY_KEYS))
  return { policy: null, checked, complaints: [...complaints, ...explained] }
}

/** `when: always` is a condition that asks nothing. */
function withAlways(value: Mapping): Mapping {
  if (!Array.isArray(value.rules)) return value
  const rules = value.rules.map((rule: unknown) =>
    mapping(rule).when === 'always' ? { ...mapping(rule), when: {} } : rule,
  )
  return { ...value, rules }
}

async function readLists(
  value: unknown,
  { uses }: Checked,
  text: PolicyText,
  bundle: PolicyBundle,
  problems: ConfigProblem[],
): Promise<Lists> {
  const lists: Lists = Object.create(null)
  for (const [name, written] of Object.entries(mapping(mapping(value).lists))) {
    const list = writtenList(name, written, bundle)
    if (list === null) continue
    if (list.file !== null && list.text === null) {
      const path = ['lists', name, 'file']
      const message = 'is not part of what was read'
      problems.push({ file: bundle.file, ...text.locate(path), message, instead: null })
      continue
    }
    const read = await readList(list, uses, text, bundle.file, (file) => resolve(dirname(bundle.file), file))
    problems.push(...read.problems)
    lists[name] = read.values
  }
  return lists
}

/** Null for what has the wrong type, which the schema says. */
function writtenList(name: string, written: unknown, { files }: PolicyBundle): WrittenList | null {
  if (Array.isArray(written)) {
    const entries = written.every((entry) => typeof entry === 'string') ? written : null
    return entries === null ? null : { name, file: null, text: null, entries }
  }
  const { file } = mapping(written)
  if (typeof file !== 'string') return null
  return { name, file, text: Object.hasOwn(files, file) ? files[file]! : null, entries: [] }
}

function distinct(problems: readonly ConfigProblem[]): ConfigProblem[] {
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()]
}
