/**
 * Runs the drill in a namespace of its own and prints what came of it as one line of JSON; lines before it tell how far
 * it is. Arguments: `everything`, or `a-few` (see rows.ts); then texts that the rows wanted have to contain one of.
 */
import { unmask } from '../support/environment.ts'
import { aFew, everything } from './rows.ts'
import { runDrill } from './run.ts'
import { startPolicyWorld } from './world.ts'

unmask(process.env)
const [what = 'everything', ...wanted] = process.argv.slice(2)
const chosen = (what === 'a-few' ? aFew() : everything()).filter(
  ({ row }) => wanted.length === 0 || wanted.some((text) => row.shows.includes(text)),
)
const world = await startPolicyWorld()
try {
  const drill = await runDrill(world, chosen, ({ shows, mode, client, side, wrong, seconds }) => {
    console.error(`${mode} · ${shows} · ${client} ${side}: ${wrong ?? 'yes'} (${seconds.toFixed(1)} s)`)
  })
  console.log(JSON.stringify(drill))
} finally {
  await world.close()
}
