import { BUILT_IN_ROWS } from './built-in-rows.ts'
import { CLIENT_ROWS } from './client-rows.ts'
import { CSR_ROWS } from './csr-rows.ts'
import { EFFECT_ROWS } from './effect-rows.ts'
import { NAME_ROWS } from './name-rows.ts'
import type { PlaceMode } from './place.ts'
import { REQUEST_ROWS } from './request-rows.ts'
import type { Case, Row } from './row.ts'
import { SAMPLE_ROWS } from './sample-rows.ts'

const ROWS: readonly Row[] = [
  ...NAME_ROWS,
  ...CLIENT_ROWS,
  ...REQUEST_ROWS,
  ...CSR_ROWS,
  ...EFFECT_ROWS,
  ...BUILT_IN_ROWS,
  ...SAMPLE_ROWS,
]

/** A row in the modes where it is shown, with what is shown there. */
export interface Chosen {
  readonly row: Row
  readonly cases: readonly Case[]
  readonly modes: readonly PlaceMode[]
}

const MODES: readonly PlaceMode[] = ['relay', 'intercept']

export function everything(): Chosen[] {
  return ROWS.map((row) => ({ row, cases: row.cases, modes: MODES.filter((mode) => isShownIn(row, mode)) }))
}

/**
 * Each row with the quickest clients that can show it: conditions in one mode, by turns, what acts and what is built in in
 * both.
 */
export function aFew(): Chosen[] {
  return ROWS.map((row, at) => {
    const modes = MODES.filter((mode) => isShownIn(row, mode))
    const isCondition = !EFFECT_ROWS.includes(row) && !BUILT_IN_ROWS.includes(row)
    const mode = modes[at % modes.length]!
    return { row, cases: quickest(row), modes: isCondition ? [mode] : modes }
  })
}

function isShownIn({ only }: Row, mode: PlaceMode): boolean {
  return only === undefined || only === mode
}

/** Libraries in this process; programs only where nothing else shows that side. */
function quickest({ cases }: Row): readonly Case[] {
  const isQuick = ({ client }: Case): boolean => client.startsWith('npm')
  const quick = cases.filter(isQuick)
  const sides = [
    (one: Case) => one.denied !== undefined,
    (one: Case) => one.denied === undefined && one.would === undefined,
  ]
  const missing = sides.flatMap((side) => (quick.some(side) ? [] : cases.filter(side).slice(0, 1)))
  return cases.filter((one) => quick.includes(one) || missing.includes(one))
}
