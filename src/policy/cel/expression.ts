import type { ASTNode, Environment } from '@marcbachmann/cel-js'
import { compileRegExp, type RegularExpression } from '../regular-expression.ts'
import { Tank, weightOf } from './fuel.ts'
import { environment, VARIABLES, type Variable } from './variables.ts'

/**
 * Expressions of the Common Expression Language (CEL), made safe. The library evaluates without bounds, and its
 * `matches` backtracks. Here every node that is evaluated burns fuel by the size of what it made, only functions whose
 * cost follows from their arguments are let in, and regular expressions are RE2's, written out and compiled at load.
 */
export interface Expression {
  readonly reads: ReadonlySet<Variable>
  /** Webhooks whose answers it reads. */
  readonly webhooks: readonly string[]
  /** Its value. Throws the library's error where something it reads is not there, and OutOfFuel. */
  evaluate(values: Readonly<Record<string, unknown>>, request: object): unknown
  /** Whether {@link evaluate} could only throw OutOfFuel over this request. */
  isSpent(request: object): boolean
}

/** UTF-16 code units. */
const SOURCE_LIMIT = 4000

/** Units of fuel beyond the weight of what they give. */
const FUNCTIONS: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    ['all', 'exists', 'exists_one', 'filter', 'map', 'bind', 'has', 'size', 'type', 'dyn', 'bool', 'int'].map(
      (name) => [name, 0],
    ),
  ),
  ...Object.fromEntries(
    [
      'uint',
      'double',
      'string',
      'startsWith',
      'endsWith',
      'contains',
      'lowerAscii',
      'upperAscii',
      'trim',
    ].map((name) => [name, 2]),
  ),
  ...Object.fromEntries(['substring', 'split', 'matches', 'timestamp', 'duration'].map((name) => [name, 5])),
  ...Object.fromEntries(
    [
      'Date',
      'DayOfMonth',
      'DayOfWeek',
      'DayOfYear',
      'FullYear',
      'Hours',
      'Milliseconds',
      'Minutes',
      'Month',
      'Seconds',
    ].map((part) => [`get${part}`, 300]),
  ),
}

/** What an error costs: it is made with its place in the source. */
const ERROR = 100
/** Fuel for one instruction of a regular expression at one character. */
const MATCHING = 1 / 20
/** No function of the library has this name. */
const MATCHES = 'matchesExpression'

/** Nodes that give what was weighed already: a branch, or the list that a loop adds to. */
const PASSED_ON: ReadonlySet<string> = new Set(['?:', 'accuPush', 'accuValue'])

/** What the library evaluates with; functions are called with it as `this`. */
interface Evaluator {
  run(node: Node, context: unknown): unknown
  tryEval(node: Node, context: unknown): unknown
}
interface Node {
  readonly op: string
  evaluate(evaluator: Evaluator, node: Node, context: unknown): unknown
}

const tank = new Tank()
const expressions = new Map<string, RegularExpression>()
const shared = metered(environment())

/** Fault: what is wrong with it, in one line, and what may be written instead. */
export function compileExpression(text: string): Expression | { readonly fault: string } {
  if (text.length > SOURCE_LIMIT)
    return { fault: `an expression may have ${SOURCE_LIMIT} characters; this one has ${text.length}` }
  try {
    const checked = shared.parse(text).check()
    if (!checked.valid) return { fault: withVariables(checked.error) }
    if (checked.type !== 'bool' && checked.type !== 'dyn')
      return { fault: `it has to be true or false, and gives ${checked.type}` }
    const parsed = shared.parse(text)
    const used = new Walk()
    used.take(parsed.ast)
    if (used.fault !== null) return { fault: used.fault }
    const again = parsed.check()
    if (!again.valid) return { fault: oneLine(again.error) }
    return {
      reads: used.reads,
      webhooks: [...used.webhooks],
      isSpent: (request) => tank.isSpent(request),
      evaluate(values, request) {
        tank.fill(request)
        try {
          tank.burn(1)
          return parsed(values)
        } finally {
          tank.settle(request)
        }
      },
    }
  } catch (error) {
    return { fault: withVariables(error) }
  }
}

