import { type Complaint, ConfigError, type ConfigProblem, formatPath } from '../../config/config-error.ts'
import { readDocument } from '../../config/document.ts'
import { explainIssue } from '../../config/explain-issue.ts'
import { mapping } from '../document/policy-text.ts'
import { nearestName } from '../document/references.ts'
import type { PolicyDocument } from '../document.ts'
import { CASE_KEYS, casesSchema, type TestCase } from './schema.ts'

export interface CasesFile {
  /** For messages. */
  readonly file: string
  readonly text: string
}

/** A case with its place. */
export interface PlacedCase extends TestCase {
  readonly file: string
  readonly line: number
}

/** The cases of a file for this policy. Throws ConfigError with everything that is wrong. */
export function parseCases({ file, text }: CasesFile, policy: PolicyDocument): readonly PlacedCase[] {
  const document = readDocument(text, null)
  const faults: ConfigProblem[] = document.faults.map((fault) => ({
    file,
    path: '',
    instead: null,
    ...fault,
  }))
  const place = ({ path, at, message, instead }: Complaint) => ({
    file,
    ...document.locate(path, at),
    path: formatPath(path),
    message,
    instead,
  })
  if (document.value === undefined) throw new ConfigError(faults)
  const value = mapping(document.value)
  const result = casesSchema.safeParse(document.value)
  if (!result.success) {
    const { issues } = result.error
    const explained = issues.flatMap((issue) => explainIssue(issue, value, {}, CASE_KEYS))
    throw new ConfigError([...faults, ...explained.map(place)])
  }
  const strange = result.data.cases.flatMap((one, at) => strangers(one, at, policy))
  const problems = [...faults, ...strange.map(place)]
  if (problems.length > 0) throw new ConfigError(problems)
  return result.data.cases.map((one, at) => ({
    ...one,
    file,
    line: document.locate(['cases', at], 'value').line,
  }))
}

/** A case that expects a rule that is not there would pass for ever once the rule was renamed. */
function strangers(
  { rule, warns = [], request, names }: TestCase,
  at: number,
  { rules, webhooks }: PolicyDocument,
): Complaint[] {
  const known = rules.map(({ name }) => name)
  const complaints: Complaint[] = []
  const complain = (path: readonly (string | number)[], message: string, instead: string | null) =>
    complaints.push({ path: ['cases', at, ...path], at: 'value', message, instead })
  for (const [path, name] of [['rule', rule] as const, ...warns.map((one) => ['warns', one] as const)]) {
    if (name === undefined || name === 'default' || name.startsWith('policy:') || known.includes(name))
      continue
    complain([path], 'names a rule that the policy does not have', nearestName(name, known, 'rules'))
  }
  for (const webhook of Object.keys(request.webhooks)) {
    if (webhooks[webhook] !== undefined) continue
    const instead = nearestName(webhook, Object.keys(webhooks), 'webhooks')
    complain(['request', 'webhooks', webhook], 'names a webhook that the policy does not have', instead)
  }
  for (const name of Object.keys(names)) {
    if (request.names?.includes(name)) continue
    complain(['names', name], 'is no name of the request', null)
  }
  return complaints
}
