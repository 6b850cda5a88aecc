// Every call of acme-client's public interface that asks a server; one line of JSON for each: {call, fault}.
import { createServer } from 'node:http'
import acme from 'acme-client'

const { ACME_DIRECTORY, ACME_HTTP_PORT } = process.env
const answers = new Map()
const web = createServer(({ url }, response) => response.end(answers.get(url.split('/').at(-1)) ?? ''))
await new Promise((listening) => web.listen(Number(ACME_HTTP_PORT), '127.0.0.1', listening))

/** @param {string} name @param {() => Promise<unknown>} run */
async function call(name, run) {
  try {
    const value = await run()
    console.log(JSON.stringify({ call: name, fault: null }))
    return value
  } catch (error) {
    console.log(JSON.stringify({ call: name, fault: String(error?.message ?? error) }))
    return undefined
  }
}
function must(holds, what) {
  if (!holds) throw new Error(what)
}
async function refuses(run, pattern) {
  const fault = await run().then(
    () => 'nothing was refused',
    (error) => String(error.message),
  )
  must(pattern.test(fault), `refused as: ${fault}`)
}

const clientOf = (accountKey, accountUrl) =>
  new acme.Client({ directoryUrl: ACME_DIRECTORY, accountKey, accountUrl, backoffMin: 100, backoffMax: 400 })
const key = await acme.crypto.createPrivateEcdsaKey()
const client = clientOf(key)
const contact = ['mailto:tour@example.test']
const dns = (...values) => ({ identifiers: values.map((value) => ({ type: 'dns', value })) })

await call('getTermsOfServiceUrl', async () =>
  must((await client.getTermsOfServiceUrl()) !== null, 'no terms'),
)
await call('getAccountUrl before there is one', async () =>
  refuses(async () => client.getAccountUrl(), /No account URL/),
)
await call('createAccount without terms', () => refuses(() => client.createAccount({ contact }), /terms/))
await call('createAccount, onlyReturnExisting', () =>
  refuses(() => client.createAccount({ onlyReturnExisting: true }), /account/),
)
await call('createAccount', async () => {
  const account = await client.createAccount({ termsOfServiceAgreed: true, contact })
  must(account.status === 'valid' && account.contact[0] === contact[0], JSON.stringify(account))
})
await call('createAccount again', async () => {
  const again = clientOf(key)
  await again.createAccount({ termsOfServiceAgreed: true })
  must(again.getAccountUrl() === client.getAccountUrl(), 'another account')
})
await call('updateAccount', async () => {
  const changed = await client.updateAccount({ contact: ['mailto:changed@example.test'] })
  must(changed.contact[0] === 'mailto:changed@example.test', JSON.stringify(changed))
})
await call('updateAccountKey', async () => {
  const next = await acme.crypto.createPrivateRsaKey()
  await client.updateAccountKey(next)
  await clientOf(next, client.getAccountUrl()).updateAccount()
})

async function order(...names) {
  const made = await client.createOrder(dns(...names))
  must(made.url && made.finalize && made.authorizations.length === names.length, JSON.stringify(made))
  return made
}
async function solved(made) {
  for (const authorization of await client.getAuthorizations(made)) {
    const challenge = authorization.challenges.find(({ type }) => type === 'http-01')
    answers.set(challenge.token, await client.getChallengeKeyAuthorization(challenge))
    await client.completeChallenge(challenge)
    await client.waitForValidStatus(challenge)
  }
}
await call('createOrder without names', () =>
  refuses(() => client.createOrder({ identifiers: [] }), /identifiers/),
)
const made = await call('createOrder', () => order('tour.test', 'www.tour.test'))
await call('getOrder', async () => must((await client.getOrder(made)).status === 'pending', 'not pending'))
await call('getAuthorizations, completeChallenge, waitForValidStatus', () => solved(made))
const [certificateKey, csr] = await acme.crypto.createCsr({ altNames: ['tour.test', 'www.tour.test'] })
await call('finalizeOrder with other names', async () => {
  const [, other] = await acme.crypto.createCsr({ altNames: ['other.test', 'www.tour.test'] })
  await refuses(() => client.finalizeOrder(made, other), /CSR|name/)
})
await call('finalizeOrder', () => client.finalizeOrder(made, csr))
const pem = await call('getCertificate', () => client.getCertificate(made))
await call('getCertificate with a chain that nobody has', async () =>
  must((await client.getCertificate(made, 'Nobody')) === pem, 'another certificate'),
)
await call('revokeCertificate', () => client.revokeCertificate(pem, { reason: 1 }))
await call('revokeCertificate again', () => refuses(() => client.revokeCertificate(pem), /already/i))
await call('deactivateAuthorization', async () => {
  const [authorization] = await client.getAuthorizations(await order('given-up.test'))
  must((await client.deactivateAuthorization(authorization)).status === 'deactivated', 'not deactivated')
})
await call('waitForValidStatus of what becomes invalid', async () => {
  const [{ challenges }] = await client.getAuthorizations(await order('nobody.test'))
  const challenge = challenges.find(({ type }) => type === 'http-01')
  await client.completeChallenge(challenge)
  await refuses(() => client.waitForValidStatus(challenge), /./)
})
await call('auto', async () => {
  const [, request] = await acme.crypto.createCsr({ altNames: ['auto.test'] })
  const chain = await client.auto({
    csr: request,
    termsOfServiceAgreed: true,
    skipChallengeVerification: true,
    challengePriority: ['http-01'],
    challengeCreateFn: async (_, { token }, answer) => void answers.set(token, answer),
    challengeRemoveFn: async (_, { token }) => void answers.delete(token),
  })
  must(acme.crypto.readCertificateInfo(chain).domains.altNames.includes('auto.test'), 'not for the name')
})
await call('updateAccount, deactivated', async () => {
  must((await client.updateAccount({ status: 'deactivated' })).status === 'deactivated', 'not deactivated')
  await refuses(() => client.createOrder(dns('a.test')), /deactivated/)
})
must(certificateKey.length > 0, 'no key')
web.closeAllConnections()
web.close()