/** Everything below the root is evaluated by `run` and `tryEval` of one evaluator. */
function metered(made: Environment): Environment {
  let evaluator: Evaluator | null = null
  made.registerFunction(
    'evaluatorOf(): bool',
    function (this: Evaluator) {
      evaluator = this
      return true
    },
    { async: false },
  )
  made.evaluate('evaluatorOf()', {})
  const own = evaluator as Evaluator | null
  if (own === null) throw new Error('cel-js no longer calls functions with its evaluator')
  own.run = (node, context) => {
    const value = node.evaluate(own, node, context)
    tank.burn(PASSED_ON.has(node.op) ? 1 : weightOf(value) + (costs.get(node) ?? 0))
    return value
  }
  own.tryEval = (node, context) => {
    try {
      return own.run(node, context)
    } catch (error) {
      tank.burn(ERROR)
      return error
    }
  }
  made.registerFunction(
    `string.${MATCHES}(string): bool`,
    (text: string, pattern: string) => {
      const expression = expressions.get(pattern)
      if (expression === undefined) throw new Error('a regular expression that was not compiled')
      tank.burn(expression.size * Math.min(text.length, 512) * MATCHING)
      return expression.test(text)
    },
    { async: false },
  )
  return made
}

/** Nodes that cost more than what they give. */
const costs = new WeakMap<Node, number>()

/** Goes over an expression before it is checked: judges what it calls, and puts RE2 in the place of `matches`. */
class Walk {
  readonly reads = new Set<Variable>()
  readonly webhooks = new Set<string>()
  fault: string | null = null

  take(node: ASTNode): void {
    if (this.fault !== null) return
    if (node.op === 'id' && Object.hasOwn(VARIABLES, node.args)) this.reads.add(node.args as Variable)
    if (node.op === 'call') this.#call(node, node.args[0], node.args[1])
    if (node.op === 'rcall') {
      this.#call(node, node.args[0], node.args[2])
      if (node.args[0] === 'matches') this.#matches(node.args)
    }
    if (node.op === '.' || node.op === '[]') this.#field(node.args[0], node.args[1])
    for (const child of childrenOf(node)) this.take(child)
  }

  #call(node: ASTNode, name: string, parameters: readonly ASTNode[]): void {
    const cost = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined
    if (cost === undefined) {
      this.fault = `the function ${name} is not to be had here; there are ${Object.keys(FUNCTIONS).join(', ')}`
      return
    }
    costs.set(node as unknown as Node, cost + (name === 'contains' ? searching(parameters[0]) : 0))
    // The library reads it by a regular expression of its own, which backtracks.
    const [first] = parameters
    if (name === 'duration' && first && textIn(first, 32) === null)
      this.fault = 'duration() takes a text that is written out, "36h"'
  }

  #matches(parts: [string, ASTNode, ASTNode[]]): void {
    const pattern = parts[2][0]
    const text = pattern ? textIn(pattern, Number.POSITIVE_INFINITY) : null
    if (text === null) {
      this.fault = 'matches() takes a regular expression that is written out, "^www[.]"'
      return
    }
    const compiled = expressions.get(text) ?? compileRegExp(text)
    if ('fault' in compiled) this.fault = compiled.fault
    else {
      expressions.set(text, compiled)
      parts[0] = MATCHES
    }
  }

  #field(of: ASTNode, field: ASTNode | string): void {
    if (of.op !== 'id' || of.args !== 'webhooks') return
    const name = typeof field === 'string' ? field : textIn(field, 200)
    if (name === null) this.fault = 'webhooks[…] takes the name of a webhook that is written out'
    else this.webhooks.add(name)
  }
}

/** Looking for a long text in another one can cost as much as both lengths multiplied. */
function searching(pattern: ASTNode | undefined): number {
  return pattern !== undefined && textIn(pattern, 64) !== null ? 0 : 200
}

function textIn(node: ASTNode, most: number): string | null {
  return node.op === 'value' && typeof node.args === 'string' && node.args.length <= most ? node.args : null
}

function childrenOf(node: ASTNode): readonly ASTNode[] {
  const { args } = node as { readonly args: unknown }
  return (Array.isArray(args) ? args : [args]).flat(3).filter(isNode)
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value
}

function withVariables(error: unknown): string {
  const line = oneLine(error)
  return line.startsWith('Unknown variable')
    ? `${line}; there are ${Object.keys(VARIABLES).join(', ')}`
    : line
}

/** The library shows the source below its message. */
function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.split('\n', 1)[0]!.slice(0, 300)
}
