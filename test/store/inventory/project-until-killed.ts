/** Takes a record in, slice by slice, until it is killed; begins the inventory anew when nothing is left. */
import { keeperOf } from './inventory-world.ts'

const folder = process.argv[2]
if (!folder) throw new Error('which folder?')
const keeper = keeperOf(folder)
process.stdout.write('ready\n')
for (;;) {
  if (!keeper.step()) await keeper.rebuild()
}
