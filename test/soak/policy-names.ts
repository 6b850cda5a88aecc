import { judgeOf, opinionsOf, searchBypasses } from '../support/policy-names/bypass.ts'
import { generated } from '../support/policy-names/generated.ts'
import { bypassTable } from '../support/policy-names/spellings.ts'
import { random, type Soak } from './soak.ts'

/** Each has scopes of its own. */
const BATCH = 10_000

export const policyNames: Soak = {
  proves:
    'no spelling of a name gets past a policy that protects it, by two oracles (threats W8, J9, J17, J18)',
  unit: 'generated spellings, after the table',
  size: 200_000,
  async run({ size, seed, progress }) {
    const next = random(seed)
    const figures: Record<string, number> = { seed }
    const failures: string[] = []
    const search = async ({ questions, scopes }: ReturnType<typeof generated>) => {
      const opinions = await opinionsOf(questions, scopes)
      const report = searchBypasses(questions, scopes, opinions, judgeOf(scopes))
      for (const [figure, value] of Object.entries(report.figures)) {
        figures[figure] = (figures[figure] ?? 0) + value
      }
      for (const told of report.bypasses) failures.push(`bypass: ${told}`)
      for (const told of report.inVain) failures.push(`in vain: ${told}`)
    }
    await search(bypassTable())
    progress(`table: ${figures.questions} spellings`)
    for (let left = size; left > 0; left -= BATCH) {
      await search(generated(Math.min(left, BATCH), next))
      progress(`${figures.questions} spellings, ${figures.bypasses} bypasses`)
    }
    return { figures, failures, late: [] }
  },
}
