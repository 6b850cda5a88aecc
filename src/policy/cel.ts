import { askedWhere, type Family } from './asked-where.ts'
import { compileExpression } from './cel/expression.ts'
import { OutOfFuel } from './cel/fuel.ts'
import { type Variable, valuesOf } from './cel/variables.ts'
import type { PolicyFacts } from './facts.ts'
import type { PolicyName } from './names/policy-name.ts'
import type { Truth } from './truth.ts'

/** A `cel:` condition. What it may read: cel/variables.ts. */
export interface CelCondition {
  /** Whether it reads the name that is judged. */
  readonly perName: boolean
  /** What has to be looked up for it. */
  readonly needs: { readonly account: boolean; readonly order: boolean }
  /** Webhooks that have to be asked before it can be told. */
  readonly webhooks: readonly string[]
  /**
   * Unknown where something it reads is not known, or it is too much work. Where that is because the request is another
   * one of the issuance than has it (a key before `finalize`): elsewhere; where such requests never have it: none.
   * Never throws.
   */
  test(facts: PolicyFacts, name: PolicyName | null): Truth
}

const FAMILIES: Readonly<Partial<Record<Variable, Family>>> = {
  name: 'name',
  names: 'name',
  profile: 'order',
  validity: 'order',
  replaces: 'order',
  key: 'csr',
  csr: 'csr',
  webhooks: 'webhook',
}

/** Fault: what is wrong with the expression, in one line. */
export function compileCel(text: string): CelCondition | { readonly fault: string } {
  const expression = compileExpression(text)
  if ('fault' in expression) return expression
  const { reads, webhooks } = expression
  const families = [...reads].flatMap((variable) => FAMILIES[variable] ?? [])
  return {
    perName: reads.has('name'),
    needs: {
      account: reads.has('client') && /contacts|external_account/.test(text),
      order: families.includes('order'),
    },
    webhooks,
    test(facts, name) {
      if (reads.has('name') && name === null) return 'none'
      if (expression.isSpent(facts)) return 'unknown'
      try {
        const value = expression.evaluate(valuesOf(facts, name), facts)
        if (typeof value === 'boolean') return value ? 'true' : 'false'
      } catch (error) {
        if (error instanceof OutOfFuel) return 'unknown'
      }
      return openBecause(families, facts)
    },
  }
}

function openBecause(families: readonly Family[], { operation }: PolicyFacts): Truth {
  const asked = families.map((family) => askedWhere(family, operation))
  if (asked.includes('no')) return 'none'
  return asked.includes('later') ? 'elsewhere' : 'unknown'
}
