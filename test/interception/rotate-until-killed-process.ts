/** Rotates the authorities of a data folder in every way until it is killed; says a dot after each step. */
import { AuthorityFolder } from '../../src/interception/authority-folder.ts'
import { makeIssuingAuthority } from '../../src/interception/issuing-authority.ts'

const folder = new AuthorityFolder(process.argv[2]!)
const names = { dns: ['acme.test'], ips: [] }

const done = () => process.stdout.write('.')

for (let round = 0; ; round += 1) {
  await folder.createNext(names, new Date())
  done()
  await folder.activateNext()
  done()
  await folder.replaceCurrent(await makeIssuingAuthority(names, new Date(), String(round)))
  done()
}
