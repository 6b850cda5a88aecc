import type { Deciding } from '../../exchange/decision.ts'
import type {
  ExplainedCondition,
  ExplainedName,
  ExplainedRule,
  Explanation,
  RecordedComparison,
} from '../../policy/explanation.ts'
import { escapeText } from '../escape.ts'
import { type Column, renderFields, renderProse, renderTable } from '../render.ts'
import type { Terminal } from '../terminal.ts'
import { modeText } from './show.ts'

/** The whole way to a decision. `all`: with what could not match or came afterwards. Ends in a newline. */
export function renderExplanation(terminal: Terminal, explanation: Explanation, all: boolean): string {
  const { colors } = terminal
  const { policy, request, told, names, moreNames, warnings, elsewhere, recorded } = explanation
  return [
    `${colors.bold(headline(explanation))}\n`,
    '\n',
    renderFields(terminal, [
      ['policy', `${policy.file ?? 'of the record'}, digest ${policy.digest.slice(0, 12)}`],
      ['mode', modeText(policy.mode)],
      ['request', `${request.operation} at ${request.ca}, by ${request.mode}, ${request.at}`],
      [
        'names',
        request.identifiers === null
          ? 'not known: the object was not made through acmetap'
          : namesText(request.identifiers.map(({ value }) => value)),
      ],
      ...readFields(explanation),
    ]),
    recorded === null ? '' : renderRecorded(terminal, recorded),
    told === null ? '' : renderTold(terminal, told),
    warnings.length === 0 ? '' : `\n${colors.bold('warnings')}\n`,
    ...warnings.map(({ rule, message }) => renderProse(terminal, `  ${escapeText(rule)}  `, message, 4)),
    elsewhere.length === 0
      ? ''
      : `\n${colors.bold('asked at another request of the issuance')}\n${elsewhere.map((text) => `  ${escapeText(text)}\n`).join('')}`,
    ...names.map((one) => renderName(terminal, one, all)),
    moreNames === 0 ? '' : `\nand ${moreNames} more names; --json has no more of them either\n`,
  ].join('')
}

/** `passes, but rule internal-only would deny it`. */
function headline({ decided, would, names }: Explanation): string {
  if (decided.effect === 'deny') return `denied by ${ruleText(decided)}`
  if (would.effect === 'deny') return `passes; ${ruleText(would)} would deny it if the policy were enforced`
  const [only, ...others] = names
  const by = only === undefined || others.length > 0 ? '' : `: ${ruleText(only.decided)} allows it`
  return `passes${by}`
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

function renderRecorded(terminal: Terminal, recorded: RecordedComparison): string {
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
      ['differs', differs.length === 0 ? 'nothing: the decision is the same' : differs.join(', ')],
    ]),
    ...unknown.map((line) => renderProse(terminal, '  not known any more: ', line, 4)),
  ].join('')
}

function renderTold(terminal: Terminal, told: NonNullable<Explanation['told']>): string {
  const { colors } = terminal
  const title = told.inForce ? 'what the client is told' : 'what the client would be told'
  return [
    `\n${colors.bold(title)}\n`,
    renderProse(terminal, `  ${told.status}  `, told.detail, 7),
    renderFields(terminal, [
      ['type', told.type],
      ['help', told.help],
      ['subproblems', told.subproblems.length === 0 ? null : String(told.subproblems.length)],
    ]),
  ].join('')
}

function renderName(terminal: Terminal, name: ExplainedName, all: boolean): string {
  const { colors } = terminal
  const { identifier, normalised, fault, decided, would, rules } = name
  const title = identifier === null ? 'the request' : identifier.value
  const shown = all
    ? rules
    : rules.filter(({ matched, role }) => matched !== 'false' && role !== 'afterwards')
  const hidden = rules.length - shown.length
  const near = rules.filter(
    ({ conditions }) => conditions !== null && (all || shown.some(({ role }) => role !== 'afterwards')),
  )
  return [
    `\n${colors.bold(escapeText(title))}  ${verdictText(terminal, decided, would)}\n`,
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

function verdictText({ colors }: Terminal, decided: Deciding, would: Deciding): string {
  if (decided.effect === 'deny') return colors.red(`denied by ${ruleText(decided)}`)
  if (would.effect === 'deny') return colors.yellow(`passes; ${ruleText(would)} would deny it`)
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

const MATCHED: Readonly<Record<ExplainedRule['matched'], string>> = {
  true: 'yes',
  false: 'no',
  unknown: 'not known',
  elsewhere: 'asked elsewhere',
  none: 'not about this',
  expired: 'expired',
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
