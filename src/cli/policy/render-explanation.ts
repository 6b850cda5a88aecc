import type { Deciding } from '../../exchange/decision.ts'
import type {
  ExplainedCondition,
  ExplainedName,
  ExplainedRule,
  Explanation,
  RecordedComparison,
} from '../../policy/explanation.ts'
import { escapeText } from '../escape.ts'
import { MATCHED } from '../exchanges/policy-fields.ts'
import { type Column, renderFields, renderProse, renderTable } from '../render.ts'
import type { Terminal } from '../terminal.ts'
import { enforced, modeText } from './show.ts'

/** The whole way to a decision. `all`: with what could not match or came afterwards. Ends in a newline. */
export function renderExplanation(terminal: Terminal, explanation: Explanation, all: boolean): string {
  const { colors } = terminal
  const { policy, request, told, names, moreNames, warnings, elsewhere, recorded } = explanation
  return [
    `${colors.bold(headline(explanation))}\n`,
    '\n',
    renderFields(terminal, [
      ['policy', policyText(policy)],
      [
        'mode',
        modeText(
          policy.mode,
          names.some(({ rules }) => rules.some(enforced)),
        ),
      ],
      ['request', `${request.operation} at ${request.ca}, by ${request.mode}, ${request.at}`],
      [
        'names',
        request.identifiers === null
          ? 'not known: the object was not made through acmetap'
          : namesText(request.identifiers.map(({ value }) => value)),
      ],
      ...readFields(explanation),
    ]),
    recorded === null ? '' : renderRecorded(terminal, recorded, all || restsOnUnknown(names)),
    told === null ? '' : renderTold(terminal, told, ownersOf(names)),
    warnings.length === 0 ? '' : `\n${colors.bold('warnings')}\n`,
    ...warnings.map(({ rule, message }) => renderProse(terminal, `  ${escapeText(rule)}  `, message, 4)),
    elsewhere.length === 0
      ? ''
      : `\n${colors.bold('asked at another request of the issuance')}\n${elsewhere.map((text) => `  ${escapeText(text)}\n`).join('')}`,
    ...names.map((one) => renderName(terminal, one, policy, all)),
    moreNames === 0 ? '' : `\nand ${moreNames} more names; --json has no more of them either\n`,
    recorded === null
      ? ''
      : `\nThe request itself, and who asked: acmetap exchanges show ${escapeText(recorded.exchange)}\n`,
  ].join('')
}

/** `passes, but rule internal-only would deny it`. */
function headline({ policy, decided, would, names }: Explanation): string {
  if (decided.effect === 'deny') return `denied by ${ruleText(decided)}${unknownText(names, 'decides')}`
  if (would.effect === 'deny') {
    return `passes; ${ruleText(would)} would deny it if the policy were enforced${unknownText(names, 'would decide')}`
  }
  const [only, ...others] = names
  if (only === undefined || others.length > 0 || isOpen(policy, only.decided)) return 'passes'
  return `passes: ${ruleText(only.decided)} allows it`
}

/** A rule that denies because nobody knows better says so first. */
function unknownText(names: readonly ExplainedName[], role: ExplainedRule['role']): string {
  const guessed = names.some(({ rules }) =>
    rules.some((rule) => rule.role === role && rule.effect === 'deny' && rule.matched === 'unknown'),
  )
  return guessed ? ', because something it asks is not known' : ''
}

/** What passes only because the policy's default of deny is not enforced. */
function isOpen(policy: Explanation['policy'], { effect, rule }: Deciding): boolean {
  return effect === 'allow' && rule === 'default' && policy.default === 'deny'
}

/** Whether some rule could be judged better if more were known. */
export function restsOnUnknown(names: readonly ExplainedName[]): boolean {
  return names.some(({ rules }) =>
    rules.some(
      ({ matched, role, effect }) => matched === 'unknown' && role !== 'afterwards' && effect !== 'warn',
    ),
  )
}

function ownersOf(names: readonly ExplainedName[]): string | null {
  const owners = names
    .flatMap(({ rules }) => rules)
    .filter(({ role, effect }) => effect === 'deny' && (role === 'decides' || role === 'would decide'))
    .map(({ owner }) => owner)
    .filter((owner) => owner !== null)
  return [...new Set(owners)].join(', ') || null
}

/** A policy of the record is called by its digest already. */
function policyText({ file, digest }: Explanation['policy']): string {
  const short = digest.slice(0, 12)
  return file?.startsWith(`policy ${short}`)
    ? file.slice('policy '.length)
    : `${file ?? 'of the record'}, digest ${short}`
}

function ruleText({ rule }: Deciding): string {
  if (rule === 'default') return 'the default'
  return rule.startsWith('policy:') ? `what is built in (${escapeText(rule)})` : `rule ${escapeText(rule)}`
}

const SHOWN_NAMES = 20
function namesText(names: readonly string[]): string | null {
  if (names.length === 0) return null
  const more = names.length > SHOWN_NAMES ? ` and ${names.length - SHOWN_NAMES} more` : ''
  return `${names.slice(0, SHOWN_NAMES).join(', ')}${more}`
}

function readFields({ read }: Explanation): (readonly [string, string | null])[] {
  const { history = {}, externalAccount, keyUses, accountKey, webhooks = {} } = read
  return [
    ...Object.entries(history).map(([question, count]) => [escapeText(question), String(count)] as const),
    ['external account', externalAccount ?? null],
    [
      'key used for',
      keyUses === undefined ? null : keyUses.map((names) => names.join(' ')).join('; ') || 'nothing before',
    ],
    ['account key', accountKey === undefined ? null : accountKey ? "the CSR's key is an account's" : 'no'],
    ...Object.entries(webhooks).map(
      ([name, { allow, reason }]) =>
        [
          `webhook ${escapeText(name)}`,
          `${allow === null ? 'no answer' : allow ? 'allows' : 'denies'}${reason === null ? '' : `: ${reason}`}`,
        ] as const,
    ),
  ]
}

