/** Writes to the engine's store of argv[2] and says each write on stdout once it has resolved, until it is killed. */
import { writeSync } from 'node:fs'
import { openEngineStore } from '../../../src/store/sqlite/engine/open-engine-store.ts'
import { engineJob, keptCertificate } from '../../support/engine/engine-values.ts'

const [, , folder = '', where] = process.argv
const store = await openEngineStore({ folder, where: where === 'here' ? 'here' : 'thread' })
for (let n = 0; ; n++) {
  const job = engineJob({ id: `j${n}`, certificate: `c${n}` })
  await store.addJob(job)
  writeSync(1, `job ${n}\n`)
  await store.putJob({ ...job, step: 'finalizing', announced: `e${n}` })
  writeSync(1, `announced ${n}\n`)
  await store.putIssued({ ...job, step: 'issued' }, keptCertificate({ certificate: `c${n}`, job: `j${n}` }))
  writeSync(1, `issued ${n}\n`)
}
