/**
 * Some of the matrix in mode broker, as one line of JSON. Runs in a namespace of its own; arguments:
 * `CLIENT:PROOF:CHALLENGE`.
 */
import { type Choice, choose } from '../matrix/cases.ts'
import { runMatrix } from '../matrix/run-matrix.ts'
import { unmask } from '../support/environment.ts'
import { ALL_CLIENTS } from '../support/peers/clients.ts'

export type Told = Awaited<ReturnType<typeof runMatrix>>

unmask(process.env)
const wanted = process.argv.slice(2)
const all = choose(ALL_CLIENTS, { mode: ['broker'] })
const groups = all.groups.flatMap((group) => {
  const cases = wanted.flatMap(
    (asked) =>
      group.cases.find(
        ({ broker, challenge }) => `${group.client.name}:${broker?.proof}:${challenge}` === asked,
      ) ?? [],
  )
  return cases.length === 0 ? [] : [{ ...group, cases }]
})
const choice: Choice = { ...all, everyone: false, groups }
console.log(JSON.stringify((await runMatrix(choice, (line) => console.error(line))) satisfies Told))