const DIFFERS: ReadonlyMap<string, string> = new Map([
  ['decided', 'the decision'],
  ['would', 'the decision as if enforced'],
  ['names', 'what becomes of single names'],
])

function renderRecorded(terminal: Terminal, recorded: RecordedComparison, withUnknown: boolean): string {
  const { digest, by, effect, differs, unknown } = recorded
  const then =
    digest === null
      ? 'no policy was in force'
      : `policy ${digest.slice(0, 12)} ${effect === 'deny' ? 'denied it' : 'let it pass'}`
  return [
    `\n${terminal.colors.bold('the record')}\n`,
    renderFields(terminal, [
      ['exchange', recorded.exchange],
      ['then', then],
      ['explained by', by === 'then' ? 'the policy of that time' : 'the candidate'],
      [
        'differs',
        differs.length === 0
          ? 'nothing: the decision is the same'
          : differs.map((part) => DIFFERS.get(part) ?? part).join(', '),
      ],
    ]),
    ...(withUnknown ? unknown.map((line) => renderProse(terminal, '  not in the record: ', line, 4)) : []),
  ].join('')
}

function renderTold(
  terminal: Terminal,
  told: NonNullable<Explanation['told']>,
  owner: string | null,
): string {
  const { colors } = terminal
  const title = told.inForce ? 'what the client is told' : 'what the client would be told'
  return [
    `\n${colors.bold(title)}\n`,
    renderProse(terminal, `  ${told.status}  `, told.detail, 7),
    renderFields(terminal, [
      ['type', told.type],
      ['help', told.help],
      ['owner', owner],
      ['subproblems', told.subproblems.length === 0 ? null : String(told.subproblems.length)],
    ]),
  ].join('')
}

function renderName(
  terminal: Terminal,
  name: ExplainedName,
  policy: Explanation['policy'],
  all: boolean,
): string {
  const { colors } = terminal
  const { identifier, normalised, fault, decided, would, rules } = name
  const title = identifier === null ? 'the request' : identifier.value
  const shown = all
    ? rules
    : rules.filter((rule) => (rule.matched !== 'false' && rule.role !== 'afterwards') || isWanted(rule, name))
  const hidden = rules.length - shown.length
  const near = rules.filter(
    ({ conditions }) => conditions !== null && (all || shown.some(({ role }) => role !== 'afterwards')),
  )
  return [
    `\n${colors.bold(escapeText(title))}  ${verdictText(terminal, policy, decided, would)}\n`,
    normalised !== null && identifier !== null && normalised !== identifier.value
      ? `  compared as ${escapeText(normalised)}\n`
      : '',
    fault === null ? '' : renderProse(terminal, '  ', fault),
    shown.length === 0 ? '' : renderTable(terminal, ruleColumns(terminal), shown),
    hidden === 0
      ? ''
      : colors.dim(
          `  ${hidden} ${hidden === 1 ? 'rule' : 'rules'} that did not match or came later: --all\n`,
        ),
    ...near.filter((rule) => shown.includes(rule)).map((rule) => renderConditions(terminal, rule)),
  ].join('')
}

/** Where no rule allows a name, those that came near are what a reader looks for. */
function isWanted({ effect, conditions }: ExplainedRule, { decided, would }: ExplainedName): boolean {
  const isLeft = [decided, would].some((by) => by.rule === 'default' && by.effect === 'deny')
  return isLeft && effect === 'allow' && conditions !== null
}

function verdictText(
  { colors }: Terminal,
  policy: Explanation['policy'],
  decided: Deciding,
  would: Deciding,
): string {
  if (decided.effect === 'deny') return colors.red(`denied by ${ruleText(decided)}`)
  if (would.effect === 'deny') return colors.yellow(`passes; ${ruleText(would)} would deny it`)
  if (isOpen(policy, decided)) return `passes; ${ruleText(would)} would allow it`
  return decided.rule === 'default' ? 'allowed by default' : `allowed by ${ruleText(decided)}`
}

function ruleColumns({ colors }: Terminal): Column<ExplainedRule>[] {
  return [
    { title: 'RULE', text: ({ rule }) => rule },
    { title: 'EFFECT', text: ({ effect }) => effect },
    { title: 'MODE', text: ({ mode }) => mode, from: 100 },
    {
      title: 'MATCHED',
      text: ({ matched }) => MATCHED[matched],
      paint: (text, { matched }) => (matched === 'unknown' ? colors.yellow(text) : text),
    },
    { title: 'SO IT', text: ({ role }) => role },
    { title: 'BECAUSE', text: ({ because }) => because ?? '', gives: true },
  ]
}

function renderConditions(terminal: Terminal, { rule, conditions }: ExplainedRule): string {
  if (conditions === null) return ''
  return `  ${terminal.colors.dim(`conditions of ${escapeText(rule)}`)}\n${conditionLines(terminal, conditions, 2).join('')}`
}

function conditionLines(
  terminal: Terminal,
  { text, truth, parts }: ExplainedCondition,
  depth: number,
): string[] {
  const said = MATCHED[truth]
  const mark = truth === 'true' ? terminal.colors.green(said) : said
  // The text of a combined condition repeats those of its parts.
  const own =
    parts.length === 0 ? text : (/^(any|not) \(/.exec(text)?.[1] ?? 'all').replace(/^a\w+$/, '$& of')
  return [
    `${'  '.repeat(depth)}${escapeText(own)}: ${mark}\n`,
    ...parts.flatMap((part) => conditionLines(terminal, part, depth + 1)),
  ]
}
